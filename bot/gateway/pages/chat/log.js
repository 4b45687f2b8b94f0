/** The messages on the page, ordered by sequence number, with what is still to be sent at the end. */

import { cardElement, fewer } from "./cards.js";
import { h, icon, part, words } from "./dom.js";
import { markdown } from "./markdown.js";

const GROUP = 2 * 60 * 1000;
const STAMP = 5 * 60 * 1000;
const NEAR = 90;
const FEW_BUTTONS = 3;
const TYPING = 8000;
const SAYS = { bot: "小畅：", agent: "人工客服：", customer: "我：" };

export class Log {
  #items = [];
  #waiting = [];
  #bySender = new Map();
  #active = null;
  #thread = null;
  #typingTimer = 0;
  #stuck = true;

  /** @param {object} actions say(text), retry(id), drop(id), rate(score, comment), read(text) */
  constructor(root, actions) {
    this.actions = actions;
    this.log = part(root, "log");
    this.scroller = part(root, "scroll");
    this.dots = part(root, "typing");
    this.latest = part(root, "latest");
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.latest.addEventListener("click", () => this.toEnd());
    // The keyboard, a larger type or a grown input must not hide the end of the conversation.
    const observer = new ResizeObserver(() => this.#stuck && this.toEnd());
    observer.observe(this.scroller);
    observer.observe(this.log);
    this.begin(null);
  }

  /** Starts a new stretch; with a notice the old one stays above it, else it goes. */
  begin(notice) {
    if (!notice) this.log.replaceChildren();
    this.#activate(null);
    this.#items = [];
    this.#waiting = [];
    this.#bySender.clear();
    this.#thread = h("div", { class: "thread" });
    this.log.append(...(notice ? [line(notice)] : []), this.#thread);
    this.typing(null);
  }

  /** Announces what comes from now on to screen readers. */
  goLive() {
    this.log.setAttribute("aria-live", "polite");
    this.log.classList.add("live");
    this.toEnd();
  }

  show(message, live) {
    const own = this.#bySender.get(message.client_message_id);
    const item = own ?? this.#build(message);
    if (own) {
      this.#waiting = this.#waiting.filter((other) => other !== own);
      this.#note(own, null);
    }
    Object.assign(item, { seq: message.seq, at: new Date(message.created_at) });
    if (message.client_message_id) this.#bySender.set(message.client_message_id, item);
    this.#place(item);
    if (message.sender === "bot" || message.sender === "agent") this.typing(null);
    this.#refreshButtons();
    this.#follow(live && message.sender !== "customer");
  }

  /** An own message on its way, or one that failed. */
  entry(entry) {
    let item = this.#bySender.get(entry.id);
    if (!item) {
      item = this.#build({ sender: "customer", text: entry.text });
      item.at = new Date(entry.at);
      this.#bySender.set(entry.id, item);
      this.#waiting.push(item);
      this.#thread.append(item.node);
      this.#dress(item, this.#items[this.#items.length - 1]);
    }
    item.failed = entry.status === "failed";
    this.#note(item, entry);
    if (item.failed) this.typing(null);
    this.#refreshButtons();
    this.toEnd();
  }

  drop(id) {
    const item = this.#bySender.get(id);
    if (!item) return;
    if (item.seq) return void this.#note(item, null);
    this.#waiting = this.#waiting.filter((other) => other !== item);
    this.#bySender.delete(id);
    item.node.remove();
    this.#refreshButtons();
  }

  typing(sender) {
    clearTimeout(this.#typingTimer);
    this.dots.hidden = !sender;
    if (!sender) return;
    this.dots.querySelector("use").setAttribute("href", sender === "agent" ? "#i-person" : "#i-bot");
    this.dots.classList.toggle("agent", sender === "agent");
    this.#typingTimer = setTimeout(() => this.typing(null), TYPING);
    this.#follow(false);
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.latest.hidden = true;
    this.#stuck = true;
  }

  // ---- building ------------------------------------------------------------------------------

  #build(message) {
    const sender = ["customer", "bot", "agent"].includes(message.sender) ? message.sender : "system";
    const item = { sender, stamp: h("p", { class: "stamp", hidden: true }) };
    if (sender === "system") item.node = h("div", { class: "msg system" }, item.stamp, this.#system(message));
    else item.node = h("div", { class: `msg ${sender}` }, item.stamp, avatar(sender), this.#body(message, item));
    return item;
  }

  #system(message) {
    const said = message.text ? line(message.text) : null;
    return h("div", { class: "body" }, said, cardElement(message.card, this.actions));
  }

  #body(message, item) {
    const text = words(message.text);
    const body = h("div", { class: "body" }, h("span", { class: "sr" }, SAYS[item.sender]));
    if (text) body.append(this.#bubble(text, item.sender));
    const card = cardElement(message.card, this.actions);
    if (card) body.append(card);
    if (message.buttons?.length) body.append((item.buttons = this.#buttons(message.buttons)));
    return body;
  }

  #bubble(text, sender) {
    if (sender === "customer") return h("div", { class: "bubble plain" }, text);
    const bubble = h("div", { class: "bubble" }, markdown(text));
    const read = h("button", {
      type: "button", class: "read", "aria-label": "朗读这条消息", title: "朗读",
      click: () => this.actions.read(bubble.innerText),
    }, icon("sound"));
    return h("div", { class: "spoken" }, bubble, read);
  }

  #buttons(buttons) {
    const chips = buttons.map(({ title, payload }) => h("button", {
      type: "button", class: "chip",
      click: (event) => this.actions.say(words(payload) || words(title), event),
    }, words(title)));
    return h("div", { class: "chips", role: "group", "aria-label": "快捷回复" },
      fewer(chips, FEW_BUTTONS, "更多"));
  }

  #note(item, entry) {
    item.note?.remove();
    item.note = null;
    item.node.classList.toggle("sending", entry?.status === "pending");
    if (entry?.status !== "pending" && !item.failed) return;
    item.note = entry ? note(entry, this.actions) : null;
    if (item.note) item.node.lastChild.append(item.note);
    else item.failed = false;
  }

  // ---- order ---------------------------------------------------------------------------------

  #place(item) {
    const old = this.#items.indexOf(item);
    if (old >= 0) this.#items.splice(old, 1);
    let index = this.#items.length;
    while (index > 0 && this.#items[index - 1].seq > item.seq) index -= 1;
    this.#items.splice(index, 0, item);
    const next = this.#items[index + 1] ?? this.#waiting[0];
    const before = next?.node ?? null;
    // Moving a node that is in its place already would make screen readers say it again.
    if (item.node.parentNode !== this.#thread || item.node.nextSibling !== before) {
      this.#thread.insertBefore(item.node, before);
    }
    this.#dress(item, this.#items[index - 1]);
    if (next) this.#dress(next, item);
  }

  /** Time stamp and grouping, by what stands before. */
  #dress(item, previous) {
    const pause = previous ? item.at - previous.at : Infinity;
    item.stamp.hidden = pause < STAMP;
    if (!item.stamp.hidden) item.stamp.replaceChildren(clock(item.at));
    const joined = previous?.sender === item.sender && pause < GROUP;
    item.node.classList.toggle("joined", joined);
  }

  // ---- quick replies -------------------------------------------------------------------------

  /** Only the newest choices of the bot may be used, and only until the customer has spoken. */
  #refreshButtons() {
    const all = [...this.#items, ...this.#waiting.filter((item) => !item.failed)];
    let index = all.length - 1;
    while (index >= 0 && !all[index].buttons && ["system", "bot"].includes(all[index].sender)) index -= 1;
    const newest = all[index];
    this.#activate(newest?.sender === "bot" ? newest.buttons : null);
    for (const item of this.#items) {
      if (item.buttons && item.buttons !== this.#active) enable(item.buttons, false);
    }
  }

  #activate(buttons) {
    this.#active = buttons;
    if (buttons) enable(buttons, true);
  }

  // ---- scrolling -----------------------------------------------------------------------------

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.#stuck = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.#stuck) this.latest.hidden = true;
  }

  #follow(worthTelling) {
    if (this.#stuck) this.toEnd();
    else if (worthTelling) this.latest.hidden = false;
  }
}

function enable(buttons, on) {
  buttons.classList.toggle("past", !on);
  for (const button of buttons.querySelectorAll("button")) button.disabled = !on;
}

function avatar(sender) {
  if (sender === "customer") return "";
  return h("span", { class: "avatar", "aria-hidden": "true" }, icon(sender === "agent" ? "person" : "bot"));
}

function line(text) {
  return h("p", { class: "line" }, h("span", null, words(text)));
}

function note(entry, actions) {
  if (entry.status === "pending") return h("p", { class: "note" }, "发送中…");
  return h("p", { class: "note failed", role: "alert" }, icon("alert"), h("span", null, words(entry.error)),
    h("button", { type: "button", click: () => actions.retry(entry.id) }, "重发"),
    h("button", { type: "button", class: "soft", click: () => actions.drop(entry.id) }, "删除"));
}

function clock(at) {
  const two = (value) => String(value).padStart(2, "0");
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  const day = (moment) => new Date(moment).setHours(0, 0, 0, 0);
  const ago = Math.round((day(Date.now()) - day(at)) / 86400000);
  if (ago === 0) return time;
  if (ago === 1) return `昨天 ${time}`;
  const year = at.getFullYear() === new Date().getFullYear() ? "" : `${at.getFullYear()}年`;
  return `${year}${at.getMonth() + 1}月${at.getDate()}日 ${time}`;
}
