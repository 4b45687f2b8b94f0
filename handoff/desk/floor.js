// The floor as it is pushed to supervisors: whole first, then what changed.

import { beep } from "./alerts.js";
import { desk, load, merged } from "./store.js";

const { reactive } = Vue;

/** Overdue tickets, as pushed; conversations carry their own clocks. */
export const floor = reactive({ groups: [], tickets: [], desk: null, at: null });

const late = (row) => row.sla?.state === "breached";

export function heardFloor({ whole, rows, gone, agents, groups, tickets, desk: outside }) {
  const readAt = Date.now();
  const known = whole ? new Map() : new Map(desk.rows.map((row) => [row.handoff_id, row]));
  const fresh = rows.filter((row) => late(row) && !late(known.get(row.handoff_id) || {}));
  for (const row of rows) known.set(row.handoff_id, merged({ ...row, readAt }));
  // What is being watched stays on the screen after it has ended.
  for (const id of gone) if (id !== desk.active) known.delete(id);
  desk.rows = [...known.values()];
  desk.loaded = true;
  if (gone.includes(desk.active)) load(desk.active).then(ended).catch(() => {});
  if (agents) desk.agents = agents;
  if (groups) {
    floor.groups = groups;
    desk.groups = groups.map(({ id, name }) => ({ id, name }));
  }
  if (tickets) floor.tickets = tickets;
  if (outside) floor.desk = outside;
  floor.at = readAt;
  if (!whole && fresh.length) beep("lost");
}

function ended({ context, ...row }) {
  desk.rows = desk.rows.map((other) => (other.handoff_id === row.handoff_id ? { ...row, readAt: Date.now() } : other));
}
