// /ops: the floor at a glance, as it is pushed. Who waits where and how long, who is at work, what is overdue, and a
// seat in any conversation: watching, whispering, joining, taking over.

import { api } from "/static/common/api.js";
import { duration, mask, moment, stopwatch } from "/static/common/format.js";
import { session } from "/static/common/login.js";
import { mountPage } from "/static/common/page.js";
import { act } from "./acts.js";
import { tick } from "./alerts.js";
import { GuestTags, join, leaveTalk, note, takeOver, whisper } from "./company.js";
import { ChatComposer } from "./composer.js";
import { ContextPanel, EventTimeline } from "./context.js";
import { TransferDialog } from "./dialogs.js";
import { floor } from "./floor.js";
import { OutsideDesk } from "./outside.js";
import { start, typing, watchTalk } from "./line.js";
import { activeDetail, activeRow, desk, isGuest, markRead, nameOf, open, readAgents, threadOf, waited } from "./store.js";
import { ChatTranscript } from "./transcript.js";
import { GROUPS, MOODS, STATES, STATUSES, TIERS, TRIGGERS, priorityClass, tierClass, word } from "./words.js";

const { computed, onMounted, reactive, ref, watch } = Vue;
const LATE_S = 180;
const RANK = { waiting: 0, offered: 1, transferred: 1, active: 2, wrap_up: 3 };
const STATUS_RANK = { online: 0, busy: 1, offline: 2 };
const LATE_WORDS = { first_reply: "首次回复超时", resolve: "办结超时" };

const since = (iso, now) => (iso ? Math.max(0, (now - Date.parse(iso)) / 1000) : 0);
const inLine = (row) => row.state === "waiting" || row.state === "offered";
const longest = (rows) => rows.reduce((most, row) => Math.max(most, waited(row, tick.value)), 0);

/** The worst clock of a row that ran out: {title, late_s}; null when all is well. */
function breach(row, now) {
  const over = (row.sla?.clocks || []).filter((clock) => clock.state === "breached" && !clock.stopped_at);
  if (!over.length) return null;
  const [worst] = over.sort((a, b) => (a.due_at < b.due_at ? -1 : 1));
  return { title: worst.title, late: since(worst.due_at, now) };
}

/** Who saw whose number, newest first. */
const RevealLog = {
  props: { modelValue: Boolean },
  emits: ["update:modelValue"],
  setup(props, { emit }) {
    const shown = computed({ get: () => props.modelValue, set: (value) => emit("update:modelValue", value) });
    const log = reactive({ rows: [], more: false });
    const PAGE = 50;
    const read = (before) => act("reveals", async () => {
      const { reveals } = await api.get("/reveals", { limit: PAGE, before });
      Object.assign(log, { rows: before ? [...log.rows, ...reveals] : reveals, more: reveals.length === PAGE });
    });
    watch(shown, (now) => now && read());
    return { shown, log, read, moment, desk };
  },
  template: `
    <el-dialog v-model="shown" title="完整号码查看记录" width="640px" append-to-body>
      <ul class="audit"><li v-for="row in log.rows" :key="row.id"><time class="num muted">{{ moment(row.at) }}</time> <b>{{ row.staff_name }}</b> 查看了 <span class="num">{{ row.masked_phone }}</span><p class="small">{{ row.reason }}</p></li>
        <li v-if="!log.rows.length && !desk.busy.reveals" class="empty">还没有人查看过完整号码</li></ul>
      <el-button v-if="log.more" size="small" :loading="desk.busy.reveals" @click="read(log.rows.at(-1).id)">更早的记录</el-button>
    </el-dialog>`,
};

const OpsShell = {
  components: { ChatTranscript, ChatComposer, ContextPanel, EventTimeline, TransferDialog, GuestTags, RevealLog, OutsideDesk },
  setup() {
    const ui = reactive({ group: "", state: "", transfer: false, target: null, drawer: false, side: "context", log: false });
    const composer = ref(null);
    const waiting = computed(() => desk.rows.filter(inLine));
    const serving = computed(() => desk.rows.filter((row) => row.state === "active"));
    const online = computed(() => desk.agents.filter((agent) => agent.status === "online"));
    const places = computed(() => online.value.reduce((sum, agent) => sum + agent.capacity, 0));
    const load = computed(() => online.value.reduce((sum, agent) => sum + agent.load, 0));
    const total = (name) => floor.groups.reduce((sum, group) => sum + group[name], 0);
    const angry = computed(() => serving.value.concat(waiting.value).filter((row) => row.mood === "angry" || row.complaint_grade === "high").length);
    const breaches = computed(() => desk.rows
      .map((row) => ({ row, ...breach(row, tick.value) })).filter(({ title }) => title).sort((a, b) => b.late - a.late));

    const groups = computed(() => floor.groups.map((group) => ({ ...group, longest: since(group.oldest_since, tick.value) })));
    // How long the customer who waits longest for this agent's next word has waited.
    const owed = computed(() => {
      const by = {};
      for (const { agent_id: id, last_message: last } of serving.value) {
        if (last?.sender === "customer") by[id] = Math.max(by[id] || 0, since(last.at, tick.value));
      }
      return by;
    });
    const agents = computed(() => [...desk.agents].sort((a, b) => STATUS_RANK[a.status] - STATUS_RANK[b.status] || b.load - a.load));
    const rows = computed(() => desk.rows
      .filter((row) => (!ui.group || row.skill_group === ui.group) && (!ui.state || row.state === ui.state))
      .sort((a, b) => RANK[a.state] - RANK[b.state] || b.priority - a.priority || (a.waiting_since < b.waiting_since ? -1 : 1)));
    const seconds = (row) => (inLine(row) ? waited(row, tick.value) : since(row.state === "wrap_up" ? row.ended_at : row.accepted_at, tick.value));

    const mine = computed(() => Boolean(activeRow.value?.mine && activeRow.value.state === "active"));
    const guest = computed(() => Boolean(activeRow.value && isGuest(activeRow.value)));
    const modes = computed(() => {
      if (activeRow.value?.state !== "active") return [];
      if (mine.value) return ["reply", "note"];
      return guest.value ? ["reply", "whisper", "note"] : ["whisper", "note"];
    });
    const standing = computed(() => (mine.value ? "由您负责" : guest.value ? "您已加入" : "旁听，客户看不到您"));

    function look(row) {
      ui.drawer = true;
      open(row.handoff_id);
    }
    function hand(row) {
      readAgents().catch(() => {});
      Object.assign(ui, { target: row, transfer: true });
    }
    async function take(row) {
      const words = inLine(row) ? "由您直接接待这位客户？" : `接管后由您负责，${row.agent_name || "原来的坐席"}将不再服务这位客户，客户会看到提示。`;
      const sure = await ElementPlus.ElMessageBox.confirm(words, "接管会话", { confirmButtonText: "接管", cancelButtonText: "取消" }).catch(() => null);
      if (sure) takeOver(row.handoff_id);
    }
    const say = (text) => threadOf(desk.active)?.say(text);
    async function write(kind, send, text) {
      const id = desk.active;
      if (!(await send(id, text)) && desk.active === id) composer.value?.giveBack(kind, text);
    }
    function speaker(message) {
      if (message.sender === "customer") return activeRow.value?.customer_name || "客户";
      if (message.sender === "bot") return "机器人小畅";
      return message.agent_id === session.staff.id ? "我" : message.agent_name || nameOf(message.agent_id) || "客服";
    }
    // A conversation that ends while it is watched stays open until the supervisor closes it.
    watch(() => desk.active, (id) => { watchTalk(id); if (!id) ui.drawer = false; });
    watch(() => ui.drawer, (now) => { if (!now && desk.active) open(null); });
    onMounted(async () => {
      await start({ floor: true });
      const wanted = location.hash.slice(1);
      if (wanted) look({ handoff_id: wanted });
    });
    return {
      ui, composer, desk, floor, waiting, serving, online, places, load, total, angry, breaches, groups, owed, agents, rows, seconds, look, hand, take,
      mine, guest, modes, standing, say, write, note, whisper, join, leaveTalk, typing, markRead, threadOf, speaker, longest, inLine, LATE_S, LATE_WORDS,
      row: activeRow, detail: activeDetail, nameOf, since, tick, duration, stopwatch, mask, word,
      GROUPS, MOODS, STATES, STATUSES, TIERS, TRIGGERS, tierClass, priorityClass,
      stateNames: ["waiting", "offered", "active", "wrap_up"],
    };
  },
  template: `
    <div class="ops">
      <header class="topbar"><span class="brand-mark" aria-hidden="true">畅</span><span class="topbar-title">运营监控</span><span class="spacer"></span>
        <span :class="['line-state', 'is-' + desk.connection]" :title="desk.connection === 'open' ? '实时连接正常' : '正在重新连接'"><i></i></span><button type="button" class="link" @click="ui.log = true">号码查看记录</button><staff-menu /></header>
      <div v-if="desk.connection !== 'open' && desk.loaded" class="banner" role="status">实时连接中断，正在重连。下面的数字可能不是最新的。</div>
      <outside-desk />
      <main class="ops-main">
        <section class="tiles" aria-label="概况">
          <div :class="['tile', { alarm: total('waiting') }]"><p>排队中</p><b class="num">{{ total('waiting') }}</b></div>
          <div :class="['tile', { alarm: longest(waiting) > LATE_S }]"><p>最长等待</p><b class="num">{{ waiting.length ? stopwatch(longest(waiting)) : '—' }}</b></div>
          <div class="tile"><p>服务中</p><b class="num">{{ total('active') }}</b></div>
          <div class="tile"><p>在线坐席</p><b class="num">{{ online.length }}<small> / {{ desk.agents.length }}</small></b></div>
          <div class="tile"><p>在线容量</p><b class="num">{{ load }}<small> / {{ places }}</small></b></div>
          <div :class="['tile', { alarm: angry }]"><p>高危会话</p><b class="num">{{ angry }}</b></div>
          <div :class="['tile', { alarm: breaches.length }]"><p>服务超时</p><b class="num">{{ breaches.length }}</b></div>
          <div :class="['tile', { alarm: floor.tickets.length }]"><p>工单超时</p><b class="num">{{ floor.tickets.length }}</b></div>
        </section>

        <section class="panel groups" aria-label="各技能组"><h2>技能组</h2>
          <div class="scroll"><table><thead><tr><th>技能组</th><th class="r">排队</th><th class="r">最长等待</th><th class="r">服务中</th><th class="r">在线</th><th class="r">空位</th></tr></thead>
            <tbody><tr v-for="group in groups" :key="group.id" :class="{ chosen: ui.group === group.id }"><td><button type="button" class="link" :aria-pressed="ui.group === group.id" @click="ui.group = ui.group === group.id ? '' : group.id">{{ group.name }}</button></td>
              <td :class="['r num', { late: group.waiting }]">{{ group.waiting }}</td><td :class="['r num', { late: group.longest > LATE_S }]">{{ group.waiting ? stopwatch(group.longest) : '—' }}</td>
              <td class="r num">{{ group.active }}</td><td :class="['r num', { late: group.waiting && !group.online }]">{{ group.online }}</td><td class="r num">{{ group.free }}</td></tr></tbody></table></div>
        </section>

        <section class="panel agents" aria-label="坐席"><h2>坐席</h2>
          <ul><li v-for="agent in agents" :key="agent.id" :class="'agent-' + agent.status"><i :class="['dot', 'dot-' + agent.status]"></i><div class="agent-who"><p><b>{{ agent.display_name }}</b> <span class="small muted">{{ agent.id }} · {{ word(STATUSES, agent.status) }}<template v-if="agent.since"> {{ duration(since(agent.since, tick)) }}</template><span v-if="owed[agent.id] > 5" :class="{ late: owed[agent.id] > 60 }" title="最久没有回复的客户"> · 待回复 {{ stopwatch(owed[agent.id]) }}</span></span></p>
            <p class="small muted clip" :title="agent.skill_groups.map((g) => word(GROUPS, g)).join('、')">{{ agent.skill_groups.map((g) => word(GROUPS, g)).join('、') || '—' }}</p></div>
            <span class="small muted num">{{ agent.load }}/{{ agent.capacity }}</span><span class="load" :aria-label="'服务中' + agent.load + '，容量' + agent.capacity"><i v-for="n in Math.max(agent.capacity, agent.load)" :key="n" :class="{ on: n <= agent.load, over: n > agent.capacity }"></i></span></li></ul>
        </section>

        <section v-if="breaches.length || floor.tickets.length" class="panel overdue" aria-label="超时提醒"><h2>超时提醒</h2>
          <ul><li v-for="item in breaches.slice(0, 20)" :key="item.row.handoff_id"><span class="tag tag-bad">{{ item.title }}超时</span> <span class="num late">{{ duration(item.late) }}</span> <b>{{ item.row.customer_name || '未登录客户' }}</b> <span class="small muted">{{ item.row.skill_group_text }} · {{ item.row.agent_name || '未接入' }}</span><span class="spacer"></span><el-button size="small" @click="look(item.row)">查看</el-button></li>
            <li v-for="ticket in floor.tickets.slice(0, 20)" :key="ticket.id"><span class="tag tag-warn">工单{{ LATE_WORDS[ticket.late] }}</span> <span class="num late">{{ duration(since(ticket.late_since, tick)) }}</span> <b class="num">{{ ticket.id }}</b> <span class="clip">{{ ticket.title }}</span> <span class="small muted">{{ ticket.kind_text }} · {{ ticket.owner_name || ticket.skill_group_text + '组' }}</span><span class="spacer"></span><a class="link" :href="'/desk#ticket-' + ticket.id" target="_blank" rel="noopener">处理</a></li></ul>
        </section>

        <section class="panel live" aria-label="会话"><h2>会话 <span class="count num">{{ rows.length }}</span><span class="spacer"></span>
            <el-select v-model="ui.group" size="small" class="filter" placeholder="全部技能组" aria-label="技能组"><el-option value="" label="全部技能组" /><el-option v-for="group in groups" :key="group.id" :value="group.id" :label="group.name" /></el-select>
            <el-select v-model="ui.state" size="small" class="filter" placeholder="全部状态" aria-label="状态"><el-option value="" label="全部状态" /><el-option v-for="state in stateNames" :key="state" :value="state" :label="word(STATES, state)" /></el-select></h2>
          <div class="scroll"><table class="stack"><thead><tr><th>客户</th><th>诉求</th><th>技能组</th><th>状态</th><th class="r">时长</th><th>优先级</th><th>情绪</th><th>坐席</th><th></th></tr></thead>
            <tbody><tr v-for="row in rows" :key="row.handoff_id" :class="{ chosen: desk.active === row.handoff_id }">
              <td class="nowrap"><b>{{ row.customer_name || '未登录客户' }}</b> <span v-if="row.tier && row.tier !== 'normal'" :class="tierClass(row.tier)">{{ word(TIERS, row.tier) }}</span> <span v-if="row.elderly" class="tag tag-info">老年</span><br><span class="small muted num">{{ row.masked_phone }}</span></td>
              <td class="request"><span :class="['tag', row.trigger === 'complaint' ? 'tag-bad' : 'tag-info']">{{ word(TRIGGERS, row.trigger) }}</span> {{ mask(row.request) }}</td>
              <td class="nowrap">{{ row.skill_group_text }}</td><td class="nowrap"><span :class="['tag', { waiting: 'tag-warn', offered: 'tag-warn', active: 'tag-good' }[row.state]]">{{ word(STATES, row.state) }}</span> <span v-if="row.sla?.state === 'breached'" class="tag tag-bad">超时</span></td>
              <td :class="['r num', { late: inLine(row) && seconds(row) > LATE_S }]">{{ stopwatch(seconds(row)) }}</td>
              <td><span :class="priorityClass(row.priority)" :title="row.priority_reasons.join('，')">{{ row.priority }}</span></td>
              <td class="nowrap"><span :class="['mood-dot', 'mood-' + row.mood]"></span> {{ word(MOODS, row.mood) }}</td>
              <td class="nowrap">{{ row.agent_name || (row.desk && row.desk !== 'own' ? '外部客服' : row.reserved_for ? '指定 ' + nameOf(row.reserved_for) : '—') }}</td>
              <td class="nowrap actions"><el-button size="small" @click="look(row)">查看</el-button><el-button v-if="inLine(row) || row.state === 'active'" size="small" @click="hand(row)">{{ inLine(row) ? '改派' : '转接' }}</el-button></td></tr>
              <tr v-if="desk.loaded && !rows.length"><td colspan="9" class="empty">没有符合条件的会话</td></tr></tbody></table></div>
        </section>
      </main>

      <el-drawer v-model="ui.drawer" size="min(920px, 100vw)" :with-header="false" append-to-body class="watch">
        <div v-if="row && detail" class="watch-body">
          <header class="chat-head"><div class="chat-who"><p><b>{{ row.customer_name || '未登录客户' }}</b> <span class="tag">{{ word(STATES, row.state) }}</span> <span class="num muted">{{ row.masked_phone }}</span> <guest-tags v-if="row.guests?.length" :row="row" :may-dismiss="mine" /></p><p class="small muted">{{ row.skill_group_text }} · {{ row.agent_name || '未接入' }} · {{ standing }}</p></div><span class="spacer"></span>
            <div class="chat-actions"><template v-if="row.state === 'active' && !mine"><el-button v-if="guest" size="small" @click="leaveTalk(row.handoff_id)">离开会话</el-button><el-button v-else size="small" @click="join(row.handoff_id)">加入会话</el-button></template>
              <el-button v-if="(row.state === 'active' || inLine(row)) && !mine" size="small" type="danger" plain :loading="desk.busy['take:' + row.handoff_id]" @click="take(row)">接管</el-button>
              <a v-if="row.mine" class="link" :href="'/desk#' + row.handoff_id" target="_blank" rel="noopener">到工作台处理</a>
              <el-button v-if="inLine(row) || row.state === 'active'" size="small" @click="hand(row)">{{ inLine(row) ? '改派' : '转接' }}</el-button><el-button size="small" @click="ui.drawer = false">关闭</el-button></div></header>
          <div class="watch-talk"><chat-transcript :thread="detail.thread" :handoff-id="row.handoff_id" :earlier="detail.context.earlier" :speaker="speaker" @seen="markRead" @again="(item) => threadOf(desk.active).again(item)" @discard="(item) => threadOf(desk.active).drop(item.id)" />
            <chat-composer v-if="modes.length" ref="composer" :handoff-id="row.handoff_id" :placeholders="detail.placeholders" :modes="modes" @say="say" @note="(text) => write('note', note, text)" @whisper="(text) => write('whisper', whisper, text)" @typing="typing(desk.active)" /></div>
          <aside class="watch-side"><div class="side-tabs" role="tablist"><button type="button" role="tab" :aria-selected="ui.side === 'context'" @click="ui.side = 'context'">客户</button><button type="button" role="tab" :aria-selected="ui.side === 'events'" @click="ui.side = 'events'">轨迹</button></div>
            <context-panel v-if="ui.side === 'context'" :package="detail.context" :mood="detail.context.mood" :row="row" may-reveal /><event-timeline v-else :events="detail.events" :name-of="nameOf" /></aside>
        </div>
        <p v-else class="empty">正在读取会话…</p>
      </el-drawer>
      <transfer-dialog v-model="ui.transfer" :row="ui.target" /><reveal-log v-model="ui.log" />
    </div>`,
};

mountPage({
  components: { OpsShell },
  template: `<staff-gate title="运营监控" :roles="['supervisor']"><ops-shell /></staff-gate>`,
});
