/** One person's phone, looked at twice a second. */

import { look, perform } from "./api.js";
import { part, tell } from "./dom.js";
import { Keyboard } from "./keyboard.js";
import { Log } from "./log.js";
import { Panel } from "./panel.js";

const PEOPLE = { oDemoZhang: "小张", oDemoLi: "小李", oDemoWang: "王大爷" };
const EVERY_MS = 500;
const NAMES = { wechat: "畅答服务号", wecom: "畅答客服" };

const address = new URLSearchParams(location.search);
const state = {
	side: address.get("side") === "wecom" ? "wecom" : "wechat",
	who: PEOPLE[address.get("who")] ? address.get("who") : Object.keys(PEOPLE)[0],
	screen: null,
	gone: false,
	trouble: "",
};

const FAILED = "没有成功：演示服务没有应答，或者现在不能这样做。";
const GONE = "连不上演示服务";

/** Does something and shows what came of it at once, or that it failed. */
async function act(name, body) {
	const doing = perform(state.side, state.who, name, body);
	setTimeout(refresh, 60);
	try {
		await doing;
		state.trouble = "";
	} catch {
		state.trouble = FAILED;
	}
	await refresh();
}

const log = new Log(part("log"), part("chat"), (number) => act("tap", { number }));
const keyboard = new Keyboard(part("foot"), act);
const panel = new Panel(part("panel"), act, PEOPLE, goTo);

function goTo(changes) {
	Object.assign(state, changes, { screen: null, trouble: "" });
	history.replaceState(null, "", `?${new URLSearchParams({ side: state.side, who: state.who })}`);
	log.clear();
	show();
	refresh();
}

async function refresh() {
	const { side, who } = state;
	try {
		const screen = await look(side, who);
		if (side === state.side && who === state.who) state.screen = screen;
		state.gone = false;
	} catch {
		state.gone = true;
	}
	show();
}

function show() {
	for (const tab of document.querySelectorAll("[role=tab]")) {
		tab.setAttribute("aria-selected", tab.dataset.side === state.side);
	}
	tell(part("title"), NAMES[state.side]);
	tell(part("message"), state.gone ? GONE : state.trouble);
	if (!state.screen) return;
	part("typing").hidden = !state.screen.typing;
	log.show(state.screen.seen);
	keyboard.show(state.side, state.screen);
	panel.show(state, state.screen);
}

function togglePanel(open = !document.body.hasAttribute("data-panel")) {
	document.body.toggleAttribute("data-panel", open);
	part("open-panel").setAttribute("aria-expanded", open);
	tell(part("open-panel"), open ? "回到聊天" : "平台");
}

for (const tab of document.querySelectorAll("[role=tab]")) {
	tab.addEventListener("click", () => goTo({ side: tab.dataset.side }));
}
part("open-panel").addEventListener("click", () => togglePanel());
addEventListener("keydown", (event) => event.key === "Escape" && togglePanel(false));

show();
refresh();
setInterval(() => document.hidden || refresh(), EVERY_MS);
