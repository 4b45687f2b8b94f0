// The clocks of what was promised to a customer: how long until each runs out, by the server's clock.

import { duration, stopwatch } from "/static/common/format.js";
import { tick } from "./alerts.js";

const { computed } = Vue;
const SECONDS_UNDER = 600;

/** Running clocks of a row: {clock, title, left (seconds, negative = overdue), state}, most urgent first. */
export function clocksOf(row, now) {
  const running = (row?.sla?.clocks || []).filter((clock) => !clock.stopped_at);
  if (!running.length || row.sla_left_s === null) return [];
  const due = (clock) => Date.parse(clock.due_at);
  const first = Math.min(...running.map(due));
  const since = (now - row.readAt) / 1000;
  const last = row.last_message;
  const answered = last?.sender === "agent" && last.audience === "all" ? Date.parse(last.at) : 0;
  return running
    // An answer stops its clock at once, before the lists are read again.
    .filter((clock) => clock.clock === "resolution" || answered < Date.parse(clock.started_at))
    .map((clock) => ({ ...clock, left: row.sla_left_s + (due(clock) - first) / 1000 - since }))
    .map((clock) => ({ ...clock, state: clock.left < 0 ? "breached" : clock.state }))
    .sort((a, b) => a.left - b.left);
}

/** The worst state among a row's running clocks. */
export const worstOf = (row, now) => ["breached", "soon"].find((state) => clocksOf(row, now).some((clock) => clock.state === state)) || "ok";

const told = (seconds) => (seconds < SECONDS_UNDER ? stopwatch(seconds) : duration(seconds));

/** <sla-clocks :row>: a chip for each running clock. */
export const SlaClocks = {
  props: { row: Object },
  setup: (props) => ({ clocks: computed(() => clocksOf(props.row, tick.value)), told }),
  template: `
    <p v-if="clocks.length" class="sla" aria-label="服务时限"><span v-for="clock in clocks" :key="clock.clock" :class="['sla-clock', 'is-' + clock.state]">{{ clock.title }}{{ clock.left < 0 ? '已超时' : '还有' }} <b class="num">{{ told(Math.abs(clock.left)) }}</b></span></p>`,
};
