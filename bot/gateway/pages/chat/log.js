/** The messages on the page, by sequence number; what is still to be sent comes last. */

import { cardElement, fewer } from "./cards.js";
import { clock, h, icon } from "./dom.js";
import { markdown } from "./markdown.js";

const GROUP = 2 * 60 * 1000;
const STAMP = 5 * 60 * 1000;
const NEAR = 90;
const MARGIN = 10;
const FEW_BUTTONS = 3;
const TYPING = 8000;
const SAYS = { bot: "小畅：", agent: "人工客服：", customer: "我：" };

/** `actions`: say(text, event), retry(id), drop(id), rate(score, comment), read(text). */
export function createLog(ui, actions) {
	// {sender, who, seq, at, node, body, stamp, buttons?, note?, failed?}, by seq; and not yet confirmed.
	let items = [];
	let waiting = [];
	let byClientId = new Map();
	let thread;
	let typingTimer;
	let stuck = true;
	let anchor = null;

	/** Starts a new stretch; with a notice the old one stays above it, else it goes. */
	function begin(notice) {
		if (!notice) ui.log.replaceChildren();
		items.forEach((item) => enable(item, false));
		items = [];
		waiting = [];
		byClientId = new Map();
		anchor = null;
		thread = h("div");
		ui.log.append(notice ? line(notice) : "", thread);
		typing(null);
	}

	function show(message, live) {
		const own = byClientId.get(message.client_message_id);
		const item = own ?? build(message);
		waiting = waiting.filter((other) => other !== item);
		annotate(item);
		item.seq = message.seq;
		item.at = new Date(message.created_at);
		if (message.client_message_id) byClientId.set(message.client_message_id, item);
		place(item);
		if (live && item.sender !== "bot") anchor = item;
		if (["bot", "agent"].includes(item.sender)) typing(null);
		refreshButtons();
		follow(live && item.sender !== "customer");
	}

	function entry(sent) {
		let item = byClientId.get(sent.id);
		if (!item) {
			item = build({ sender: "customer", text: sent.text });
			item.at = new Date(sent.at);
			byClientId.set(sent.id, item);
			dress(item, waiting[waiting.length - 1] ?? items[items.length - 1]);
			waiting.push(item);
			thread.append(item.node);
		}
		anchor = item;
		annotate(item, sent);
		if (item.failed) typing(null);
		refreshButtons();
		toEnd();
	}

	function drop(id) {
		const item = byClientId.get(id);
		annotate(item);
		if (item.seq) return;
		waiting = waiting.filter((other) => other !== item);
		byClientId.delete(id);
		item.node.remove();
	}

	function typing(sender) {
		clearTimeout(typingTimer);
		ui.typing.hidden = !sender;
		if (!sender) return;
		typingTimer = setTimeout(typing, TYPING, null);
		follow(false);
	}

	function build(message) {
		const sender = SAYS[message.sender] ? message.sender : "system";
		const { text, card, buttons, agent_name: name } = message;
		const item = { sender, who: sender + name, stamp: h("p.stamp", { hidden: true }) };
		const body = h("div.body", sender === "system" ? text && line(text) : [
			name && sender === "agent" ? h("p.by", `人工客服 ${name}`) : h("span.sr", SAYS[sender]), text && bubble(text, sender)],
			cardElement(card, actions));
		if (buttons?.length) body.append((item.buttons = chips(buttons)));
		item.body = body;
		item.node = h(`div.msg.${sender}`, item.stamp, ["bot", "agent"].includes(sender) && avatar(sender), body);
		return item;
	}

	function bubble(text, sender) {
		if (sender === "customer") return h("div.bubble.plain", text);
		const said = h("div.bubble", markdown(text));
		const read = h("button.read", { "aria-label": "朗读这条消息", click: () => actions.read(said.innerText) }, icon("sound"));
		return h("div.spoken", said, read);
	}

	function chips(buttons) {
		const all = buttons.map(({ title, payload, kind }) =>
			h(kind ? "button.chip.quiet" : "button.chip", { click: (event) => actions.say(payload || title, event) }, title));
		return h("div.chips", { role: "group", "aria-label": "快捷回复" }, fewer(all, FEW_BUTTONS, "更多"));
	}

	function annotate(item, sent) {
		item.note?.remove();
		item.failed = sent?.status === "failed";
		item.note = sent && note(sent, actions);
		if (item.note) item.body.append(item.note);
	}

	function place(item) {
		items = items.filter((other) => other !== item);
		let index = items.length;
		while (index > 0 && items[index - 1].seq > item.seq) index -= 1;
		items.splice(index, 0, item);
		const next = items[index + 1] ?? waiting[0];
		// A moved node is said again by screen readers.
		if (item.node.parentNode !== thread || item.node.nextSibling !== (next?.node ?? null)) {
			thread.insertBefore(item.node, next?.node ?? null);
		}
		dress(item, items[index - 1]);
		if (next) dress(next, item);
	}

	function dress(item, previous) {
		const pause = previous ? item.at - previous.at : Infinity;
		item.stamp.hidden = pause < STAMP;
		item.stamp.textContent = clock(item.at);
		item.node.classList.toggle("joined", pause < GROUP && previous.who === item.who);
	}

	/** Only the bot's newest choices may be used, until somebody else has spoken. */
	function refreshButtons() {
		const all = [...items, ...waiting.filter((item) => !item.failed)];
		let newest = all.pop();
		while (newest?.sender === "bot" && !newest.buttons) newest = all.pop();
		items.forEach((item) => enable(item, item === newest));
	}

	/** The start of the newest exchange stays in sight: a long answer is read from its top. */
	function target() {
		const end = ui.scroll.scrollHeight - ui.scroll.clientHeight;
		return anchor ? Math.min(end, anchor.node.offsetTop - MARGIN) : end;
	}

	function toEnd() {
		ui.scroll.scrollTop = Math.max(ui.scroll.scrollTop, target());
		ui.latest.hidden = stuck = true;
	}

	function follow(worthTelling) {
		if (stuck) toEnd();
		else if (worthTelling) ui.latest.hidden = false;
	}

	ui.scroll.addEventListener("scroll", () => {
		stuck = ui.scroll.scrollTop > target() - NEAR;
		if (stuck) ui.latest.hidden = true;
	}, { passive: true });
	ui.latest.addEventListener("click", () => {
		anchor = null;
		toEnd();
	});
	// A keyboard, larger type or a grown input must not hide the end.
	const resized = new ResizeObserver(() => stuck && toEnd());
	resized.observe(ui.scroll);
	resized.observe(ui.log);
	begin(null);

	return {
		begin, show, entry, drop, typing,
		/** Announces what comes from now on to screen readers. */
		goLive() {
			ui.log.setAttribute("aria-live", "polite");
			ui.log.classList.add("live");
			toEnd();
		},
	};
}

function enable({ buttons }, on) {
	if (!buttons || buttons.classList.contains("past") === !on) return;
	buttons.classList.toggle("past", !on);
	for (const button of buttons.children) button.disabled = !on;
}

function avatar(sender) {
	return h("span.avatar", { "aria-hidden": true }, icon(sender === "agent" ? "person" : "bot"));
}

const line = (text) => h("p.system-line", h("span", text));

function note({ id, status, error }, actions) {
	if (status === "pending") return h("p.note.sending", "发送中…");
	if (status !== "failed") return null;
	return h("p.note", { role: "alert" }, error, h("span",
		h("button", { click: () => actions.retry(id) }, "重发"), h("button", { click: () => actions.drop(id) }, "删除")));
}
