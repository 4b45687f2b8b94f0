/** All around the messages: who is talking, the queue, the connection, the larger type. */

import { part, words } from "./dom.js";

const NOTICE = 6000;
const LOST = "网络不太稳定，正在重新连接。您发的消息会在恢复后自动送达。";

export class Frame {
  #link = "connecting";
  #noticeTimer = 0;
  #queue = null;

  /** @param {object} actions person(), elderly(on), aloud(on), renew(), leave() */
  constructor(root, actions) {
    this.root = root;
    this.actions = actions;
    this.bot = root.dataset.bot;
    this.greeting = part(root, "presence").textContent;
    for (const name of ["person", "person2"]) this.#click(name, () => actions.person());
    for (const name of ["elderly", "elderly2"]) this.#click(name, () => actions.elderly());
    this.#click("leave", () => this.#leave());
    this.#prepareSheet();
  }

  #click(name, task) {
    part(this.root, name).addEventListener("click", task);
  }

  #text(name, text) {
    const node = part(this.root, name);
    // Setting the same text again would make screen readers say it again.
    if (node.textContent !== text) node.textContent = text;
  }

  // ---- who is talking ------------------------------------------------------------------------

  state({ state, agent }) {
    this.root.dataset.state = state;
    if (state !== "waiting") this.#queue = null;
    this.agent = agent;
    this.now = state;
    this.#render();
  }

  queue(place) {
    this.#queue = place;
    this.#render();
  }

  #render() {
    const { now, agent } = this;
    const place = Number(this.#queue?.position) || 0;
    const header = {
      bot: [this.bot, this.greeting],
      waiting: [place ? `排队中 第${place}位` : "正在转接人工", "人工客服马上就来"],
      human: [agent ? `人工客服 ${agent}` : "人工客服", "正在为您服务"],
    };
    const [name, presence] = header[now] ?? header.bot;
    this.#text("name", name);
    this.#text("presence", this.#link === "offline" ? "正在重新连接…" : presence);
    const glyph = now === "human" ? "#i-person" : now === "waiting" ? "#i-clock" : "#i-bot";
    part(this.root, "face").querySelector("use").setAttribute("href", glyph);
    for (const button of ["person", "person2"]) part(this.root, button).hidden = now !== "bot";
    part(this.root, "renew").hidden = now !== "bot";
    part(this.root, "queue").hidden = now !== "waiting";
    this.#text("place", now === "waiting" ? this.#placeWords(place) : "");
  }

  #placeWords(place) {
    if (!place) return "正在为您安排人工客服，请稍候";
    const seconds = Number(this.#queue.wait_s);
    const ahead = place > 1 ? `前面还有 ${place - 1} 位` : "下一位就是您";
    if (!seconds || seconds < 0) return `${ahead}，请稍候`;
    const minutes = Math.ceil(seconds / 60);
    return `${ahead}，大约等待 ${minutes > 1 ? `${minutes} 分钟` : "1 分钟"}`;
  }

  async #leave() {
    const button = part(this.root, "leave");
    button.disabled = true;
    await this.actions.leave();
    button.disabled = false;
  }

  // ---- connection and notices ----------------------------------------------------------------

  link(status) {
    this.#link = status;
    this.root.classList.toggle("offline", status === "offline");
    this.#render();
    this.#banner();
  }

  notice(text) {
    clearTimeout(this.#noticeTimer);
    this.#banner(words(text));
    this.#noticeTimer = setTimeout(() => this.#banner(), NOTICE);
  }

  #banner(text = this.#link === "offline" ? LOST : "") {
    this.#text("banner", text);
    part(this.root, "banner").hidden = !text;
  }

  // ---- preferences ---------------------------------------------------------------------------

  elderly(on) {
    document.documentElement.toggleAttribute("data-elderly", on);
    part(this.root, "elderly").setAttribute("aria-pressed", String(on));
    part(this.root, "elderly2").setAttribute("aria-checked", String(on));
  }

  aloud(on) {
    part(this.root, "aloud").setAttribute("aria-checked", String(on));
  }

  speaks(able) {
    this.root.classList.toggle("speaks", able);
    part(this.root, "aloud").hidden = !able;
  }

  #prepareSheet() {
    const sheet = part(this.root, "sheet");
    this.#click("more", () => sheet.showModal());
    this.#click("close", () => sheet.close());
    this.#click("aloud", () => this.actions.aloud());
    this.#click("renew", () => {
      sheet.close();
      this.actions.renew();
    });
    // A press beside the sheet closes it.
    sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
  }
}
