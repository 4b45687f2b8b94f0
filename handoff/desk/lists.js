// The left column: my chats and the queue.

import { duration, mask, stopwatch } from "/static/common/format.js";
import { session } from "/static/common/login.js";
import { tick } from "./alerts.js";
import { accept, acceptNext } from "./acts.js";
import { cases, overdue, showCases } from "./cases.js";
import { worstOf } from "./clocks.js";
import { decline, join } from "./company.js";
import { desk, invitations, mine, nameOf, open, queue, waited } from "./store.js";
import { CaseList } from "./tickets.js";
import { CHANNELS, GROUPS, MOODS, TIERS, TRIGGERS, priorityClass, tierClass, word } from "./words.js";

const { computed, ref } = Vue;
const LONG_WAIT_S = 180;
const shown = { word, CHANNELS, GROUPS, MOODS, TIERS, TRIGGERS, priorityClass, tierClass, mask, stopwatch, duration, tick, desk };

/** Who it is, in one line: name, tier, phone. */
const RowHead = {
  props: { row: Object },
  setup: () => shown,
  template: `
    <span :class="['mood-dot', 'mood-' + row.mood]" :title="'情绪：' + word(MOODS, row.mood)"></span>
    <b class="row-name">{{ row.customer_name || '未登录客户' }}</b>
    <span v-if="row.tier && row.tier !== 'normal'" :class="tierClass(row.tier)">{{ word(TIERS, row.tier) }}</span>
    <span v-if="row.elderly" class="tag tag-info">老年</span>
    <span class="row-phone num">{{ row.masked_phone }}</span>`,
};

// Who spoke last, where it was not the customer; a private line is named as one.
function before({ sender, audience, agent_id: id }) {
  if (sender !== "agent") return "";
  const who = id === session.staff.id ? "我" : nameOf(id);
  return audience === "staff" ? `[备注] ${who}：` : `${who}：`;
}

const MineRow = {
  components: { RowHead },
  props: { row: Object, index: Number },
  setup(props) {
    const last = computed(() => {
      const message = props.row.last_message;
      return message ? `${before(message)}${mask(message.text || "[卡片]")}` : props.row.request;
    });
    const seconds = computed(() => (tick.value - Date.parse(props.row.accepted_at)) / 1000);
    // Only a customer who spoke last is kept waiting.
    const unanswered = computed(() => (props.row.last_message?.sender === "customer" ? (tick.value - Date.parse(props.row.last_message.at)) / 1000 : 0));
    const promise = computed(() => (props.row.state === "active" ? worstOf(props.row, tick.value) : "ok"));
    return { ...shown, last, seconds, unanswered, promise, open };
  },
  template: `
    <li><button type="button" :class="['row', { chosen: desk.active === row.handoff_id }]" :aria-current="desk.active === row.handoff_id" @click="open(row.handoff_id)">
      <span class="row-line"><row-head :row="row" /><span class="spacer"></span>
        <span v-if="row.state === 'wrap_up'" class="tag tag-warn">待小结</span><span v-if="row.role === 'guest'" class="tag tag-info" :title="row.agent_name + '的会话'">协助</span>
        <span v-if="row.role !== 'guest' && promise !== 'ok'" :class="['tag', promise === 'breached' ? 'tag-bad' : 'tag-warn']">{{ promise === 'breached' ? '超时' : '将超时' }}</span>
        <span v-if="row.state === 'active' && row.role !== 'guest' && unanswered > 5" :class="['num small', unanswered > 60 ? 'late' : 'muted']" title="客户等待回复">{{ stopwatch(unanswered) }}</span></span>
      <span class="row-line"><span class="row-text">{{ last }}</span><span v-if="row.unread" class="badge" :aria-label="row.unread + '条未读'">{{ row.unread > 99 ? '99+' : row.unread }}</span>
        <kbd v-else-if="index < 9" class="row-key">{{ index + 1 }}</kbd></span>
    </button></li>`,
};

const QueueRow = {
  components: { RowHead },
  props: { row: Object },
  setup(props) {
    const seconds = computed(() => waited(props.row, tick.value));
    const late = computed(() => seconds.value > LONG_WAIT_S);
    return { ...shown, seconds, late, accept, open };
  },
  template: `
    <li :class="['row row-waiting', { chosen: desk.active === row.handoff_id }]">
      <button type="button" class="row-look" :aria-label="'查看' + (row.customer_name || '未登录客户')" @click="open(row.handoff_id)">
        <span class="row-line"><row-head :row="row" /><span class="spacer"></span><span :class="['num small wait', late ? 'late' : 'muted']" title="已等待">{{ stopwatch(seconds) }}</span></span>
        <span class="row-line"><span class="row-text">{{ mask(row.request) }}</span></span>
        <span class="row-line tags"><span :class="['tag', row.complaint_grade === 'high' || row.trigger === 'complaint' ? 'tag-bad' : 'tag-info']">{{ word(TRIGGERS, row.trigger) }}</span>
          <span class="tag">{{ word(GROUPS, row.skill_group) }}</span><span v-if="row.priority" :class="priorityClass(row.priority)" :title="row.priority_reasons.join('，')">优先 {{ row.priority }}</span>
          <span v-if="row.reserved_for" class="tag tag-warn">指定</span><span v-if="row.offer" :class="['tag', row.offer.mine ? 'tag-info' : 'tag-warn']">已派给{{ row.offer.mine ? '您' : row.offer.agent_name }}</span><span v-if="row.sla?.state === 'breached'" class="tag tag-bad">超时</span><span v-else-if="row.sla?.state === 'soon'" class="tag tag-warn">将超时</span></span>
      </button>
      <el-button class="row-accept" size="small" type="primary" :loading="desk.busy['accept:' + row.handoff_id]" @click="accept(row.handoff_id)">接入</el-button>
    </li>`,
};

/** Colleagues who want us in their conversation. */
const InvitedRow = {
  components: { RowHead },
  props: { row: Object },
  setup(props) {
    const own = computed(() => props.row.guests.find((guest) => guest.id === session.staff.id));
    return { ...shown, own, join, decline, open };
  },
  template: `
    <li :class="['row invited', { chosen: desk.active === row.handoff_id }]">
      <button type="button" class="row-look" @click="open(row.handoff_id)"><span class="row-line"><row-head :row="row" /></span>
        <span class="row-line"><span class="row-text">{{ own?.by || row.agent_name }}邀请您{{ own?.note ? '：' + mask(own.note) : '一起服务' }}</span></span></button>
      <p class="invited-acts"><el-button size="small" type="primary" :loading="desk.busy['join:' + row.handoff_id]" @click="join(row.handoff_id)">加入</el-button><el-button size="small" @click="decline(row.handoff_id)">婉拒</el-button></p>
    </li>`,
};

export const SideLists = {
  components: { MineRow, QueueRow, InvitedRow, CaseList },
  setup() {
    const group = ref("");
    const groups = computed(() => [...new Set(queue.value.map((row) => row.skill_group))].sort());
    const waiting = computed(() => (groups.value.includes(group.value) ? queue.value.filter((row) => row.skill_group === group.value) : queue.value));
    const unread = computed(() => mine.value.reduce((sum, row) => sum + row.unread, 0));
    return { ...shown, mine, queue, invitations, group, groups, waiting, unread, acceptNext, cases, overdue, showCases };
  },
  template: `
    <nav class="lists" aria-label="会话与工单">
      <div class="books" role="tablist"><button type="button" role="tab" :aria-selected="!cases.shown" @click="showCases(false)">会话<span v-if="cases.shown && unread" class="badge" :aria-label="unread + '条未读'">{{ unread > 99 ? '99+' : unread }}</span></button><button type="button" role="tab" :aria-selected="cases.shown" title="Alt+G" @click="showCases(true)">工单与回电 <span v-if="cases.rows.length" :class="['count num', { busy: overdue }]" :title="overdue ? overdue + '张已超时' : '待办工单'">{{ cases.rows.length }}</span></button></div>
      <section v-if="invitations.length" class="list-invited"><h2>邀请 <span class="count busy num">{{ invitations.length }}</span></h2>
        <ul><invited-row v-for="row in invitations" :key="row.handoff_id" :row="row" /></ul></section>
      <case-list v-if="cases.shown" />
      <template v-else><section class="list-mine"><h2>我的会话 <span class="count num">{{ mine.length }}</span></h2>
        <ul v-if="mine.length"><mine-row v-for="(row, i) in mine" :key="row.handoff_id" :row="row" :index="i" /></ul>
        <p v-else-if="desk.loaded" class="empty">还没有接入的会话</p></section>
      <section class="list-queue"><h2>排队中 <span :class="['count num', { busy: queue.length }]">{{ queue.length }}</span><span class="spacer"></span>
          <el-select v-if="groups.length > 1" v-model="group" size="small" class="group-filter" aria-label="按技能组筛选" placeholder="全部技能组"><el-option value="" label="全部技能组" /><el-option v-for="id in groups" :key="id" :value="id" :label="word(GROUPS, id)" /></el-select></h2>
        <el-button v-if="queue.length" class="next" type="primary" plain :loading="desk.busy.next" @click="acceptNext">接入下一位 <kbd>Alt A</kbd></el-button>
        <ul v-if="waiting.length"><queue-row v-for="row in waiting" :key="row.handoff_id" :row="row" /></ul>
        <p v-else-if="desk.loaded" class="empty">没有客户在排队</p>
        <p v-else class="empty">正在读取…</p></section></template>
    </nav>`,
};
