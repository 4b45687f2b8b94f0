/** The REST half of the customer's contract. */

const TIMEOUT = 30000;

/** What went wrong, in words for the customer; status 0 means that the server was not reached. */
export class Problem extends Error {
  constructor({ status = 0, code = "network", detail } = {}) {
    super(detail || "网络不太稳定，请稍后再试。");
    this.status = status;
    this.code = code;
  }

  /** The same request may succeed later. */
  get temporary() {
    return this.status === 0 || this.status >= 500 || [408, 425, 429].includes(this.status);
  }

  /** The conversation cannot be entered any more with this token. */
  get refused() {
    return [401, 403, 404].includes(this.status);
  }
}

export class Api {
  constructor(base) {
    this.base = base.replace(/\/$/, "");
  }

  openSession(fields) {
    return this.#call("POST", "/sessions", null, fields);
  }

  /** Sends a message; the same id again is the same message. */
  send(session, text, id) {
    const body = { text, client_message_id: id };
    return this.#call("POST", `${path(session)}/messages`, session, body);
  }

  read(session, after) {
    return this.#call("GET", `${path(session)}/messages?after=${after}`, session);
  }

  rate(session, score, comment) {
    return this.#call("POST", `${path(session)}/rating`, session, { score, comment });
  }

  cancelWait(session) {
    return this.#call("POST", `${path(session)}/cancel-wait`, session);
  }

  socketUrl(session) {
    const url = new URL(`${this.base}${path(session)}/ws`, document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return url.href;
  }

  async #call(method, where, session, body) {
    const headers = {};
    if (session) headers.Authorization = `Bearer ${session.access_token}`;
    if (body) headers["Content-Type"] = "application/json";
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), TIMEOUT);
    let response;
    let data;
    try {
      response = await fetch(this.base + where, {
        method, headers, body: body && JSON.stringify(body), signal: abort.signal, cache: "no-store",
      });
      // A proxy's error page is not JSON; the status says enough then.
      data = await response.json().catch((error) => {
        if (response.ok || abort.signal.aborted) throw error;
        return {};
      });
    } catch {
      throw new Problem();
    } finally {
      clearTimeout(timer);
    }
    if (response.ok) return data;
    const detail = data.detail || "系统暂时繁忙，请稍后再试。";
    throw new Problem({ status: response.status, code: data.code, detail });
  }
}

function path(session) {
  return `/conversations/${encodeURIComponent(session.conversation_id)}`;
}
