/** The lower edge: following, the account's menu, typing, and what else a phone can send. */

import { h } from "./dom.js";

const PLACE = "北京市朝阳区望京街道";
const HEARD = "查一下我上个月的话费";

export class Keyboard {
	/** @param act does something: (name, body). */
	constructor(node, act) {
		Object.assign(this, { node, act, drawn: "", menuOpen: false, moreOpen: false });
	}

	/** Redraws only when something changed, so that a half-typed text stays. */
	show(side, screen) {
		const here = side === "wechat" ? screen.following : screen.known;
		const wanted = JSON.stringify([side, here, screen.menu]);
		if (wanted === this.drawn) return;
		this.drawn = wanted;
		Object.assign(this, { side, menu: screen.menu?.button || [] });
		this.menuOpen = this.menuOpen && this.menu.length > 0;
		this.node.replaceChildren(...(here ? this.#chat() : this.#stranger()));
	}

	#stranger() {
		if (this.side === "wecom") return [h("button.follow", { click: () => this.act("enter") }, "联系客服")];
		return [h("button.follow", { click: () => this.act("follow") }, "关注公众号"),
			h("button.quiet.wide", { click: () => this.act("follow", { text: "store-17" }) }, "扫营业厅的二维码关注")];
	}

	#chat() {
		const rows = [h("div.line", this.menuOpen ? this.#menuBar() : this.#typingBar())];
		if (this.moreOpen && !this.menuOpen) rows.push(this.#more());
		return rows;
	}

	#redraw() {
		const text = this.node.querySelector("input")?.value || "";
		this.node.replaceChildren(...this.#chat());
		const input = this.node.querySelector("input");
		if (input) input.value = text;
	}

	#typingBar() {
		const input = h("input", { "aria-label": "说点什么", placeholder: "说点什么", autocomplete: "off", enterkeyhint: "send", maxlength: 3000 });
		const send = (event) => {
			event.preventDefault();
			const text = input.value.trim();
			if (!text) return;
			input.value = "";
			this.act("say", { text });
		};
		const plus = () => {
			this.moreOpen = !this.moreOpen;
			this.#redraw();
		};
		return [this.menu.length > 0 && this.#toggle("菜单", () => { this.menuOpen = true; }),
			h("form.say", { submit: send }, input, h("button.send", "发送")),
			h("button.round", { click: plus, "aria-label": "更多", "aria-expanded": String(this.moreOpen) }, "＋")];
	}

	#toggle(label, change) {
		return h("button.round", { "aria-label": label, click: () => { change(); this.#redraw(); } }, label === "菜单" ? "☰" : "⌨");
	}

	#menuBar() {
		const tap = (item) => this.act("click", { text: item.key, name: item.name });
		const shown = this.menu.map((item) => item.sub_button?.length
			? h("details.sub", { name: "menu" }, h("summary", item.name),
				h("div.list", item.sub_button.map((one) => h("button", { click: (e) => { e.target.closest("details").open = false; tap(one); } }, one.name))))
			: h("button", { click: () => tap(item) }, item.name));
		return [this.#toggle("键盘", () => { this.menuOpen = false; }), h("div.menubar", shown)];
	}

	#more() {
		const wechat = this.side === "wechat";
		const picture = `${location.origin}/page/picture.png`;
		const things = [
			["转人工", "say", { text: "转人工" }], ["发图片", "image", { url: picture }],
			["发视频", "video"], ["发位置", "location", { text: PLACE }],
			[wechat ? "说语音" : "发语音", "voice", { text: HEARD }],
			wechat ? ["没听清语音", "voice", {}] : ["撤回上一条", "recall"],
			wechat ? ["扫二维码", "scan", { text: "poster-3" }] : ["重新进入会话", "enter"],
			wechat && ["收服务通知", "consent"], wechat && ["取消关注", "unfollow"],
		].filter(Boolean);
		return h("div.more", things.map(([label, act, body]) => h("button", { click: () => this.act(act, body) }, label)));
	}
}
