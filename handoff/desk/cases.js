// Tickets on the desk: call backs and other cases that outlive a conversation. Read whole, as the lists of chats are.

import { api } from "/static/common/api.js";
import { session } from "/static/common/login.js";
import { complain, tell } from "/static/common/page.js";
import { act } from "./acts.js";
import { beep, tick } from "./alerts.js";
import { desk, open, trouble } from "./store.js";

const { computed, reactive, watch } = Vue;
const CALM_MS = 300;
const HASH = "ticket-";

export const cases = reactive({ rows: [], done: [], loaded: false, shown: false, view: "open", active: null, detail: null, problem: "" });
/** What was written and not yet stored, by ticket; `call` is "", "reached" or "missed", `again` a Date or null. */
const drafts = reactive({});

export const isOwn = (row) => row?.owner === session.staff?.id;
export const alive = (row) => row?.state === "open" || row?.state === "processing";
export const owned = computed(() => cases.rows.filter(isOwn));
export const overdue = computed(() => cases.rows.filter((row) => row.overdue).length);
export const listed = computed(() => (cases.view === "done" ? cases.done : cases.view === "mine" ? owned.value : cases.rows));

export const draftOf = (id) => (drafts[id] ??= { text: "", call: "", again: null });

// ---- reading ----

let soon = null;
/** Reads the lists anew, at most once per moment. */
export function readCases() {
  soon ??= new Promise((done) => setTimeout(done, CALM_MS)).then(async () => {
    soon = null;
    try {
      const jobs = [api.get("/tickets"), cases.view === "done" ? api.get("/tickets", { state: "done" }) : null];
      const [now, ended] = await Promise.all(jobs);
      const readAt = Date.now();
      const fresh = ({ tickets }) => tickets.map((row) => ({ ...row, readAt }));
      Object.assign(cases, { rows: fresh(now), loaded: true, problem: "" }, ended && { done: fresh(ended) });
    } catch (error) {
      cases.problem = error.message;
      trouble(error);
    }
  });
  return soon;
}

export function view(name) {
  cases.view = name;
  readCases();
}

/** Shows the tickets instead of the chats, or the chats again. */
export function showCases(on) {
  cases.shown = on;
  if (on) readCases();
}

/** Opens a ticket with its story. */
export async function openCase(id) {
  Object.assign(cases, { active: id, detail: cases.detail?.id === id ? cases.detail : null });
  open(null);
  history.replaceState(null, "", `#${HASH}${id}`);
  try {
    await loadCase(id);
  } catch (error) {
    if (cases.active === id) leaveCase();
    complain(error);
    readCases();
  }
}

async function loadCase(id) {
  const { ticket } = await api.get(`/tickets/${id}`);
  if (cases.active === id) cases.detail = { ...ticket, readAt: Date.now() };
}

export function leaveCase() {
  Object.assign(cases, { active: null, detail: null });
  if (location.hash.startsWith(`#${HASH}`)) history.replaceState(null, "", location.pathname);
}
watch(() => desk.active, (id) => id && Object.assign(cases, { active: null, detail: null, shown: false }));

/** The ticket that the address of the page names. */
export const caseInAddress = () => (location.hash.startsWith(`#${HASH}`) ? location.hash.slice(HASH.length + 1) : null);

/** Somebody made one, worked on it or gave it away. */
export function heardCase(event) {
  const me = session.staff.id;
  if (event.owner === me && event.by && event.by !== me && !owned.value.some((row) => row.id === event.ticket_id)) {
    beep("waiting");
    tell(`${event.by_name}把工单${event.ticket_id}转给了您`, "info");
  }
  readCases();
  if (event.ticket_id === cases.active) loadCase(cases.active).catch(() => leaveCase());
}

// An appointment with a customer is kept: once, at its time.
const reminded = new Set();
watch(tick, (now) => {
  for (const row of owned.value) {
    const key = `${row.id} ${row.again_at}`;
    if (!row.again_at || Date.parse(row.again_at) > now || reminded.has(key)) continue;
    reminded.add(key);
    beep("waiting");
    tell(`约好再次联系${row.customer_name || "客户"}的时间到了（工单${row.id}）`, "warning");
  }
});

// ---- doing ----

const changed = (id) => Promise.all([readCases(), cases.active === id ? loadCase(id).catch(() => leaveCase()) : null]);

/** Stores what was done; `state` is the one after it. */
export async function work(id, state) {
  const draft = draftOf(id);
  const body = { state, text: draft.text.trim(), call: draft.call || null, again_at: state === "processing" && draft.again ? draft.again.toISOString() : null };
  const done = await act(`case:${id}`, () => api.post(`/tickets/${id}/steps`, body));
  if (done) {
    delete drafts[id];
    tell({ processing: "已记录", resolved: "已办结，客户会收到处理结果", closed: "已关闭" }[state]);
  }
  await changed(id);
  return done;
}

export async function assign(id, body) {
  const done = await act(`case:${id}`, () => api.post(`/tickets/${id}/assign`, body));
  await changed(id);
  return done;
}

export const takeCase = (id) => assign(id, { owner: session.staff.id });
