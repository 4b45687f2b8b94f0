/** Where the customer writes: grows with the text, is safe with input methods, takes dictation. */

import { part } from "./dom.js";
import { Dictation } from "./speech.js";

const LIMIT = 2000;
const TELL_FROM = 1800;
const PREVIEW_EVERY = 1200;
const DRAFT = "changda.draft";

export class Composer {
  #composing = false;
  #previewTimer = 0;

  /** @param {object} actions say(text), typing(text), notice(words) */
  constructor(root, actions) {
    this.actions = actions;
    this.root = root;
    this.input = part(root, "input");
    this.send = part(root, "send");
    this.count = part(root, "count");
    part(root, "composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.input.addEventListener("input", () => this.#changed());
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.input.addEventListener("compositionstart", () => (this.#composing = true));
    this.input.addEventListener("compositionend", () => (this.#composing = false));
    this.#prepareDictation();
    this.#restoreDraft();
  }

  focus() {
    this.input.focus({ preventScroll: true });
  }

  // 229 is what Safari reports for the Enter that ends a composition, after compositionend.
  #key(event) {
    const composing = this.#composing || event.isComposing || event.keyCode === 229;
    if (event.key !== "Enter" || event.shiftKey || composing) return;
    event.preventDefault();
    this.#submit();
  }

  #submit() {
    const text = this.input.value.trim();
    if (!text || this.#length() > LIMIT) return;
    this.dictation?.stop();
    this.input.value = "";
    this.#changed();
    clearTimeout(this.#previewTimer);
    this.actions.say(text);
  }

  // The server counts characters, not the halves in which JavaScript keeps rare ones.
  #length() {
    return Array.from(this.input.value.trim()).length;
  }

  #changed() {
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight}px`;
    const length = this.#length();
    this.send.disabled = length === 0 || length > LIMIT;
    this.count.classList.toggle("over", length > LIMIT);
    if (length > LIMIT) this.count.textContent = `超出 ${length - LIMIT} 字，请分几条发送`;
    else this.count.textContent = length > TELL_FROM ? `还可以输入 ${LIMIT - length} 字` : "";
    this.#keepDraft();
    if (length) this.#preview();
  }

  #preview() {
    if (this.#previewTimer) return;
    this.#previewTimer = setTimeout(() => {
      this.#previewTimer = 0;
      this.actions.typing(this.input.value);
    }, PREVIEW_EVERY);
  }

  #keepDraft() {
    try {
      sessionStorage.setItem(DRAFT, this.input.value);
    } catch {
      // Without storage a draft lives until the reload.
    }
  }

  #restoreDraft() {
    try {
      this.input.value = this.input.value || (sessionStorage.getItem(DRAFT) ?? "");
    } catch {
      return;
    }
    this.#changed();
  }

  #prepareDictation() {
    if (!Dictation.available) return;
    const buttons = ["mic", "talk"].map((name) => part(this.root, name));
    let before = "";
    this.dictation = new Dictation({
      heard: (text) => {
        this.input.value = before + text;
        this.#changed();
      },
      changed: (on) => {
        for (const button of buttons) button.setAttribute("aria-pressed", String(on));
        buttons[1].querySelector("span").textContent = on ? "正在听，说完再按" : "按一下说话";
        if (!on && this.input.value) this.focus();
      },
      trouble: (said) => this.actions.notice(said),
    });
    for (const button of buttons) {
      button.hidden = false;
      button.addEventListener("click", () => {
        before = this.input.value;
        this.dictation.toggle();
      });
    }
  }
}
