// Where the editor is: #/entries/roam-open, #/bench?q=… . The address is the only state of the page that
// outlives a reload. Unsaved work may refuse to be left: see `guardLeaving`.

const { reactive } = Vue;

const VIEWS = new Set(["entries", "bench", "inbox", "review", "golden", "transfer", "publish"]);
// Where older links lead.
const MOVED = { misses: "inbox" };

function read() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [asked, id = ""] = path.split("/").map(safeDecode);
  const view = MOVED[asked] || asked;
  return { view: VIEWS.has(view) ? view : "entries", id, query: Object.fromEntries(new URLSearchParams(query)) };
}

function safeDecode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

export const route = reactive(read());
let guard = async () => true;
let asking = false;
let shown = location.hash;

/** `ask` resolves to false when the person wants to stay. One guard at a time; null takes it away. */
export function guardLeaving(ask) {
  guard = ask || (async () => true);
}

export function addressOf(view, id = "", query = {}) {
  const tail = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value !== undefined)).toString();
  return `#/${view}${id ? `/${encodeURIComponent(id)}` : ""}${tail ? `?${tail}` : ""}`;
}

/** Whether the person may leave; while the question stands, further attempts are refused. */
async function mayLeave() {
  if (asking) return false;
  asking = true;
  try {
    return await guard();
  } finally {
    asking = false;
  }
}

function arrive() {
  shown = location.hash;
  Object.assign(route, read());
}

/** Goes there, unless unsaved work holds the person back. Resolves to whether it went. */
export async function go(view, id = "", query = {}) {
  const target = addressOf(view, id, query);
  if (target === location.hash) return true;
  if (!(await mayLeave())) return false;
  history.pushState(null, "", target);
  arrive();
  return true;
}

/** Changes the address without a step back to it, e.g. when a new entry gets its id. */
export function replace(view, id = "", query = {}) {
  history.replaceState(null, "", addressOf(view, id, query));
  arrive();
}

// The browser has already moved when it tells us; a refusal puts the address back.
addEventListener("popstate", async () => {
  // An empty address would mean "stay" to replaceState.
  const wanted = location.hash || "#/entries";
  if (wanted === (shown || "#/entries")) return;
  history.replaceState(null, "", shown || "#/entries");
  if (!(await mayLeave())) return;
  history.replaceState(null, "", wanted);
  arrive();
});
