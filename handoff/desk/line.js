// The live line: what the server pushes, and what to read again after a silence.

import { LiveSocket } from "/static/common/live.js";
import { renewBefore, session, whoAmI } from "/static/common/login.js";
import { tell } from "/static/common/page.js";
import { beep } from "./alerts.js";
import { caseInAddress, heardCase, openCase, readCases, showCases } from "./cases.js";
import { heardGuest, heardWhisper } from "./company.js";
import { heardFloor } from "./floor.js";
import { heardOffer, heardOfferMove } from "./offers.js";
import { forgetOld } from "./storage.js";
import {
  activeRow, count, desk, details, isGuest, isMine, load, markRead, mine, nameOf, open, readAgents, readElsewhere, refresh, takenBy, threads,
  trouble, visible,
} from "./store.js";
import { moodOf, trendOf } from "./words.js";

const { nextTick, watch } = Vue;
const SAFETY_MS = 20000;
const PREVIEW_MS = 6000;
const DRAFT_DAYS = 7;
let socket = null;

function heard(event) {
  const row = desk.rows.find(({ handoff_id: id }) => id === event.handoff_id);
  if (event.type === "message") heardMessage(event, row);
  else if (event.type === "typing") heardTyping(event);
  else if (event.type === "assist") heardAssist(event);
  else if (event.type === "guest") heardGuest(event);
  else if (event.type === "whisper") heardWhisper(event);
  else if (event.type === "offer") heardOffer(event);
  else if (event.type === "sla") heardLate(event);
  else if (event.type === "ticket") heardCase(event);
  else if (event.type === "read") readElsewhere(event.handoff_id, event.seq);
  else if (event.type === "floor") heardFloor(event);
  else if (event.type === "renewed") keepLogin(event);
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
  if (message.seq > row.last_seq) count(row, message);
  if (id === desk.active && visible()) row.unread = 0;
  if (message.sender !== "customer" || !fresh.length) return;
  if (!document.hasFocus() || id !== desk.active) beep("message");
  heardMood(id, message);
  nextTick(markRead);
}

function heardMood(id, message) {
  const label = moodOf(message.understanding?.sentiment?.label);
  const mood = details[id]?.context.mood;
  if (!label || !mood || mood.points.some(({ seq }) => seq === message.seq)) return;
  const points = [...mood.points, { seq: message.seq, label }];
  Object.assign(mood, { label, points, trend: trendOf(points) });
}

/** What the silent bot made of a customer's message, for the line that is on the screen. */
function heardAssist({ handoff_id: id, seq, understanding }) {
  const message = threads.get(id)?.view.messages.find((other) => other.seq === seq);
  if (!message) return;
  message.understanding = understanding;
  heardMood(id, message);
}

const fading = new Map();
function heardTyping({ handoff_id: id, sender, text, agent_id: agentId }) {
  const thread = threads.get(id);
  if (!thread || sender === "bot") return;
  const shown = sender === "customer" ? { preview: text || "" } : { colleague: nameOf(agentId) };
  Object.assign(thread.view, shown);
  const key = `${id}:${sender}`;
  clearTimeout(fading.get(key));
  fading.set(key, setTimeout(() => Object.assign(thread.view, sender === "customer" ? { preview: "" } : { colleague: "" }), PREVIEW_MS));
}

function heardMove(event) {
  heardOfferMove(event);
  if (event.state === "active" && event.agent_id) takenBy.set(event.handoff_id, event.agent_id);
  else takenBy.delete(event.handoff_id);
  // What has just gone to somebody else may not be read any more.
  const served = event.agent_id === session.staff.id || (event.state === "active" && activeRow.value && isGuest(activeRow.value));
  if (event.handoff_id === desk.active && (desk.pushed || (served && activeRow.value && isMine(activeRow.value)))) load(desk.active).catch(() => {});
  refresh();
  // A message left becomes a ticket.
  if (event.state === "closed" && !desk.pushed) readCases();
}

function heardStatus({ agent_id: id, status, notice = null }) {
  const agent = desk.agents.find((other) => other.id === id);
  if (agent) agent.status = status;
  if (id === session.staff.id) Object.assign(desk, { status, notice });
}

/** A promise to a customer was broken: its owner hears first, then who is in charge. */
function heardLate({ subject, owner, title, level }) {
  const concerned = owner === session.staff.id || (level > 1 || !owner) && session.staff.roles.includes("supervisor");
  if (concerned) tell(`${subject === "ticket" ? "工单" : "会话"}${title}已超时${owner && owner !== session.staff.id ? `，负责人：${nameOf(owner)}` : ""}`, "warning");
  if (subject === "ticket" && !desk.pushed) readCases();
  refresh();
}

const keepLogin = ({ token_s: seconds }) => seconds && renewBefore(seconds, (token) => socket.send({ type: "auth", token }));

function heardReady(event) {
  const { agent } = event;
  keepLogin(event);
  // The server signs out whoever was away too long; the agent should know.
  desk.dropped = desk.status !== "offline" && agent.status === "offline" && desk.loaded;
  desk.status = agent.status;
  const after = {};
  for (const row of mine.value) if (threads.has(row.handoff_id)) after[row.conversation_id] = threads.get(row.handoff_id).lastSeq;
  socket.send({ type: "resume", after });
  if (desk.pushed) socket.send({ type: "floor" });
  if (watching) socket.send({ type: "watch", handoff_id: watching });
  refresh();
  if (!desk.pushed) readCases();
  for (const thread of threads.values()) thread.flush();
}

function catchUp({ handoff_id: id, last_seq: last }) {
  const thread = threads.get(id);
  if (thread && thread.lastSeq < last) thread.fill();
  if (!desk.rows.some((row) => row.handoff_id === id && isMine(row))) refresh();
}

let watching = null;
/** Watches a conversation live, instead of the one before; null watches none. */
export function watchTalk(id) {
  if (watching && watching !== id) socket?.send({ type: "unwatch", handoff_id: watching });
  watching = id;
  if (id) socket?.send({ type: "watch", handoff_id: id });
}

/** Starts the desk once somebody is signed in; with `floor` everything is pushed and nothing polled. */
export async function start({ floor = false } = {}) {
  desk.pushed = floor;
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
  const wanted = location.hash.slice(1);
  const ticket = caseInAddress();
  if (!floor) readCases();
  await refresh();
  if (!floor && ticket) {
    showCases(true);
    openCase(ticket);
  } else if (wanted && desk.rows.some((row) => row.handoff_id === wanted)) open(wanted);
  else if (mine.value.length && matchMedia("(min-width: 768px)").matches) open(mine.value[0].handoff_id);
  const lists = () => { refresh(); readCases(); };
  if (!floor) setInterval(() => document.visibilityState === "visible" && lists(), SAFETY_MS);
}

/** After a new login the line is opened again. */
watch(() => session.expired, (now, before) => before && !now && reconnect());

/** Tries the line now instead of waiting for its next try. */
export const reconnect = () => socket?.connect();

/** Tells the customer that somebody types. */
export const typing = (id) => socket?.send({ type: "typing", handoff_id: id });
