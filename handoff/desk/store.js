// The desk's state: my chats, the queue, the open conversation. Reads the contract, holds nothing of its own: closing
// the page loses nothing but what is on the screen. acts.js changes things, line.js hears of changes.

import { ApiError, api } from "/static/common/api.js";
import { session } from "/static/common/login.js";
import { complain, tell } from "/static/common/page.js";
import { beep, titleBadge } from "./alerts.js";
import { readAll } from "./storage.js";
import { Thread } from "./thread.js";

const { computed, nextTick, reactive, watch } = Vue;
const OPEN = "waiting,offered,active,transferred,wrap_up";
const CALM_MS = 150;
const READ_MS = 300;

export const desk = reactive({
  status: "offline", connection: "connecting", retryAt: null, dropped: false,
  rows: [], askedAt: 0, loaded: false, active: null, agents: [], groups: [], names: {}, busy: {}, offers: {}, notice: null,
  // The server pushes the whole floor (supervisors); nothing is read in lists.
  pushed: false,
});
export const details = reactive({});
export const threads = new Map();
export const takenBy = new Map();
const known = new Set();
const tabs = new BroadcastChannel("changda-desk");

export const isGuest = (row) => row.role === "guest" && row.state === "active";
export const isMine = (row) => (row.mine && (row.state === "active" || row.state === "wrap_up")) || isGuest(row);
const byAccept = (a, b) => ((a.accepted_at || "") < (b.accepted_at || "") ? -1 : 1);

export const mine = computed(() => desk.rows.filter(isMine).sort(byAccept));
export const invitations = computed(() => desk.rows.filter((row) => row.role === "invited"));
// One's own offer stays in the list too: it may be taken by its card or by its row.
export const queue = computed(() => desk.rows.filter((row) => row.state === "waiting" || row.state === "offered"));
export const activeRow = computed(() => desk.rows.find((row) => row.handoff_id === desk.active) || null);
export const activeDetail = computed(() => details[desk.active] || null);
export const unread = computed(() => mine.value.reduce((sum, row) => sum + row.unread, 0));
const unlisted = () => Object.keys(desk.offers).filter((id) => !queue.value.some((row) => row.handoff_id === id)).length;
watch(() => unread.value + queue.value.length + invitations.value.length + unlisted(), titleBadge);

export const nameOf = (id) => desk.names[id] || (id === session.staff?.id ? session.staff.display_name : id || "");

/** The running wait of a row in seconds, by the server's clock: only the time since we read it is ours. */
export const waited = (row, now) => row.waiting_s + (now - row.readAt) / 1000;

// ---- lists ----

let soon = null;
let reading = Promise.resolve();
const calm = () => new Promise((done) => setTimeout(done, CALM_MS));
/** Reads the lists anew, at most once per moment however many events ask for it. What is heard while a list is on its
 * way may not be in it: that asks for one more. */
export function refresh() {
  if (desk.pushed) return Promise.resolve();
  soon ??= Promise.all([calm(), reading]).then(() => {
    soon = null;
    return (reading = readLists().catch(trouble));
  });
  return soon;
}

export const trouble = (error) => {
  if (!(error instanceof ApiError) || !error.temporary) complain(error);
};

async function readLists() {
  const [askedAt, before] = [Date.now(), shows];
  const { handoffs } = await api.get("/handoffs", { state: OPEN, limit: 500 });
  if (shows !== before) return readLists(); // It was asked for before something was taken, and would undo that.
  const readAt = Date.now();
  const rows = handoffs.map((row) => merged({ ...row, readAt }));
  announceNew(rows);
  const company = ["guest", "invited", "left"].includes(activeRow.value?.role);
  Object.assign(desk, { rows, askedAt, loaded: true });
  const alive = new Set(rows.map((row) => row.handoff_id));
  for (const id of threads.keys()) if (!alive.has(id)) forget(id);
  if (desk.active && !alive.has(desk.active)) {
    const winner = takenBy.get(desk.active);
    if (!company && winner && winner !== session.staff.id && !desk.busy[`accept:${desk.active}`]) tell(`${nameOf(winner)}已接入这位客户`, "info");
    leave();
  }
  for (const row of rows) if (isMine(row) && !threads.has(row.handoff_id) && readAll("out", row.handoff_id).length) load(row.handoff_id).catch(trouble);
}

export function merged(row) {
  const thread = threads.get(row.handoff_id);
  // A message may have come in while the list was on its way.
  for (const message of thread?.view.messages || []) if (message.seq > row.last_seq) count(row, message);
  if (row.handoff_id === desk.active && visible()) row.unread = 0;
  return row;
}

/** A row and its newest message. */
export function count(row, { seq, sender, audience, agent_id: agentId, text, created_at: at }) {
  row.last_seq = seq;
  row.last_message = { sender, audience, agent_id: agentId, text, at };
  if (sender === "customer") row.unread += 1;
}

function announceNew(rows) {
  const waiting = rows.filter((row) => row.state === "waiting");
  const fresh = waiting.filter((row) => !known.has(row.handoff_id));
  waiting.forEach((row) => known.add(row.handoff_id));
  for (const id of known) if (!waiting.some((row) => row.handoff_id === id)) known.delete(id);
  if (!desk.loaded || !fresh.length || desk.status === "offline") return;
  beep("waiting");
  listeners.arrived.forEach((tellAbout) => tellAbout(fresh));
}

const listeners = { arrived: new Set() };
/** Calls `listener(rows)` when somebody new waits. */
export const onArrived = (listener) => listeners.arrived.add(listener);

export async function readAgents() {
  const { agents, skill_groups: groups, names } = await api.get("/agents");
  const own = agents.find((agent) => agent.id === session.staff.id);
  Object.assign(desk, { agents, groups, names, notice: own?.notice || null });
}

// ---- one conversation ----

const fetchAfter = (id) => async (after) => (await api.get(`/handoffs/${id}/messages`, { after })).messages;

/** Reads a conversation's package, e.g. anew before closing it. */
export async function load(id) {
  const detail = await api.get(`/handoffs/${id}`);
  keep(detail);
  return detail;
}

let shows = 0;
/** Shows a conversation as it is after something was done with it: taken, joined, taken over. */
export function show(detail) {
  const { context, ...row } = detail;
  shows += 1;
  desk.rows = [...desk.rows.filter((other) => other.handoff_id !== row.handoff_id), { ...row, readAt: Date.now() }];
  keep(detail);
  desk.active = row.handoff_id;
  history.replaceState(null, "", `#${row.handoff_id}`);
  nextTick(markRead);
}

/** Puts a package that was read on the screen. */
export function keep(detail) {
  const id = detail.handoff_id;
  const { transcript, ...context } = detail.context;
  if (!threads.has(id)) threads.set(id, new Thread(id, fetchAfter(id)));
  const thread = threads.get(id);
  thread.take(transcript);
  thread.view.loaded = true;
  details[id] = { ...detail, context, thread: thread.view };
  if (isMine(detail)) thread.restore();
}

function forget(id) {
  threads.delete(id);
  delete details[id];
}

/** Shows a conversation; a waiting one can be looked at before it is taken. */
export async function open(id) {
  desk.active = id;
  history.replaceState(null, "", `#${id}`);
  if (!id) return;
  try {
    await load(id);
  } catch (error) {
    if (desk.active === id && !details[id]) leave();
    complain(error);
    refresh();
  }
  markRead();
}

function leave() {
  const next = mine.value.find((row) => row.handoff_id !== desk.active);
  desk.active = null;
  history.replaceState(null, "", location.pathname);
  if (next && matchMedia("(min-width: 768px)").matches) open(next.handoff_id);
}

export const threadOf = (id) => threads.get(id);

export const visible = () => document.visibilityState === "visible" && document.hasFocus();
const readUpTo = new Map();
const telling = new Map();
/** Tells the server, and the other tabs, what has been read. */
export function markRead() {
  const row = activeRow.value;
  const thread = threads.get(desk.active);
  if (!row || !isMine(row) || row.state !== "active" || !thread || !visible()) return;
  const id = row.handoff_id;
  if (!row.unread && readUpTo.get(id) >= thread.lastSeq) return;
  const seq = thread.lastSeq;
  row.unread = 0;
  readUpTo.set(id, seq);
  tabs.postMessage({ read: id });
  // Each conversation has its own moment: going on to the next one at once must not forget to tell of this one.
  clearTimeout(telling.get(id));
  const still = () => desk.rows.some((other) => other.handoff_id === id && isMine(other) && other.state === "active");
  const tell = () => still() && api.post(`/handoffs/${id}/read`, { seq }).catch(() => readUpTo.delete(id));
  telling.set(id, setTimeout(tell, READ_MS));
}
addEventListener("focus", () => markRead());
/** Another tab, or another browser of this person, has read a conversation. */
export function readElsewhere(id, seq = Infinity) {
  const row = desk.rows.find(({ handoff_id: other }) => other === id);
  if (row && seq >= row.last_seq) row.unread = 0;
}
tabs.onmessage = ({ data }) => readElsewhere(data.read);
