/** One conversation: what is known of it, what is still to be sent. Knows nothing of the page. */

import { Problem } from "./api.js";
import { Link, backoff } from "./socket.js";
import { Outbox, Timeline, store } from "./store.js";

const ECHO_WAIT = 8000;
const ANSWER_WAIT = 30000;
const REPLY_GRACE = 1500;
const RETRY_WAIT = 3000;
const TRIES = 4;
const FULL_PAGE = 100;

export class Conversation {
  state = "bot";
  agent = null;
  #session = store.get("session");
  #timeline = new Timeline();
  #outbox = new Outbox();
  #link = null;
  #caughtUp = false;
  #syncing = null;
  #syncAgain = false;
  #stateVersion = 0;
  #sending = false;
  #sendAgain = false;
  #renewing = false;
  #echoes = new Map();
  #resending = new Set();

  /**
   * @param {Api} api
   * @param {(name: string, detail: object) => void} emit called with: message {message, live}, entry {entry} (a
   *   message of the outbox, new or changed), dropped {id}, typing {sender}, state {state, agent},
   *   queue {position, wait_s}, link {status}, profile, caughtup, renewed {notice}, notice {text}.
   * @param {() => object} sessionFields what a new session is opened with.
   */
  constructor(api, emit, sessionFields) {
    this.api = api;
    this.emit = emit;
    this.sessionFields = sessionFields;
  }

  async start() {
    this.#showOutbox();
    if (!this.#session) await this.#openSession();
    this.#connect();
  }

  /** Queues a text; it is shown at once and sent as soon as can be. */
  say(text) {
    this.emit("entry", { entry: this.#outbox.add(text) });
    this.#pump();
  }

  retry(id) {
    const entry = this.#outbox.find(id);
    if (!entry) return;
    const status = this.#timeline.sentAs(id) ? "stored" : "pending";
    this.#outbox.update(entry, { status, error: null });
    this.emit("entry", { entry });
    if (status === "stored") this.#resend(entry);
    else this.#pump();
  }

  drop(id) {
    this.#outbox.remove(id);
    this.emit("dropped", { id });
  }

  typing(text) {
    if (this.state === "human") this.#link?.send({ type: "typing", text });
  }

  rate(score, comment) {
    return this.api.rate(this.#session, score, comment);
  }

  async cancelWait() {
    const result = await this.api.cancelWait(this.#session);
    this.#setState(result);
    await this.#sync();
  }

  /** Forgets this conversation on this device and begins another. */
  async restart() {
    this.#outbox.clear();
    await this.#renew(null);
  }

  #showOutbox() {
    for (const entry of this.#outbox.entries) {
      if (entry.status !== "stored") this.emit("entry", { entry });
    }
  }

  // ---- session -------------------------------------------------------------------------------

  async #openSession() {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const session = await this.api.openSession(this.sessionFields());
        this.#adopt(session);
        return;
      } catch (problem) {
        if (problem.status) this.emit("notice", { text: problem.message });
        else this.emit("link", { status: "offline" });
        await new Promise((resolve) => setTimeout(resolve, backoff(attempt, 1000)));
      }
    }
  }

  #adopt(session) {
    const { conversation_id, access_token } = session;
    this.#session = { conversation_id, access_token };
    store.set("session", this.#session);
    this.#setState(session);
  }

  /** The token is refused: what was not sent moves to a new conversation. */
  async #renew(notice) {
    if (this.#renewing) return;
    this.#renewing = true;
    this.#link?.stop();
    this.#link = null;
    this.#drainEchoes();
    const elsewhere = notice && store.get("session");
    const renewed = elsewhere && elsewhere.access_token !== this.#session.access_token;
    if (!renewed) store.set("session", null);
    for (const entry of this.#outbox.entries.filter((e) => e.status === "stored")) {
      this.#outbox.remove(entry.id);
    }
    this.#timeline = new Timeline();
    this.#caughtUp = false;
    this.emit("renewed", { notice });
    this.#showOutbox();
    if (renewed) this.#adopt(elsewhere);
    else await this.#openSession();
    this.#renewing = false;
    this.#connect();
  }

  #refused() {
    return this.#renew("会话已过期，已为您开始新的对话。");
  }

  // ---- receiving -----------------------------------------------------------------------------

  #connect() {
    const session = this.#session;
    const link = new Link({
      url: this.api.socketUrl(session),
      hello: () => this.#hello(session),
      heard: (frame) => this.#heard(frame),
      poll: () => this.#sync().then(() => this.#pump()),
      dropped: () => this.#drainEchoes(),
      changed: (status) => {
        this.emit("link", { status });
        if (status !== "offline") this.#resume();
      },
    });
    this.#link = link;
    link.start();
  }

  #hello(session) {
    return { type: "auth", token: session.access_token, after: this.#timeline.cursor };
  }

  #heard(frame) {
    const handlers = {
      ready: () => this.#ready(frame),
      message: () => this.#accept(frame.message),
      typing: () => this.emit("typing", { sender: frame.sender }),
      state: () => this.#setState(frame),
      queue: () => this.emit("queue", frame),
      ack: () => this.#acknowledged(frame),
      error: () => this.#troubled(frame),
    };
    handlers[frame.type]?.();
  }

  #ready(frame) {
    this.#setState(frame);
    if (this.#timeline.last >= frame.seq) this.#timeline.complete(this.#timeline.last);
    else this.#sync().catch(() => {});
    this.#link.ready();
    this.#nowCaughtUp();
  }

  #nowCaughtUp() {
    if (this.#caughtUp) return;
    this.#caughtUp = true;
    this.emit("caughtup", {});
  }

  #accept(message) {
    if (!this.#timeline.add(message)) return;
    const entry = this.#outbox.find(message.client_message_id);
    if (entry && entry.status !== "stored") this.#outbox.update(entry, { status: "stored" });
    this.emit("message", { message, live: this.#caughtUp });
    if (entry) this.#echo(entry.id, "stored");
    if (this.#link?.live && this.#timeline.hasGap) this.#sync().catch(() => {});
  }

  #setState(source) {
    this.#stateVersion += 1;
    if (source.profile) this.emit("profile", source.profile);
    if (source.state) this.state = source.state;
    if (this.state !== "human") this.agent = null;
    else this.agent = source.agent_name ?? this.agent;
    this.emit("state", { state: this.state, agent: this.agent });
    if (source.queue) this.emit("queue", source.queue);
  }

  /** Reads everything after the last message known to be complete. */
  #sync() {
    if (this.#syncing) this.#syncAgain = true;
    else this.#syncing = this.#read().finally(() => (this.#syncing = null));
    return this.#syncing;
  }

  async #read() {
    let page;
    do {
      this.#syncAgain = false;
      const session = this.#session;
      const version = this.#stateVersion;
      try {
        page = await this.api.read(session, this.#timeline.cursor);
      } catch (problem) {
        if (problem.refused && session === this.#session) this.#refused();
        throw problem;
      }
      if (session !== this.#session) return;
      const timeline = this.#timeline;
      for (const message of page.messages) this.#accept(message);
      if (page.messages.length) timeline.complete(page.messages[page.messages.length - 1].seq);
      if (version === this.#stateVersion) this.#setState(page);
    } while (page.messages.length >= FULL_PAGE || this.#syncAgain);
    this.#nowCaughtUp();
  }

  // ---- sending -------------------------------------------------------------------------------

  /** The server can be reached again: whatever waits goes out. */
  #resume() {
    this.#pump();
    for (const entry of this.#outbox.entries) this.#resend(entry);
  }

  /** Sends what waits, one after the other, so that order holds. */
  async #pump() {
    this.#sendAgain = true;
    if (this.#sending) return;
    this.#sending = true;
    let sent = true;
    while (this.#sendAgain) {
      this.#sendAgain = false;
      let entry = this.#nextPending();
      for (sent = true; entry && sent; entry = this.#nextPending()) sent = await this.#deliver(entry);
    }
    this.#sending = false;
    if (!sent && this.#link?.status !== "offline") setTimeout(() => this.#pump(), RETRY_WAIT);
  }

  #nextPending() {
    if (!this.#link || this.#renewing) return undefined;
    return this.#outbox.entries.find((entry) => entry.status === "pending");
  }

  /** False when nothing can be sent right now. */
  async #deliver(entry) {
    if (this.state === "bot") this.emit("typing", { sender: "bot" });
    const frame = { type: "message", text: entry.text, client_message_id: entry.id };
    if (this.#link.send(frame)) {
      const outcome = await this.#echoOf(entry.id);
      if (outcome === "stored") setTimeout(() => this.#resend(entry), ANSWER_WAIT);
      if (outcome !== "lost") return true;
    }
    return this.#post(entry);
  }

  async #post(entry) {
    for (let attempt = 0; ; attempt += 1) {
      const session = this.#session;
      try {
        this.#answered(entry, await this.api.send(session, entry.text, entry.id));
        return true;
      } catch (problem) {
        if (session !== this.#session || this.#renewing) return false;
        if (problem.refused) {
          this.#refused();
          return false;
        }
        if (problem.status === 0) return false;
        if (!problem.temporary || attempt + 1 >= TRIES) {
          this.#fail(entry, problem);
          return true;
        }
        await new Promise((resolve) => setTimeout(resolve, backoff(attempt, 1500)));
      }
    }
  }

  #answered(entry, result) {
    const created_at = new Date(entry.at).toISOString();
    const { message_id, seq, replies = [] } = result;
    const own = { sender: "customer", text: entry.text, client_message_id: entry.id };
    this.#accept({ ...own, message_id, seq, created_at });
    for (const reply of replies) {
      this.#accept({ sender: "bot", created_at: new Date().toISOString(), ...reply });
    }
    this.#outbox.remove(entry.id);
    this.#setState(result);
    if (this.#timeline.hasGap) this.#sync().catch(() => {});
  }

  #acknowledged(frame) {
    const entry = this.#outbox.find(frame.client_message_id);
    if (!entry) return;
    this.#answered(entry, frame);
    // Replies come as messages of their own; a lost one is fetched.
    setTimeout(() => {
      if (this.state === "bot" && this.#timeline.last <= frame.seq) this.#sync().catch(() => {});
    }, REPLY_GRACE);
  }

  #troubled(frame) {
    const problem = new Problem(frame);
    const id = frame.client_message_id;
    const entry = id && this.#outbox.find(id);
    if (entry && problem.temporary) {
      if (!this.#echo(id, "lost")) this.#resend(entry);
    } else if (entry) this.#fail(entry, problem);
    else if (!this.#link.live && problem.refused) this.#refused();
    else if (!id) this.emit("notice", { text: problem.message });
  }

  #fail(entry, problem) {
    this.#outbox.update(entry, { status: "failed", error: problem.message });
    this.emit("entry", { entry });
    this.#echo(entry.id, "failed");
  }

  /** Asks again, with its own id, for the answer to a message that is stored but not acknowledged. */
  async #resend(entry) {
    if (this.#resending.has(entry.id) || this.#outbox.find(entry.id)?.status !== "stored") return;
    this.#resending.add(entry.id);
    await this.#post(entry);
    this.#resending.delete(entry.id);
  }

  #echoOf(id) {
    return new Promise((resolve) => {
      this.#echoes.set(id, resolve);
      setTimeout(() => this.#echo(id, "lost"), ECHO_WAIT);
    });
  }

  #echo(id, outcome) {
    const resolve = this.#echoes.get(id);
    this.#echoes.delete(id);
    resolve?.(outcome);
    return Boolean(resolve);
  }

  #drainEchoes() {
    for (const id of [...this.#echoes.keys()]) this.#echo(id, "lost");
  }
}
