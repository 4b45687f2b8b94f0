// The tickets' list, one ticket with what was done and said, and giving it to somebody else.

import { clock, duration, mask, moment } from "/static/common/format.js";
import { session } from "/static/common/login.js";
import { tell } from "/static/common/page.js";
import { tick } from "./alerts.js";
import { alive, assign, cases, draftOf, isOwn, leaveCase, listed, openCase, overdue, owned, takeCase, view, work } from "./cases.js";
import { SlaClocks, clocksOf } from "./clocks.js";
import { WholeNumber } from "./company.js";
import { desk, nameOf, readAgents } from "./store.js";
import { ChatTranscript } from "./transcript.js";
import { CHANNELS, GROUPS, STATUSES, TICKET_KINDS, TICKET_STATES, TIERS, tierClass, word } from "./words.js";

const { computed, reactive, ref, watch } = Vue;
const TEXT_MAX = 1000;
const VIEWS = [["open", "待办"], ["mine", "我负责的"], ["done", "已办结"]];
const CALLS = [["reached", "已接通"], ["missed", "没有接通"], ["", "没打电话"]];
const MAX_AHEAD_DAYS = 30;
const DAY_MS = 86400000;
const who = (row) => row.customer_name || "未登录客户";
const ownerOf = (row) => (isOwn(row) ? "我负责" : row.owner ? row.owner_name || row.owner : "待接手");

/** What is due first, in words; null when nothing runs. */
function dueOf(row) {
  const [first] = clocksOf(row, tick.value);
  if (!first) return null;
  return { late: first.left < 0, text: `${first.left < 0 ? "超时" : "还有"}${duration(Math.abs(first.left))}`, title: first.title };
}

const CaseRow = {
  props: { row: Object },
  setup(props) {
    const due = computed(() => (alive(props.row) ? dueOf(props.row) : null));
    return { cases, due, who, ownerOf, isOwn, alive, openCase, word, tierClass, mask, moment, clock, TICKET_STATES, TIERS };
  },
  template: `
    <li><button type="button" :class="['row', { chosen: cases.active === row.id }]" :aria-current="cases.active === row.id" @click="openCase(row.id)">
      <span class="row-line"><span :class="['tag', row.kind === 'complaint' ? 'tag-bad' : 'tag-info']">{{ row.kind_text }}</span><b class="row-name">{{ who(row) }}</b><span v-if="row.tier && row.tier !== 'normal'" :class="tierClass(row.tier)">{{ word(TIERS, row.tier) }}</span><span v-if="row.elderly" class="tag tag-info">老年</span>
        <span class="spacer"></span><span v-if="due" :class="['num small', due.late ? 'late' : 'muted']" :title="due.title">{{ due.text }}</span><span v-else class="small muted num">{{ moment(row.created_at) }}</span></span>
      <span class="row-line"><span class="row-text">{{ row.title }}</span></span>
      <span class="row-line tags"><span :class="['tag', { 'tag-warn': alive(row) && !row.owner, 'tag-info': alive(row) && isOwn(row) }]">{{ alive(row) ? ownerOf(row) : word(TICKET_STATES, row.state) }}</span><span class="tag">{{ row.skill_group_text }}</span><span v-if="row.grade === 'high'" class="tag tag-bad">紧急</span>
        <span v-if="alive(row) && row.calls_missed" class="tag tag-warn">未接通{{ row.calls_missed }}次</span><span v-if="row.again_at" class="tag tag-info">约{{ moment(row.again_at) }}</span></span>
    </button></li>`,
};

/** The left column while tickets are shown. */
export const CaseList = {
  components: { CaseRow },
  setup: () => ({ cases, listed, owned, overdue, view, views: VIEWS, empty: { open: "没有待办的工单", mine: "您手上没有工单", done: "还没有办结的工单" } }),
  template: `
    <section class="list-cases" aria-label="工单">
      <div class="case-views" role="radiogroup" aria-label="看哪些工单"><button v-for="[name, title] in views" :key="name" type="button" role="radio" :aria-checked="cases.view === name" @click="view(name)">{{ title }}<template v-if="name === 'open' && cases.rows.length"> {{ cases.rows.length }}</template><template v-if="name === 'mine' && owned.length"> {{ owned.length }}</template></button></div>
      <p v-if="overdue && cases.view !== 'done'" class="case-late" role="status">{{ overdue }}张工单已超时，请先处理</p>
      <ul v-if="listed.length"><case-row v-for="row in listed" :key="row.id" :row="row" /></ul>
      <p v-else-if="cases.problem" class="empty" role="alert">{{ cases.problem }}</p>
      <p v-else class="empty">{{ cases.loaded ? empty[cases.view] : '正在读取…' }}</p>
    </section>`,
};

/** Gives a ticket to a colleague with the skill, or to a group. */
const AssignDialog = {
  props: { modelValue: Boolean, row: Object },
  emits: ["update:modelValue"],
  setup(props, { emit }) {
    const shown = computed({ get: () => props.modelValue, set: (value) => emit("update:modelValue", value) });
    const form = reactive({ kind: "agent", group: "", agent: "", note: "" });
    watch(shown, (now) => {
      if (!now) return;
      Object.assign(form, { kind: "agent", group: "", agent: "", note: "" });
      readAgents().catch(() => {});
    });
    const able = computed(() => desk.agents.filter((agent) => agent.id !== props.row?.owner && agent.skill_groups.includes(props.row?.skill_group)));
    const groups = computed(() => desk.groups.filter((group) => group.id !== props.row?.skill_group || props.row?.owner));
    const ready = computed(() => Boolean(form.kind === "agent" ? form.agent : form.group));
    async function submit() {
      const goal = form.kind === "agent" ? { owner: form.agent } : { skill_group: form.group };
      if (!(await assign(props.row.id, { ...goal, note: form.note.trim() }))) return;
      tell("已转出，时限照常计算");
      shown.value = false;
    }
    return { shown, form, able, groups, ready, submit, desk, word, STATUSES };
  },
  template: `
    <el-dialog v-model="shown" title="转给别人" width="520px" append-to-body>
      <el-radio-group v-model="form.kind"><el-radio-button value="agent">转给同事</el-radio-button><el-radio-button value="group">转给技能组</el-radio-button></el-radio-group>
      <ul class="choices" role="radiogroup">
        <template v-if="form.kind === 'agent'"><li v-for="agent in able" :key="agent.id"><label :class="{ chosen: form.agent === agent.id }"><input type="radio" name="case-agent" :value="agent.id" v-model="form.agent"><i :class="['dot', 'dot-' + agent.status]"></i><span>{{ agent.display_name }}</span><span class="spacer"></span><span class="small muted">{{ word(STATUSES, agent.status) }}</span></label></li>
          <li v-if="!able.length" class="empty">没有其他同事会这类业务，可以转给技能组</li></template>
        <template v-else><li v-for="group in groups" :key="group.id"><label :class="{ chosen: form.group === group.id }"><input type="radio" name="case-group" :value="group.id" v-model="form.group"><span>{{ group.name }}</span></label></li></template>
      </ul>
      <el-input v-model="form.note" type="textarea" :rows="2" maxlength="500" placeholder="备注（客户看不到）" aria-label="转出备注" />
      <template #footer><el-button @click="shown = false">取消</el-button><el-button type="primary" :disabled="!ready" :loading="row && desk.busy['case:' + row.id]" @click="submit">转出</el-button></template>
    </el-dialog>`,
};

const inHours = (hours) => new Date(Date.now() + hours * 3600000);
/** Ten in the morning of the next day, where the customers are. */
const tomorrow = () => {
  const day = new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Shanghai" }).format(new Date(Date.now() + DAY_MS));
  return new Date(`${day}T10:00:00+08:00`);
};

/** What was done now: a call or not, words, and what becomes of the case. */
const CaseForm = {
  props: { row: Object },
  setup(props) {
    const draft = computed(() => draftOf(props.row.id));
    const again = computed({ get: () => draft.value.again, set: (value) => (draft.value.again = value) });
    const busy = computed(() => Boolean(desk.busy[`case:${props.row.id}`]));
    const noted = computed(() => Boolean(draft.value.text.trim() || draft.value.call));
    const outside = (day) => day.getTime() < Date.now() - DAY_MS || day.getTime() > Date.now() + MAX_AHEAD_DAYS * DAY_MS;
    async function close() {
      const words = "关闭后不能再改。处理说明会发给客户，例如“多次联系不上”。";
      const sure = await ElementPlus.ElMessageBox.confirm(words, "关闭工单", { confirmButtonText: "关闭工单", cancelButtonText: "取消" }).catch(() => null);
      if (sure) work(props.row.id, "closed");
    }
    return { draft, again, busy, noted, outside, close, work, inHours, tomorrow, moment, calls: CALLS, TEXT_MAX };
  },
  template: `
    <form class="case-form" aria-label="记录处理" @submit.prevent="work(row.id, 'processing')">
      <div class="case-line"><div class="case-views" role="radiogroup" aria-label="这次通话"><button v-for="[name, title] in calls" :key="name" type="button" role="radio" :aria-checked="draft.call === name" @click="draft.call = name">{{ title }}</button></div>
        <template v-if="draft.call !== 'reached'"><span class="small muted">再次联系</span><el-date-picker v-model="again" type="datetime" size="small" format="MM-DD HH:mm" placeholder="不约" aria-label="再次联系的时间" :disabled-date="outside" :teleported="true" class="case-again" />
          <button type="button" class="link" @click="again = inHours(1)">1小时后</button><button type="button" class="link" @click="again = tomorrow()">明天10点</button></template></div>
      <el-input v-model="draft.text" type="textarea" :rows="2" :maxlength="TEXT_MAX" aria-label="处理说明" placeholder="处理说明：做了什么、结果如何。办结或关闭时会发给客户" />
      <div class="case-acts"><span class="small muted">{{ draft.call === 'missed' ? '客户会在会话里看到“没有接通”的提示' : '' }}</span><span class="spacer"></span>
        <el-button text :disabled="busy || !draft.text.trim()" @click="close">关闭工单</el-button><el-button native-type="submit" :disabled="!noted" :loading="busy">保存，继续跟进</el-button><el-button type="primary" :disabled="busy || !draft.text.trim() || draft.call === 'missed'" @click="work(row.id, 'resolved')">办结</el-button></div>
    </form>`,
};

/** One ticket in the middle column. */
export const CaseView = {
  components: { AssignDialog, CaseForm, ChatTranscript, SlaClocks, WholeNumber, IconBack: ElementPlusIconsVue.ArrowLeft, IconSide: ElementPlusIconsVue.Memo },
  props: { sideOpen: Boolean },
  emits: ["side", "back"],
  setup() {
    const ui = reactive({ tab: "steps", assign: false });
    const row = computed(() => cases.detail);
    const mine = computed(() => isOwn(row.value));
    const chief = computed(() => session.staff.roles.includes("supervisor"));
    const steps = computed(() => [...(row.value?.history || [])].reverse());
    const talk = computed(() => ({ messages: row.value?.context?.transcript || [], outbox: [], preview: "", colleague: "" }));
    // A call back is named after the request that is its text.
    const asked = computed(() => (row.value.kind === "callback" && row.value.text ? [row.value.text] : [row.value.title, row.value.text]));
    const number = computed(() => ({ id: row.value.id, masked_phone: row.value.numbers[0] || row.value.masked_phone }));
    watch(() => cases.active, () => (ui.tab = "steps"));
    function speaker(message) {
      if (message.sender === "customer") return row.value?.customer_name || "客户";
      if (message.sender === "bot") return "机器人小畅";
      return message.agent_id === session.staff.id ? "我" : message.agent_name || nameOf(message.agent_id) || "客服";
    }
    return {
      ui, row, mine, chief, asked, steps, talk, number, speaker, cases, desk, alive, who, ownerOf, takeCase, leaveCase,
      word, tierClass, mask, moment, CHANNELS, GROUPS, TICKET_KINDS, TICKET_STATES, TIERS,
    };
  },
  template: `
    <template v-if="row">
      <header class="chat-head">
        <button type="button" class="icon-button only-phone" aria-label="返回列表" @click="$emit('back')"><icon-back /></button>
        <div class="chat-who"><p><span :class="['tag', row.kind === 'complaint' ? 'tag-bad' : 'tag-info']">{{ row.kind_text }}</span> <b>{{ who(row) }}</b> <span v-if="row.tier && row.tier !== 'normal'" :class="tierClass(row.tier)">{{ word(TIERS, row.tier) }}</span> <span v-if="row.grade === 'high'" class="tag tag-bad">紧急</span></p>
          <p class="small muted">工单<span class="num">{{ row.id }}</span> · {{ row.skill_group_text }} · {{ word(TICKET_STATES, row.state) }} · {{ ownerOf(row) }}</p></div>
        <span class="spacer"></span>
        <div v-if="alive(row)" class="chat-actions"><el-button v-if="!mine && (!row.owner || chief)" size="small" type="primary" :loading="desk.busy['case:' + row.id]" @click="takeCase(row.id)">我来处理</el-button><el-button v-if="mine || !row.owner || chief" size="small" @click="ui.assign = true">转给别人</el-button></div>
        <button v-if="row.context" type="button" class="icon-button side-toggle" aria-label="客户资料" :aria-expanded="sideOpen" @click="$emit('side')"><icon-side /></button>
      </header>
      <sla-clocks v-if="alive(row)" :row="row" />
      <div class="case-body">
        <section class="case-card" aria-label="诉求"><h3>诉求</h3><p><safe-text :text="asked[0]" /></p><p v-if="asked[1]" class="muted"><safe-text :text="asked[1]" /></p></section>
        <section class="case-card" aria-label="联系电话"><h3>联系电话</h3>
          <p v-if="number.masked_phone"><whole-number :row="number" :path="'/tickets/' + row.id" :may="alive(row) && (mine || chief)" /><span v-if="row.numbers.length > 1" class="small muted">还有{{ row.numbers.length - 1 }}个号码</span></p><p v-else class="muted">客户没有留下电话，可以看看会话里有没有其他联系方式。</p>
          <p v-if="row.again_at" class="small">约好再次联系：<b class="num">{{ moment(row.again_at) }}</b></p><p v-if="row.calls_missed" class="small muted">没有接通{{ row.calls_missed }}次</p></section>
        <div class="tabs" role="tablist"><button type="button" role="tab" :aria-selected="ui.tab === 'steps'" @click="ui.tab = 'steps'">处理记录</button><button type="button" role="tab" :aria-selected="ui.tab === 'talk'" @click="ui.tab = 'talk'">会话记录 {{ talk.messages.length }}</button></div>
        <ol v-if="ui.tab === 'steps'" class="timeline case-steps"><li v-for="(step, i) in steps" :key="i"><p>{{ step.text }} <span v-if="step.call && !step.text.includes('接通')" :class="['tag', step.call === 'missed' ? 'tag-warn' : 'tag-good']">{{ step.call === 'missed' ? '没有接通' : '已接通' }}</span> <span v-if="step.staff" class="tag">客户看不到</span></p>
          <p v-if="step.again_at" class="small">约{{ moment(step.again_at) }}再联系</p><p class="small muted"><time class="num">{{ moment(step.at) }}</time> {{ step.actor_name || '' }}</p></li></ol>
        <chat-transcript v-else :thread="talk" :handoff-id="row.id" :earlier="row.context?.earlier" :speaker="speaker" />
      </div>
      <case-form v-if="alive(row) && mine" :key="row.id" :row="row" />
      <div v-else-if="alive(row)" class="chat-foot"><span>{{ row.owner ? '这张工单由' + ownerOf(row) + '负责，您看到的是只读内容。' : '还没有人负责这张工单，接手后可以查看号码、记录处理。' }}</span><el-button v-if="!row.owner" type="primary" :loading="desk.busy['case:' + row.id]" @click="takeCase(row.id)">我来处理</el-button></div>
      <assign-dialog v-model="ui.assign" :row="row" />
    </template>
    <p v-else class="empty grow">正在读取工单…</p>`,
};
