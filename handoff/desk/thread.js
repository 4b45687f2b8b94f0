// One conversation's messages on the screen: in order of seq, none lost, none twice; and what is still unsent.

import { api, newClientId } from "/static/common/api.js";
import { readAll, write } from "./storage.js";

const { reactive } = Vue;
const RETRY_MS = [1000, 2000, 4000, 8000, 15000];
const REFILL_MS = 1500;

/**
 * Staff see every line of a conversation, so its numbers run without gaps: a missing number is a message to fetch.
 */
export class Thread {
  /**
   * @param {string} handoffId
   * @param {(after: number) => Promise<object[]>} fetchAfter messages with a seq over `after`
   */
  constructor(handoffId, fetchAfter) {
    this.handoffId = handoffId;
    this.fetchAfter = fetchAfter;
    this.view = reactive({ messages: [], outbox: [], preview: "", colleague: "", loaded: false });
    this.early = new Map();
    this.filling = null;
    this.sending = false;
    this.failures = 0;
  }

  get lastSeq() {
    return this.view.messages.at(-1)?.seq || 0;
  }

  /** Takes messages in any order, some perhaps known; asks for those that are missing between. */
  take(messages) {
    for (const message of messages) if (message.seq > this.lastSeq) this.early.set(message.seq, message);
    const fresh = [];
    for (let next = this.early.get(this.lastSeq + 1); next; next = this.early.get(this.lastSeq + 1)) {
      this.early.delete(next.seq);
      this.view.messages.push(next);
      fresh.push(next);
    }
    for (const seq of this.early.keys()) if (seq <= this.lastSeq) this.early.delete(seq);
    fresh.forEach((message) => this.arrived(message));
    if (this.early.size && this.view.loaded) this.fill();
    return fresh;
  }

  arrived(message) {
    if (message.sender === "customer") this.view.preview = "";
    else if (message.sender === "agent") this.view.colleague = "";
    if (!message.client_message_id) return;
    this.drop(message.client_message_id);
  }

  /** Reads what came after the last known number. One fetch at a time. */
  fill() {
    clearTimeout(this.refill);
    this.filling ??= this.fillOnce()
      .then(() => this.early.size === 0)
      .catch(() => false)
      .then((whole) => {
        this.filling = null;
        if (!whole) this.refill = setTimeout(() => this.fill(), REFILL_MS);
      });
    return this.filling;
  }

  async fillOnce() {
    let taken;
    do {
      taken = this.take(await this.fetchAfter(this.lastSeq));
    } while (taken.length >= 500);
    this.view.loaded = true;
  }

  /** Restores what an earlier page of this person could not send. */
  restore() {
    const known = new Set(this.view.messages.map((message) => message.client_message_id));
    for (const item of readAll("out", this.handoffId).sort((a, b) => (a.at < b.at ? -1 : 1))) {
      if (known.has(item.id)) write(null, "out", this.handoffId, item.id);
      else if (!this.view.outbox.some((other) => other.id === item.id)) this.view.outbox.push(reactive(item));
    }
    this.flush();
  }

  /** Queues a line for sending; it survives a reload and keeps its order. */
  say(text) {
    const item = reactive({ id: newClientId(), text, at: new Date().toISOString(), state: "sending", problem: "" });
    write({ ...item }, "out", this.handoffId, item.id);
    this.view.outbox.push(item);
    this.flush();
  }

  /** Sends one after the other; what can be repaired by waiting is tried again, what is refused is shown. */
  async flush() {
    if (this.sending) return;
    this.sending = true;
    clearTimeout(this.retry);
    try {
      for (let item = this.next(); item; item = this.next()) {
        if (!(await this.send(item))) break;
      }
    } finally {
      this.sending = false;
    }
  }

  next() {
    return this.view.outbox.find((item) => item.state === "sending");
  }

  async send(item) {
    try {
      const body = { text: item.text, client_message_id: item.id };
      const { message } = await api.post(`/handoffs/${this.handoffId}/messages`, body);
      this.failures = 0;
      this.drop(item.id);
      this.take([message]);
      return true;
    } catch (error) {
      item.problem = error.message;
      if (error.temporary) {
        const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
        this.failures += 1;
        this.retry = setTimeout(() => this.flush(), wait);
        return false;
      }
      if (error.status === 401) return false;
      item.state = "refused";
      return true;
    }
  }

  /** Sends a refused line once more. */
  again(item) {
    item.state = "sending";
    this.flush();
  }

  /** Forgets an unsent line. */
  drop(id) {
    write(null, "out", this.handoffId, id);
    const at = this.view.outbox.findIndex((item) => item.id === id);
    if (at >= 0) this.view.outbox.splice(at, 1);
  }
}
