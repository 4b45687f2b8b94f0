/** Puts the chat together on every element marked data-changda-chat. */

import { createApi } from "./api.js";
import { createComposer } from "./composer.js";
import { createConversation } from "./conversation.js";
import { h } from "./dom.js";
import { createFrame } from "./frame.js";
import { createLog } from "./log.js";
import { createReader } from "./speech.js";
import { store } from "./store.js";

/** `root`'s data attributes: api, channel, app-token. */
export function mount(root) {
	const ui = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((node) => [node.dataset.part, node]));
	const { api, channel, appToken } = root.dataset;
	const title = document.title;

	const asked = new URLSearchParams(location.search).get("elderly");
	if (asked !== null) store.set("elderly", asked !== "0");
	let told;
	const chosen = { elderly: Boolean(store.get("elderly")), aloud: Boolean(store.get("aloud")) };

	function prefer(name, on) {
		chosen[name] = on;
		ui[name].setAttribute("aria-pressed", on);
		document.documentElement.toggleAttribute("data-elderly", chosen.elderly);
		if (!chosen.aloud) reader.hush();
		composer.fit();
	}

	function keep(name, on) {
		prefer(name, on);
		store.set(name, on);
	}

	for (const name of ["elderly", "aloud"]) {
		ui[name].addEventListener("click", () => {
			keep(name, !chosen[name]);
			if (name === "elderly") conversation.prefer({ elderly: chosen.elderly });
		});
	}

	const read = (text) => reader.read(text, chosen.elderly ? 0.85 : 1);
	const say = (text, event) => {
		reader.hush();
		conversation.say(text);
		// A button pressed by keyboard goes out of use, so the focus moves on.
		if (event?.detail === 0) ui.input.focus();
	};
	const reader = createReader(() => {
		root.classList.add("speaks");
		ui.aloud.hidden = false;
	});
	const frame = createFrame(root, ui, [ui.name.textContent, ui.presence.textContent]);
	const log = createLog(ui, {
		say, read,
		retry: (id) => conversation.retry(id),
		drop: (id) => conversation.drop(id),
		rate: (score, comment) => conversation.rate(score, comment),
	});
	const conversation = createConversation(createApi(api), {
		...frame,
		entry: log.entry,
		dropped: log.drop,
		typing: log.typing,
		renewed: log.begin,
		caughtUp: log.goLive,
		message(message, live) {
			log.show(message, live);
			if (!live || !["bot", "agent"].includes(message.sender)) return;
			if (chosen.aloud) read(message.text.replace(/[*#]/g, ""));
			if (document.hidden) document.title = `【新消息】${title}`;
		},
		profile({ elderly }) {
			// What was chosen here counts for more, until it is asked for otherwise.
			const news = told === undefined ? elderly && store.get("elderly") === null : elderly !== told;
			told = elderly;
			if (news) keep("elderly", elderly);
		},
	}, () => ({ channel, elderly: chosen.elderly, app_token: appToken }));
	const composer = createComposer(ui, { say, typing: conversation.typing, notice: frame.notice });

	ui.person.addEventListener("click", (event) => say("转人工", event));
	ui.renew.addEventListener("click", () => confirm("清除本机上的聊天记录，开始新的对话？") && conversation.restart());
	const press = (button, work) => button.addEventListener("click", async () => {
		button.disabled = true;
		await work().catch((problem) => frame.notice(problem.message));
		button.disabled = false;
	});
	press(ui.leave, conversation.cancelWait);
	press(ui.save, async () => {
		const href = URL.createObjectURL(await conversation.transcript());
		h("a", { href, download: "畅答对话记录.html" }).click();
	});
	document.addEventListener("visibilitychange", () => (document.title = title));

	Object.keys(chosen).forEach((name) => prefer(name, chosen[name]));
	conversation.start();
	if (matchMedia("(pointer: fine)").matches) ui.input.focus();
}

document.querySelectorAll("[data-changda-chat]").forEach(mount);
