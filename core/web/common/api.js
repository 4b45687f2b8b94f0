// The one way from a staff page to the server: JSON in, JSON out, every failure a Chinese sentence.

const PREFIX = "/api/v1";
const TIMEOUT_MS = 15000;
const NETWORK = "网络连接不上，请检查网络后重试。";
const TOO_SLOW = "服务器没有及时响应，请稍后重试。";
const BY_STATUS = {
  400: "请求格式不正确。",
  401: "请先登录。",
  403: "您没有权限进行此操作。",
  404: "没有找到相应的内容。",
  409: "当前状态不允许这样操作。",
  413: "内容太大了。",
  422: "提交的内容有误，请检查后再试。",
  429: "操作太频繁了，请稍后再试。",
  503: "系统暂时繁忙，请稍后再试。",
};

/** A refused or failed request. `message` is for people, `code` for programs; `status` 0 = never arrived. */
export class ApiError extends Error {
  constructor(message, { status = 0, code = "network", data = {} } = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.data = data;
  }

  /** Whether the same request may succeed a little later without anybody changing anything. */
  get temporary() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const signedOutListeners = new Set();

/** Calls `listener` whenever the server no longer knows who we are. Returns a function that stops it. */
export function onSignedOut(listener) {
  signedOutListeners.add(listener);
  return () => signedOutListeners.delete(listener);
}

function address(path, query) {
  const url = new URL(path.startsWith("/api/") || path === "/healthz" ? path : PREFIX + path, location.origin);
  for (const [name, value] of Object.entries(query || {})) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  return url;
}

async function problemOf(response) {
  let body = {};
  try {
    body = await response.json();
  } catch {
    // A proxy's error page is no problem document.
  }
  const words = [body.detail, body.title].find((text) => typeof text === "string" && text);
  const message = words || BY_STATUS[response.status] || "系统出了点问题，请稍后再试。";
  return new ApiError(message, { status: response.status, code: body.code || "unknown", data: body });
}

/**
 * One request.
 *
 * @param {string} method HTTP method
 * @param {string} path below /api/v1
 * @param {{body?: any, form?: FormData, query?: object, signal?: AbortSignal, timeout?: number, raw?: boolean}} options
 *   `raw` returns the Response itself (downloads).
 * @throws {ApiError}
 */
export async function request(method, path, { body, form, query, signal, timeout = TIMEOUT_MS, raw = false } = {}) {
  const headers = { Accept: "application/json", "X-Requested-With": "changda" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const aborts = [AbortSignal.timeout(timeout), signal].filter(Boolean);
  let response;
  try {
    response = await fetch(address(path, query), {
      method,
      headers,
      body: form || (body === undefined ? undefined : JSON.stringify(body)),
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.any(aborts),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(error.name === "TimeoutError" ? TOO_SLOW : NETWORK);
  }
  if (!response.ok) {
    const problem = await problemOf(response);
    if (response.status === 401 && path !== "/auth/login") signedOutListeners.forEach((tell) => tell(problem));
    throw problem;
  }
  if (raw) return response;
  return response.status === 204 ? null : response.json();
}

export const api = {
  get: (path, query, options) => request("GET", path, { query, ...options }),
  post: (path, body = {}, options) => request("POST", path, { body, ...options }),
  put: (path, body = {}, options) => request("PUT", path, { body, ...options }),
  patch: (path, body = {}, options) => request("PATCH", path, { body, ...options }),
  delete: (path, options) => request("DELETE", path, options),
};

/** An id the server has never seen, so that sending again is the same message and not a second one. */
export function newClientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return "w" + Date.now().toString(36) + Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
