/** The live connection: a WebSocket that comes back by itself, and polling while there is none. */

const PING = 25000;
const PONG_WAIT = 10000;
const HANDSHAKE_WAIT = 10000;
const FIRST_POLL = 1200;

/** Milliseconds before attempt `n`, growing, with jitter so that a restart is not stormed. */
export function backoff(n, base = 500, cap = 20000) {
  return Math.min(cap, base * 2 ** n) * (0.5 + Math.random() / 2);
}

export class Link {
  #socket = null;
  #retries = 0;
  #failures = 0;
  #stopped = false;
  #timers = {};
  #listening = new AbortController();

  /**
   * @param {object} hooks
   *   url: address; hello(): first frame; heard(frame): called for each frame; dropped(): the socket is gone;
   *   poll(): reads what is new, throws a Problem; changed(status): now "live", "polling" or "offline".
   */
  constructor(hooks) {
    this.hooks = hooks;
    this.live = false;
    this.status = "connecting";
  }

  start() {
    const { signal } = this.#listening;
    addEventListener("online", () => this.#wake(), { signal });
    addEventListener("offline", () => this.#set("offline"), { signal });
    document.addEventListener("visibilitychange", () => !document.hidden && this.#wake(), { signal });
    this.#open();
    this.#pollIn(FIRST_POLL);
  }

  stop() {
    this.#stopped = true;
    this.live = false;
    this.#listening.abort();
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    this.#socket?.close();
  }

  /** False when there is no live connection. */
  send(frame) {
    if (!this.live || this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** The server has accepted the token and sent what was missed. */
  ready() {
    this.live = true;
    this.#retries = this.#failures = 0;
    this.#set("live");
    this.#heartbeat();
  }

  #after(name, wait, task) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(task, wait);
  }

  #set(status) {
    if (this.#stopped || status === this.status) return;
    this.status = status;
    this.hooks.changed(status);
  }

  #open() {
    clearTimeout(this.#timers.retry);
    if (this.#stopped || this.#socket) return;
    const socket = new WebSocket(this.hooks.url);
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify(this.hooks.hello()));
    socket.onmessage = (event) => this.#heard(event);
    socket.onclose = () => this.#lost(socket);
    this.#after("handshake", HANDSHAKE_WAIT, () => this.live || this.#lost(socket));
  }

  #heard(event) {
    clearTimeout(this.#timers.pong);
    if (!this.#stopped) this.hooks.heard(JSON.parse(event.data));
  }

  // Closing a dead connection can take minutes, so it is left behind at once.
  #lost(socket) {
    if (this.#stopped || socket !== this.#socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
    this.#socket = null;
    this.live = false;
    clearTimeout(this.#timers.ping);
    clearTimeout(this.#timers.pong);
    this.#after("retry", backoff(this.#retries++), () => this.#open());
    this.hooks.dropped();
    this.#pollIn(200);
  }

  #heartbeat() {
    this.#after("ping", PING, () => {
      this.#check(PONG_WAIT);
      this.#heartbeat();
    });
  }

  #check(wait) {
    const socket = this.#socket;
    if (this.send({ type: "ping" })) this.#after("pong", wait, () => this.#lost(socket));
  }

  #wake() {
    if (this.live) {
      this.#set("live");
      this.#check(4000);
      return;
    }
    this.#retries = 0;
    this.#open();
    this.#pollIn(0);
  }

  #pollIn(wait) {
    this.#after("poll", wait, () => this.#poll());
  }

  async #poll() {
    if (this.live || this.#stopped) return;
    let wait = document.hidden ? 15000 : 2500;
    try {
      await this.hooks.poll();
      this.#failures = 0;
      if (!this.live) this.#recovered();
    } catch {
      if (!this.live) this.#set("offline");
      wait = backoff(this.#failures++, 600);
    }
    if (!this.live && !this.#stopped) this.#pollIn(wait);
  }

  #recovered() {
    const back = this.status === "offline";
    this.#set("polling");
    if (!back) return;
    this.#retries = 0;
    this.#open();
  }
}
