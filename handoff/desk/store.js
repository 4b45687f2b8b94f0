// The desk's state: who I am here, my chats, the queue, the live line. Reads the contract, holds nothing of its own:
// closing the page loses nothing but what is on the screen.

import { ApiError, api } from "/static/common/api.js";
import { LiveSocket } from "/static/common/live.js";
import { session, whoAmI } from "/static/common/login.js";
import { complain, tell } from "/static/common/page.js";
import { beep, titleBadge } from "./alerts.js";
import { forgetOld, readAll } from "./storage.js";
import { Thread } from "./thread.js";

const { computed, nextTick, reactive, ref, watch } = Vue;
const OPEN = "waiting,offered,active,transferred,wrap_up";
const CALM_MS = 150;
const SAFETY_MS = 20000;
const PREVIEW_MS = 6000;
const READ_MS = 300;
const DRAFT_DAYS = 7;

export const desk = reactive({
  status: "offline", connection: "connecting", retryAt: null, dropped: false,
  rows: [], loaded: false, active: null, agents: [], groups: [], busy: {},
});
const details = reactive({});
const threads = new Map();
const takenBy = new Map();
const known = new Set();
const tabs = new BroadcastChannel("changda-desk");
let socket = null;

const isMine = (row) => row.mine && (row.state === "active" || row.state === "wrap_up");
const byAccept = (a, b) => ((a.accepted_at || "") < (b.accepted_at || "") ? -1 : 1);

export const mine = computed(() => desk.rows.filter(isMine).sort(byAccept));
export const queue = computed(() => desk.rows.filter((row) => row.state === "waiting"));
export const activeRow = computed(() => desk.rows.find((row) => row.handoff_id === desk.active) || null);
export const activeDetail = computed(() => details[desk.active] || null);
export const unread = computed(() => mine.value.reduce((sum, row) => sum + row.unread, 0));
watch(() => unread.value + queue.value.length, titleBadge);

export const nameOf = (id) => desk.agents.find((agent) => agent.id === id)?.display_name || (id === session.staff?.id ? session.staff.display_name : id || "");

/** The running wait of a row in seconds, by the server's clock: only the time since we read it is ours. */
export const waited = (row, now) => row.waiting_s + (now - row.readAt) / 1000;

// ---- lists ----

let pending = null;
/** Reads the lists anew, at most once per moment however many events ask for it. */
export function refresh() {
  pending ??= new Promise((done) => setTimeout(done, CALM_MS)).then(readLists).catch(trouble).finally(() => (pending = null));
  return pending;
}

const trouble = (error) => {
  if (!(error instanceof ApiError) || !error.temporary) complain(error);
};

async function readLists() {
  const { handoffs } = await api.get("/handoffs", { state: OPEN, limit: 500 });
  const readAt = Date.now();
  const rows = handoffs.map((row) => merged({ ...row, readAt }));
  announceNew(rows);
  desk.rows = rows;
  desk.loaded = true;
  const alive = new Set(rows.map((row) => row.handoff_id));
  for (const id of threads.keys()) if (!alive.has(id)) forget(id);
  if (desk.active && !alive.has(desk.active)) {
    const winner = takenBy.get(desk.active);
    if (winner && winner !== session.staff.id && !desk.busy[`accept:${desk.active}`]) tell(`${nameOf(winner)}已接入这位客户`, "info");
    leave();
  }
  for (const row of rows) if (isMine(row) && !threads.has(row.handoff_id) && readAll("out", row.handoff_id).length) load(row.handoff_id).catch(trouble);
}

function merged(row) {
  const thread = threads.get(row.handoff_id);
  // A message may have come in while the list was on its way.
  if (thread && thread.lastSeq > row.last_seq) row.last_seq = thread.lastSeq;
  if (row.handoff_id === desk.active && visible()) row.unread = 0;
  return row;
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
  const { agents, skill_groups: groups } = await api.get("/agents");
  Object.assign(desk, { agents, groups });
}

// ---- one conversation ----

const fetchAfter = (id) => async (after) => (await api.get(`/handoffs/${id}/messages`, { after })).messages;

async function load(id) {
  const detail = await api.get(`/handoffs/${id}`);
  keep(detail);
  return detail;
}

function keep(detail) {
  const id = detail.handoff_id;
  const { transcript, ...context } = detail.context;
  if (!threads.has(id)) threads.set(id, new Thread(id, fetchAfter(id)));
  const thread = threads.get(id);
  thread.take(transcript);
  thread.view.loaded = true;
  details[id] = { ...detail, context, thread: thread.view };
  if (detail.mine) thread.restore();
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

const visible = () => document.visibilityState === "visible" && document.hasFocus();
const readUpTo = new Map();
let reading = 0;
/** Tells the server, and the other tabs, what has been read. */
export function markRead() {
  const row = activeRow.value;
  const thread = threads.get(desk.active);
  if (!row?.mine || row.state !== "active" || !thread || !visible()) return;
  const id = row.handoff_id;
  if (!row.unread && readUpTo.get(id) >= thread.lastSeq) return;
  row.unread = 0;
  readUpTo.set(id, thread.lastSeq);
  tabs.postMessage({ read: id });
  clearTimeout(reading);
  reading = setTimeout(() => api.post(`/handoffs/${id}/read`, { seq: thread.lastSeq }).catch(() => readUpTo.delete(id)), READ_MS);
}
addEventListener("focus", () => markRead());
tabs.onmessage = ({ data }) => {
  const row = desk.rows.find(({ handoff_id: id }) => id === data.read);
  if (row) row.unread = 0;
};

// ---- what the agent does ----

/** Runs one act at a time per name; a failure is shown. Returns whether it worked. */
export async function act(name, work) {
  if (desk.busy[name]) return false;
  desk.busy[name] = true;
  try {
    await work();
    return true;
  } catch (error) {
    complain(error);
    return false;
  } finally {
    desk.busy[name] = false;
    refresh();
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export async function accept(id) {
  const done = await act(`accept:${id}`, async () => {
    try {
      taken(await api.post(`/handoffs/${id}/accept`));
    } catch (error) {
      if (error.status === 409) await nameWinner(id, error);
      throw error;
    }
  });
  return done;
}

// The event that tells who was faster may come a moment after the refusal.
async function nameWinner(id, error) {
  for (let i = 0; i < 8 && !takenBy.has(id); i += 1) await pause(100);
  if (takenBy.has(id)) error.message = `慢了一步：${nameOf(takenBy.get(id))}已经接入了这个会话。`;
}

export const acceptNext = () => act("next", async () => {
  const { handoff } = await api.post("/handoffs/next");
  if (handoff) taken(handoff);
  else tell("现在没有等待您接入的客户", "info");
});

function taken(detail) {
  const row = { ...detail, readAt: Date.now() };
  delete row.context;
  desk.rows = [...desk.rows.filter((other) => other.handoff_id !== row.handoff_id), row];
  keep(detail);
  desk.active = row.handoff_id;
  history.replaceState(null, "", `#${row.handoff_id}`);
  nextTick(markRead);
}

export const setStatus = (status) => act("status", async () => {
  const before = desk.status;
  desk.status = status;
  desk.dropped = false;
  try {
    await api.put("/agents/me/status", { status });
  } catch (error) {
    desk.status = before;
    throw error;
  }
});

export async function note(id, text) {
  return act("note", async () => {
    const { message } = await api.post(`/handoffs/${id}/notes`, { text });
    threads.get(id)?.take([message]);
  });
}

/** Tells the customer that somebody types. */
export const typing = (id) => socket?.send({ type: "typing", handoff_id: id });

/** Reads a conversation's package again, e.g. before closing it. */
export const reload = (id) => load(id);

// ---- the live line ----

function heard(event) {
  const row = desk.rows.find(({ handoff_id: id }) => id === event.handoff_id);
  if (event.type === "message") heardMessage(event, row);
  else if (event.type === "typing" && event.sender === "customer") heardTyping(event);
  else if (event.type === "handoff") heardMove(event);
  else if (event.type === "agent_status") heardStatus(event);
  else if (event.type === "ready") heardReady(event);
  else if (event.type === "pong") event.active.forEach(catchUp);
  else if (event.type === "following") catchUp(event);
  else if (event.type === "error" && event.code === "not_authenticated") whoAmI();
}

function heardMessage({ handoff_id: id, message }, row) {
  const thread = threads.get(id);
  const fresh = thread ? thread.take([message]) : [message];
  if (!row) return void refresh();
  // A list read in the meantime has counted this message already.
  const uncounted = message.seq > row.last_seq;
  if (uncounted) {
    row.last_seq = message.seq;
    row.last_message = { sender: message.sender, text: message.text, at: message.created_at };
  }
  if (message.sender !== "customer" || !fresh.length) return;
  if (uncounted && !(id === desk.active && visible())) row.unread += 1;
  if (!document.hasFocus() || id !== desk.active) beep("message");
  heardMood(id, message);
  nextTick(markRead);
}

function heardMood(id, message) {
  const label = message.understanding?.sentiment?.label;
  const mood = details[id]?.context.mood;
  if (label && mood) Object.assign(mood, { label, points: [...mood.points, { seq: message.seq, label }] });
}

const fading = new Map();
function heardTyping({ handoff_id: id, text }) {
  const thread = threads.get(id);
  if (!thread) return;
  thread.view.preview = text || "";
  clearTimeout(fading.get(id));
  fading.set(id, setTimeout(() => (thread.view.preview = ""), PREVIEW_MS));
}

function heardMove(event) {
  if (event.state === "active" && event.agent_id) takenBy.set(event.handoff_id, event.agent_id);
  else takenBy.delete(event.handoff_id);
  if (event.handoff_id === desk.active && activeRow.value?.mine) load(desk.active).catch(() => {});
  refresh();
}

function heardStatus({ agent_id: id, status }) {
  const agent = desk.agents.find((other) => other.id === id);
  if (agent) agent.status = status;
  if (id === session.staff.id) desk.status = status;
}

function heardReady({ agent }) {
  // The server signs out whoever was away too long; the agent should know.
  desk.dropped = desk.status !== "offline" && agent.status === "offline" && desk.loaded;
  desk.status = agent.status;
  const after = {};
  for (const row of mine.value) if (threads.has(row.handoff_id)) after[row.conversation_id] = threads.get(row.handoff_id).lastSeq;
  socket.send({ type: "resume", after });
  refresh();
  for (const thread of threads.values()) thread.flush();
}

function catchUp({ handoff_id: id, last_seq: last }) {
  const thread = threads.get(id);
  if (thread && thread.lastSeq < last) thread.fill();
  if (!desk.rows.some((row) => row.handoff_id === id && isMine(row))) refresh();
}

/** Starts the desk once somebody is signed in. */
export async function start() {
  forgetOld(DRAFT_DAYS, "draft");
  socket = new LiveSocket("/api/v1/agents/ws", {
    onMessage: heard,
    onState(state, retryAt) {
      if (state === "waiting" && desk.connection === "open") beep("lost");
      Object.assign(desk, { connection: state, retryAt });
      if (state === "refused") whoAmI();
    },
  });
  socket.start();
  readAgents().catch(trouble);
  await refresh();
  const wanted = location.hash.slice(1);
  if (wanted && desk.rows.some((row) => row.handoff_id === wanted)) open(wanted);
  else if (mine.value.length && matchMedia("(min-width: 768px)").matches) open(mine.value[0].handoff_id);
  setInterval(() => document.visibilityState === "visible" && refresh(), SAFETY_MS);
}

/** After a new login the line is opened again. */
watch(() => session.expired, (now, before) => before && !now && socket?.connect());
export const retry = ref(() => socket?.connect());
