// The live line: what the server pushes, and what to read again after a silence.

import { LiveSocket } from "/static/common/live.js";
import { session, whoAmI } from "/static/common/login.js";
import { beep } from "./alerts.js";
import { forgetOld } from "./storage.js";
import {
  activeRow, desk, details, isMine, load, markRead, mine, open, readAgents, refresh, takenBy, threads, trouble, visible,
} from "./store.js";

const { nextTick, watch } = Vue;
const SAFETY_MS = 20000;
const PREVIEW_MS = 6000;
const DRAFT_DAYS = 7;
let socket = null;

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
watch(() => session.expired, (now, before) => before && !now && reconnect());

/** Tries the line now instead of waiting for its next try. */
export const reconnect = () => socket?.connect();

/** Tells the customer that somebody types. */
export const typing = (id) => socket?.send({ type: "typing", handoff_id: id });
