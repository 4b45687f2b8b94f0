// A WebSocket that comes back by itself. It never holds the only copy of anything: on every (re)opening
// `onOpen` asks the server for what came after the last number seen.

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 15000;
const PING_MS = 15000;
const DEAF_AFTER_MS = 40000;
// Log in first: no token, not for you, token ran out, login ended, account disabled.
const REFUSED = new Set([4401, 4403, 4410, 4411, 4412]);

/**
 * States: connecting → open → waiting → connecting …; `refused` = log in first; `closed` = stopped by us.
 */
export class LiveSocket {
  /**
   * @param {string} path e.g. "/api/v1/agents/ws"
   * @param {{onMessage: (event: object) => void, onOpen?: (again: boolean) => void, onState?: (state: string, retryAt: number|null) => void}} handlers
   */
  constructor(path, { onMessage, onOpen = () => {}, onState = () => {} }) {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.url = `${scheme}//${location.host}${path}`;
    this.handlers = { onMessage, onOpen, onState };
    this.state = "closed";
    this.failures = 0;
    this.opened = 0;
    this.wake = this.wake.bind(this);
  }

  start() {
    addEventListener("online", this.wake);
    document.addEventListener("visibilitychange", this.wake);
    this.connect();
  }

  stop() {
    removeEventListener("online", this.wake);
    document.removeEventListener("visibilitychange", this.wake);
    this.drop();
    this.change("closed");
  }

  /** Sends one frame; false when the line is down (the caller keeps what must not be lost). */
  send(frame) {
    if (this.state !== "open" || this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  /** Tries again at once, e.g. when the network or the tab is back. */
  wake() {
    if (document.visibilityState === "hidden" || this.state === "closed" || this.state === "refused") return;
    if (this.state === "waiting") this.connect();
    else if (this.state === "open") this.ping();
  }

  connect() {
    this.drop();
    this.change("connecting");
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => {
      this.failures = 0;
      this.opened += 1;
      this.heardAt = Date.now();
      this.heart = setInterval(() => this.ping(), PING_MS);
      this.change("open");
      this.handlers.onOpen(this.opened > 1);
    };
    socket.onmessage = ({ data }) => {
      this.heardAt = Date.now();
      let event;
      try {
        event = JSON.parse(data);
      } catch {
        return;
      }
      if (event) this.handlers.onMessage(event);
    };
    socket.onclose = ({ code }) => {
      if (this.socket !== socket) return;
      this.drop();
      if (REFUSED.has(code)) this.change("refused");
      else this.waitAndRetry();
    };
  }

  ping() {
    if (Date.now() - this.heardAt > DEAF_AFTER_MS) {
      this.drop();
      this.waitAndRetry();
    } else {
      this.send({ type: "ping" });
    }
  }

  waitAndRetry() {
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures);
    // Jitter keeps a thousand desks from knocking at the same moment after a restart.
    const wait = longest / 2 + (Math.random() * longest) / 2;
    this.failures += 1;
    this.retry = setTimeout(() => this.connect(), wait);
    this.change("waiting", Date.now() + wait);
  }

  drop() {
    clearTimeout(this.retry);
    clearInterval(this.heart);
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
      socket.close();
    }
  }

  change(state, retryAt = null) {
    this.state = state;
    this.handlers.onState(state, retryAt);
  }
}
