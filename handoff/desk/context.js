// The right column: what the agent must know before the first word, the most useful first.

import { clock, daysUntil, mask, moment, money, months } from "/static/common/format.js";
import { WholeNumber } from "./company.js";
import {
  CHANNELS, MOODS, MOOD_RANK, REACTIONS, SLOTS, TICKET_STATES, TIERS, TRENDS, VERIFICATIONS,
  eventNote, eventWords, priorityClass, tierClass, word,
} from "./words.js";

const { computed } = Vue;
const plain = (value) => mask(value !== null && typeof value === "object" ? JSON.stringify(value) : String(value ?? ""));
const COLOURS = { positive: "var(--good)", neutral: "var(--text-3)", negative: "var(--warn)", angry: "var(--bad)" };
const SOON_DAYS = 60;

/** <mood-line :mood="…">: one dot a message, higher is better. */
export const MoodLine = {
  props: { mood: Object },
  setup(props) {
    const points = computed(() => {
      const shown = (props.mood?.points || []).slice(-24);
      const step = 212 / Math.max(1, shown.length - 1);
      return shown.map((point, i) => ({
        ...point, x: 4 + (shown.length > 1 ? i * step : 106), y: 8 + (1 - (MOOD_RANK[point.label] ?? 0)) * 10,
        colour: COLOURS[point.label] || COLOURS.neutral,
      }));
    });
    const path = computed(() => points.value.map(({ x, y }) => `${x.toFixed(1)},${y}`).join(" "));
    const words = computed(() => `情绪：${word(MOODS, props.mood?.label)}，${word(TRENDS, props.mood?.trend)}`);
    return { points, path, words, word, MOODS };
  },
  template: `
    <svg v-if="points.length" class="mood-line" viewBox="0 0 220 46" role="img" :aria-label="words">
      <line x1="0" x2="220" y1="18" y2="18" /><polyline :points="path" />
      <circle v-for="point in points" :key="point.seq" :cx="point.x" :cy="point.y" r="3.2" :fill="point.colour"><title>{{ word(MOODS, point.label) }}</title></circle>
    </svg>`,
};

function customerRows(customer) {
  const owes = Number(customer.arrears) > 0;
  const left = daysUntil(customer.contract_end);
  const ending = left !== null && left >= 0 && left <= SOON_DAYS;
  return [
    ["套餐", customer.plan],
    ["余额", customer.balance === null ? null : money(customer.balance), Number(customer.balance) < 0 && "bad"],
    ["欠费", owes ? money(customer.arrears) : null, "bad"],
    ["在网", customer.tenure_months === null ? null : months(customer.tenure_months)],
    ["合约到期", customer.contract_end && `${customer.contract_end}${ending ? `（还有${left}天）` : ""}`, ending && "warn"],
    ["客户编号", customer.customer_id],
  ].filter(([, value]) => value !== null && value !== undefined && value !== "");
}

export const ContextPanel = {
  components: { MoodLine, WholeNumber },
  props: { package: Object, mood: Object, row: Object, mayReveal: Boolean },
  setup(props) {
    const context = computed(() => props.package);
    const customer = computed(() => context.value.customer || {});
    const rows = computed(() => customerRows(customer.value));
    const filled = computed(() => Object.entries(context.value.wants?.slots?.filled || {}).filter(([, value]) => value !== null && value !== ""));
    const missing = computed(() => context.value.wants?.slots?.missing || []);
    const tried = computed(() => [...(context.value.tried || [])].reverse());
    const summary = computed(() => {
      const { who, wants, why, tried: done, mood } = context.value.summary || {};
      return [["客户", who], ["诉求", wants], ["原因", why], ["已做", done], ["情绪", mood]].filter(([, line]) => line);
    });
    return {
      context, customer, rows, filled, missing, tried, summary, plain, mask, clock, moment, word,
      CHANNELS, MOODS, REACTIONS, SLOTS, TICKET_STATES, TIERS, TRENDS, VERIFICATIONS, tierClass, priorityClass,
    };
  },
  template: `
    <div class="context">
      <section class="summary" aria-label="五秒摘要">
        <p v-for="[name, line] in summary" :key="name" :class="{ main: name === '诉求' }"><span>{{ name }}</span><b>{{ mask(line) }}</b></p>
      </section>

      <section v-if="context.why" aria-label="为什么转人工">
        <h3>为什么转人工</h3>
        <p class="tags"><span :class="['tag', context.why.complaint_grade === 'high' ? 'tag-bad' : 'tag-info']">{{ context.why.trigger_text }}</span>
          <span class="tag">{{ context.why.skill_group_text }}</span>
          <span :class="priorityClass(context.why.priority)">优先级 {{ context.why.priority }}</span></p>
        <p class="small muted">{{ context.why.priority_reasons?.length ? '优先级构成：' + context.why.priority_reasons.join('，') : '普通优先级，按到达先后排队' }}</p>
      </section>

      <section aria-label="客户资料">
        <h3>客户 <span class="spacer"></span><span :class="['tag', customer.verification === 'verified' ? 'tag-good' : 'tag-warn']">{{ word(VERIFICATIONS, customer.verification) }}</span></h3>
        <p class="customer-name"><b>{{ customer.name || '未登录客户' }}</b> <span v-if="customer.tier && customer.tier !== 'normal'" :class="tierClass(customer.tier)">{{ word(TIERS, customer.tier) }}</span>
          <span v-if="customer.elderly" class="tag tag-info">老年客户</span> <whole-number v-if="row" :row="row" :may="mayReveal" /><span v-else class="num muted">{{ customer.masked_phone }}</span></p>
        <dl v-if="rows.length"><template v-for="[name, value, tone] in rows" :key="name"><dt>{{ name }}</dt><dd :class="['num', tone && 'tone-' + tone]">{{ value }}</dd></template></dl>
        <p class="small muted">{{ customer.facts_at ? '资料取自业务系统 ' + clock(customer.facts_at) : (customer.customer_id || customer.masked_phone ? '业务系统暂未返回资料' : '客户未验证身份，没有可查的资料') }}
          <template v-if="context.conversation"> · {{ context.conversation.channels.map((c) => word(CHANNELS, c)).join('、') }}</template></p>
      </section>

      <section v-if="filled.length || missing.length || context.no_need_to_ask?.length" aria-label="已知信息">
        <h3>已知信息</h3>
        <p v-if="missing.length" class="tags"><span class="small muted">还需了解</span><span v-for="name in missing" :key="name" class="tag tag-warn">{{ word(SLOTS, name) }}</span></p>
        <p v-if="filled.length" class="tags"><span v-for="[name, value] in filled" :key="name" class="tag">{{ word(SLOTS, name) }}：{{ plain(value) }}</span></p>
        <details v-if="context.no_need_to_ask?.length"><summary>不用再问客户（{{ context.no_need_to_ask.length }}）</summary><ul class="plain-list"><li v-for="line in context.no_need_to_ask" :key="line">{{ mask(line) }}</li></ul></details>
      </section>

      <section aria-label="机器人已做">
        <h3>机器人已做</h3>
        <ol v-if="tried.length" class="tried">
          <li v-for="(step, i) in tried" :key="i"><p>{{ mask(step.summary || step.action) }} <time v-if="step.at" class="small muted num">{{ clock(step.at) }}</time></p>
            <dl v-if="Object.keys(step.figures || {}).length" class="figures"><template v-for="(value, name) in step.figures" :key="name"><dt>{{ name }}</dt><dd class="num">{{ plain(value) }}</dd></template></dl></li>
        </ol>
        <ul v-if="context.knowledge_shown?.length" class="plain-list"><li v-for="entry in context.knowledge_shown" :key="entry.entry_id">看过《{{ entry.question }}》<span v-if="entry.reaction" class="tag">{{ word(REACTIONS, entry.reaction) }}</span></li></ul>
        <p v-if="!tried.length && !context.knowledge_shown?.length" class="small muted">机器人尚未办理任何操作</p>
      </section>

      <section v-if="mood?.points?.length" aria-label="情绪">
        <h3>情绪 <span class="spacer"></span><span class="small muted">{{ word(MOODS, mood.label) }} · {{ word(TRENDS, mood.trend) }}</span></h3>
        <mood-line :mood="mood" />
      </section>

      <section v-if="context.open_tickets?.length" aria-label="未结工单">
        <h3>未结工单（{{ context.open_tickets.length }}）</h3>
        <ul class="plain-list"><li v-for="ticket in context.open_tickets" :key="ticket.id"><b class="num">{{ ticket.id }}</b> {{ mask(ticket.title) }} <span class="tag">{{ word(TICKET_STATES, ticket.status) }}</span></li></ul>
      </section>
    </div>`,
};

/** <event-timeline :events :name-of>: every move of the handoff, newest first. */
export const EventTimeline = {
  props: { events: Array, nameOf: Function },
  setup(props) {
    const shown = computed(() => [...(props.events || [])].reverse());
    const actor = (event) => (event.actor ? props.nameOf(event.actor) : { customer: "客户", system: "系统" }[event.actor_kind] || "");
    return { shown, actor, eventWords, eventNote, moment, mask };
  },
  template: `
    <ol class="timeline">
      <li v-for="event in shown" :key="event.id"><p><b>{{ eventWords(event, nameOf) }}</b> <span class="muted">{{ actor(event) }}</span></p>
        <p v-if="eventNote(event)" class="small">{{ mask(eventNote(event)) }}</p><time class="small muted num">{{ moment(event.at) }}</time></li>
      <li v-if="!shown.length" class="empty">还没有记录</li>
    </ol>`,
};
