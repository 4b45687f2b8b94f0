/**
 * The chat on somebody else's site: <script src="https://chat.example.com/widget.js" async></script>
 *
 * Attributes of the script (data-…) or of <changda-chat …>: server, heading, mode ("floating", "inline", "none" for no
 * element of our own), elderly, open. The operator's login is handed over by script only, never in markup:
 * document.querySelector("changda-chat").appToken = "…". Events: changda-ready, changda-open, changda-close,
 * changda-unread ({detail: {count}}), changda-token-needed.
 */
(() => {
	"use strict";
	if (customElements.get("changda-chat")) return;
	const script = document.currentScript;
	const home = new URL(script.src).origin;

	const STYLE = `
		:host { all: initial; color-scheme: light dark; font: 16px/1.4 "PingFang SC", "Microsoft YaHei", system-ui, sans-serif }
		:host([mode=inline]) { display: block; height: 100%; min-height: 20rem }
		[hidden] { display: none !important }
		button { font: inherit; border: 0; cursor: pointer }
		:focus-visible { outline: 3px solid #0b6b7d; outline-offset: 2px }
		.open { position: fixed; right: max(1.25rem, env(safe-area-inset-right)); bottom: max(1.25rem, env(safe-area-inset-bottom));
			z-index: 2147483000; display: flex; align-items: center; gap: .5rem; min-height: 3.25rem; padding: 0 1.25rem;
			border-radius: 2rem; background: #0b6b7d; color: #fff; box-shadow: 0 .25rem 1rem #0004 }
		.count { min-width: 1.5rem; padding: 0 .375rem; border-radius: 1rem; background: #fff; color: #b3261e; font-weight: 650; text-align: center }
		.panel { display: flex; flex-direction: column; overflow: hidden; background: #f1f5f6 }
		:host(:not([mode=inline])) .panel { position: fixed; right: 1.25rem; bottom: 1.25rem; z-index: 2147483001; width: 25rem;
			height: min(42rem, calc(100vh - 2.5rem)); height: min(42rem, calc(100dvh - 2.5rem)); border-radius: 1rem; box-shadow: 0 .5rem 2rem #0005 }
		:host([elderly]:not([mode=inline])) .panel { width: 30rem }
		:host([mode=inline]) .panel { height: 100% }
		.bar { display: flex; align-items: center; justify-content: space-between; padding: .25rem .25rem .25rem 1rem; background: #0b6b7d; color: #fff }
		.close { min-width: 2.75rem; min-height: 2.75rem; border-radius: .75rem; background: none; color: inherit; font-size: 1.5rem; line-height: 1 }
		.close:focus-visible { outline-color: #fff; outline-offset: -3px }
		iframe { flex: 1; width: 100%; border: 0 }
		@media (max-width: 40rem) { :host(:not([mode=inline])) .panel { inset: 0; width: auto; height: auto; border-radius: 0 } }`;

	function make(tag, props, ...children) {
		const node = Object.assign(document.createElement(tag), props);
		node.append(...children);
		return node;
	}

	class ChangdaChat extends HTMLElement {
		#frame = null;
		#token = null;
		#parts;
		#hear = (event) => this.#heard(event);

		constructor() {
			super();
			const root = this.attachShadow({ mode: "open" });
			const sheet = new CSSStyleSheet();
			sheet.replaceSync(STYLE);
			root.adoptedStyleSheets = [sheet];
		}

		connectedCallback() {
			this.#parts ??= this.#build();
			addEventListener("message", this.#hear);
			if (this.#inline || this.hasAttribute("open")) this.open();
		}

		disconnectedCallback() {
			removeEventListener("message", this.#hear);
			this.#frame?.remove();
			this.#frame = null;
		}

		get server() {
			return new URL(this.getAttribute("server") || home).origin;
		}

		/** The operator's signed token of whoever is logged in; null = nobody. A new one may be set at any time. */
		set appToken(token) {
			this.#token = token || null;
			if (this.#frame) this.#tell({ type: "login", app_token: this.#token });
		}

		open() {
			this.#load();
			this.#parts.panel.hidden = false;
			this.#parts.open.hidden = true;
			this.#parts.open.setAttribute("aria-expanded", "true");
			this.#count(0);
			this.#tell({ type: "shown", shown: true });
			if (!this.#inline) this.#frame.focus();
			this.#emit("open");
		}

		close() {
			if (this.#inline || !this.#frame) return;
			this.#parts.panel.hidden = true;
			this.#parts.open.hidden = false;
			this.#parts.open.setAttribute("aria-expanded", "false");
			this.#tell({ type: "shown", shown: false });
			this.#parts.open.focus();
			this.#emit("close");
		}

		get #inline() {
			return this.getAttribute("mode") === "inline";
		}

		#build() {
			const heading = this.getAttribute("heading") || "在线客服";
			const count = make("span", { className: "count", hidden: true });
			const open = make("button", { className: "open", type: "button", ariaExpanded: "false" }, heading, count);
			const close = make("button", { className: "close", type: "button", ariaLabel: "关闭在线客服" }, "×");
			const bar = make("div", { className: "bar", hidden: this.#inline }, heading, close);
			const panel = make("div", { className: "panel", hidden: true, role: this.#inline ? "region" : "dialog", ariaLabel: heading }, bar);
			open.hidden = this.#inline;
			open.addEventListener("click", () => this.open());
			close.addEventListener("click", () => this.close());
			panel.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
			this.shadowRoot.append(open, panel);
			return { open, panel, count };
		}

		#load() {
			if (this.#frame) return;
			const query = new URLSearchParams({ origin: location.origin });
			if (this.hasAttribute("elderly")) query.set("elderly", "1");
			if (this.#token) query.set("login", "1");
			this.#frame = make("iframe", { src: `${this.server}/embed?${query}`, title: "在线客服对话", allow: "microphone; autoplay" });
			this.#parts.panel.append(this.#frame);
		}

		#tell(message) {
			// Only our own server's page may read what is said here.
			this.#frame?.contentWindow?.postMessage({ changda: 1, ...message }, this.server);
		}

		#heard({ source, origin, data }) {
			if (!this.#frame || source !== this.#frame.contentWindow || origin !== this.server || data?.changda !== 1) return;
			if (data.type === "loaded") {
				this.#tell({ type: "hello", app_token: this.#token, shown: !this.#parts.panel.hidden });
				this.#emit("ready");
			} else if (data.type === "unread") this.#count(Number(data.count) || 0);
			else if (data.type === "close") this.close();
			else if (data.type === "token-needed") this.#emit("token-needed");
		}

		#count(number) {
			const { count, open } = this.#parts;
			count.hidden = !number;
			count.textContent = number > 99 ? "99+" : String(number);
			open.ariaLabel = number ? `${open.firstChild.data}，${number}条新消息` : null;
			this.#emit("unread", { count: number });
		}

		#emit(name, detail) {
			this.dispatchEvent(new CustomEvent(`changda-${name}`, { detail, bubbles: true, composed: true }));
		}
	}

	customElements.define("changda-chat", ChangdaChat);

	function place() {
		const element = document.createElement("changda-chat");
		for (const name of ["server", "heading", "mode", "elderly", "open"]) {
			if (name in script.dataset) element.setAttribute(name, script.dataset[name]);
		}
		document.body.append(element);
	}

	// Whoever writes the element themselves needs no second one.
	if (script.dataset.mode === "none" || document.querySelector("changda-chat")) return;
	if (document.body) place();
	else addEventListener("DOMContentLoaded", place, { once: true });
})();
