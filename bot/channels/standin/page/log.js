/** The chat: bubbles as a phone shows them, with choices to tap. */

import { clock, h } from "./dom.js";

const QUIET_S = 120;
const BY = { me: "我", service: "客服", platform: "系统提示" };

export class Log {
	/** @param tap called with the number of a tapped choice. */
	constructor(node, scroller, tap) {
		Object.assign(this, { node, scroller, tap, shown: 0, last: 0, atEnd: true });
		scroller.addEventListener("scroll", () => {
			this.atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
		});
		// The keyboard below may grow and take room from the chat; pictures grow when they have come.
		const grown = new ResizeObserver(() => this.#stay());
		[scroller, node].forEach((one) => grown.observe(one));
	}

	#stay() {
		if (this.atEnd) this.scroller.scrollTop = this.scroller.scrollHeight;
	}

	clear() {
		this.node.replaceChildren();
		this.shown = this.last = 0;
		this.atEnd = true;
	}

	/** Adds what is new; a restarted stand-in begins anew. */
	show(seen) {
		if (seen.length < this.shown) this.clear();
		const added = seen.slice(this.shown);
		if (!added.length) return;
		for (const line of added) this.node.append(...this.#line(line));
		this.shown = seen.length;
		// Only the last menu on the screen can be tapped.
		const menus = [...this.node.querySelectorAll(".menu")];
		for (const menu of menus.slice(0, -1)) for (const button of menu.querySelectorAll("button")) button.disabled = true;
		this.#stay();
	}

	#line(line) {
		const time = line.at - this.last > QUIET_S && h("p.time", clock(line.at).slice(0, 5));
		this.last = line.at;
		if (line.by === "platform") return [time, h("p.notice", line.text)].filter(Boolean);
		const bubble = h("div.bubble", line.picture ? h("img", { src: line.picture, alt: "图片" }) : h("p", line.text), line.menu?.length ? this.#menu(line.menu) : null);
		const row = h(`div.row.${line.by}`, { title: clock(line.at) },
			h("span.face", { "aria-hidden": true }, line.by === "me" ? "我" : "畅"),
			h("span.sr", `${BY[line.by]}：`), bubble);
		return [time, row].filter(Boolean);
	}

	#menu(items) {
		return h("div.menu", items.map((item, index) =>
			h("button", { click: () => this.tap(index + 1) }, item.content)));
	}
}
