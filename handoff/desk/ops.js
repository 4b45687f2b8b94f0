// /ops: the floor at a glance. Who waits where and how long, who is at work, and a look into any conversation.

import { duration, mask, stopwatch } from "/static/common/format.js";
import { mountPage } from "/static/common/page.js";
import { tick } from "./alerts.js";
import { ContextPanel, EventTimeline } from "./context.js";
import { TransferDialog } from "./dialogs.js";
import { start } from "./line.js";
import { activeDetail, activeRow, desk, nameOf, open, readAgents, threadOf, waited } from "./store.js";
import { ChatTranscript } from "./transcript.js";
import { GROUPS, MOODS, STATES, STATUSES, TIERS, TRIGGERS, priorityClass, tierClass, word } from "./words.js";

const { computed, onMounted, reactive, watch } = Vue;
const LATE_S = 180;
const AGENTS_MS = 5000;
const WATCH_MS = 2000;
const RANK = { waiting: 0, offered: 1, transferred: 1, active: 2, wrap_up: 3 };
const STATUS_RANK = { online: 0, busy: 1, offline: 2 };

const since = (iso, now) => (iso ? Math.max(0, (now - Date.parse(iso)) / 1000) : 0);
const longest = (rows) => rows.reduce((most, row) => Math.max(most, waited(row, tick.value)), 0);

const OpsShell = {
  components: { ChatTranscript, ContextPanel, EventTimeline, TransferDialog },
  setup() {
    const ui = reactive({ group: "", state: "", transfer: false, target: null, drawer: false, side: "context" });
    const waiting = computed(() => desk.rows.filter((row) => row.state === "waiting"));
    const serving = computed(() => desk.rows.filter((row) => row.state === "active"));
    const online = computed(() => desk.agents.filter((agent) => agent.status === "online"));
    const places = computed(() => online.value.reduce((sum, agent) => sum + agent.capacity, 0));
    const load = computed(() => online.value.reduce((sum, agent) => sum + agent.load, 0));
    const angry = computed(() => serving.value.concat(waiting.value).filter((row) => row.mood === "angry" || row.complaint_grade === "high").length);

    const groups = computed(() => desk.groups.map((group) => {
      const own = waiting.value.filter((row) => row.skill_group === group.id);
      const staff = desk.agents.filter((agent) => agent.skill_groups.includes(group.id) && agent.status === "online");
      return {
        ...group, waiting: own.length, longest: longest(own), online: staff.length,
        active: serving.value.filter((row) => row.skill_group === group.id).length,
        free: staff.reduce((sum, agent) => sum + Math.max(0, agent.capacity - agent.load), 0),
      };
    }));
    const agents = computed(() => [...desk.agents].sort((a, b) => STATUS_RANK[a.status] - STATUS_RANK[b.status] || b.load - a.load));
    const rows = computed(() => desk.rows
      .filter((row) => (!ui.group || row.skill_group === ui.group) && (!ui.state || row.state === ui.state))
      .sort((a, b) => RANK[a.state] - RANK[b.state] || b.priority - a.priority || (a.waiting_since < b.waiting_since ? -1 : 1)));
    const seconds = (row) => (row.state === "waiting" ? waited(row, tick.value) : since(row.state === "wrap_up" ? row.ended_at : row.accepted_at, tick.value));

    function look(row) {
      ui.drawer = true;
      open(row.handoff_id);
    }
    function hand(row) {
      Object.assign(ui, { target: row, transfer: true });
    }
    function speaker(message) {
      if (message.sender === "customer") return activeRow.value?.customer_name || "客户";
      return message.sender === "bot" ? "机器人小畅" : nameOf(message.agent_id) || "客服";
    }
    // A conversation that ends while it is watched stays open until the supervisor closes it.
    watch(() => desk.active, (id) => { if (!id) ui.drawer = false; });
    watch(() => ui.drawer, (now) => { if (!now && desk.active) open(null); });
    onMounted(async () => {
      await start();
      if (desk.active) ui.drawer = true;
      setInterval(() => document.visibilityState === "visible" && readAgents().catch(() => {}), AGENTS_MS);
      // Messages are pushed to the serving agent only; who watches asks.
      setInterval(() => ui.drawer && document.visibilityState === "visible" && threadOf(desk.active)?.fill(), WATCH_MS);
    });
    return {
      ui, desk, waiting, serving, online, places, load, angry, groups, agents, rows, seconds, look, hand, speaker, longest, LATE_S,
      row: activeRow, detail: activeDetail, nameOf, since, tick, duration, stopwatch, mask, word,
      GROUPS, MOODS, STATES, STATUSES, TIERS, TRIGGERS, tierClass, priorityClass,
      stateNames: Object.keys(RANK).filter((state) => ["waiting", "active", "wrap_up"].includes(state)),
    };
  },
  template: `
    <div class="ops">
      <header class="topbar"><span class="brand-mark" aria-hidden="true">畅</span><span class="topbar-title">运营监控</span><span class="spacer"></span>
        <span :class="['line-state', 'is-' + desk.connection]" :title="desk.connection === 'open' ? '实时连接正常' : '正在重新连接'"><i></i></span><staff-menu /></header>
      <div v-if="desk.connection !== 'open' && desk.loaded" class="banner" role="status">实时连接中断，正在重连。下面的数字可能不是最新的。</div>
      <main class="ops-main">
        <section class="tiles" aria-label="概况">
          <div :class="['tile', { alarm: waiting.length }]"><p>排队中</p><b class="num">{{ waiting.length }}</b></div>
          <div :class="['tile', { alarm: longest(waiting) > LATE_S }]"><p>最长等待</p><b class="num">{{ waiting.length ? stopwatch(longest(waiting)) : '—' }}</b></div>
          <div class="tile"><p>服务中</p><b class="num">{{ serving.length }}</b></div>
          <div class="tile"><p>在线坐席</p><b class="num">{{ online.length }}<small> / {{ desk.agents.length }}</small></b></div>
          <div class="tile"><p>在线容量</p><b class="num">{{ load }}<small> / {{ places }}</small></b></div>
          <div :class="['tile', { alarm: angry }]"><p>高危会话</p><b class="num">{{ angry }}</b></div>
        </section>

        <section class="panel groups" aria-label="各技能组"><h2>技能组</h2>
          <div class="scroll"><table><thead><tr><th>技能组</th><th class="r">排队</th><th class="r">最长等待</th><th class="r">服务中</th><th class="r">在线</th><th class="r">空位</th></tr></thead>
            <tbody><tr v-for="group in groups" :key="group.id" :class="{ chosen: ui.group === group.id }"><td><button type="button" class="link" :aria-pressed="ui.group === group.id" @click="ui.group = ui.group === group.id ? '' : group.id">{{ group.name }}</button></td>
              <td :class="['r num', { late: group.waiting }]">{{ group.waiting }}</td><td :class="['r num', { late: group.longest > LATE_S }]">{{ group.waiting ? stopwatch(group.longest) : '—' }}</td>
              <td class="r num">{{ group.active }}</td><td :class="['r num', { late: group.waiting && !group.online }]">{{ group.online }}</td><td class="r num">{{ group.free }}</td></tr></tbody></table></div>
        </section>

        <section class="panel agents" aria-label="坐席"><h2>坐席</h2>
          <ul><li v-for="agent in agents" :key="agent.id" :class="'agent-' + agent.status"><i :class="['dot', 'dot-' + agent.status]"></i><div class="agent-who"><p><b>{{ agent.display_name }}</b> <span class="small muted">{{ agent.id }} · {{ word(STATUSES, agent.status) }}<template v-if="agent.since"> {{ duration(since(agent.since, tick)) }}</template></span></p>
            <p class="small muted clip" :title="agent.skill_groups.map((g) => word(GROUPS, g)).join('、')">{{ agent.skill_groups.map((g) => word(GROUPS, g)).join('、') || '—' }}</p></div>
            <span class="load" :aria-label="'服务中' + agent.load + '，容量' + agent.capacity"><i v-for="n in Math.max(agent.capacity, agent.load)" :key="n" :class="{ on: n <= agent.load, over: n > agent.capacity }"></i></span></li></ul>
        </section>

        <section class="panel live" aria-label="会话"><h2>会话 <span class="count num">{{ rows.length }}</span><span class="spacer"></span>
            <el-select v-model="ui.group" size="small" class="filter" placeholder="全部技能组" aria-label="技能组"><el-option value="" label="全部技能组" /><el-option v-for="group in groups" :key="group.id" :value="group.id" :label="group.name" /></el-select>
            <el-select v-model="ui.state" size="small" class="filter" placeholder="全部状态" aria-label="状态"><el-option value="" label="全部状态" /><el-option v-for="state in stateNames" :key="state" :value="state" :label="word(STATES, state)" /></el-select></h2>
          <div class="scroll"><table class="stack"><thead><tr><th>客户</th><th>诉求</th><th>技能组</th><th>状态</th><th class="r">时长</th><th>优先级</th><th>情绪</th><th>坐席</th><th></th></tr></thead>
            <tbody><tr v-for="row in rows" :key="row.handoff_id" :class="{ chosen: desk.active === row.handoff_id }">
              <td class="nowrap"><b>{{ row.customer_name || '未登录客户' }}</b> <span v-if="row.tier && row.tier !== 'normal'" :class="tierClass(row.tier)">{{ word(TIERS, row.tier) }}</span> <span v-if="row.elderly" class="tag tag-info">老年</span><br><span class="small muted num">{{ row.masked_phone }}</span></td>
              <td class="request"><span :class="['tag', row.trigger === 'complaint' ? 'tag-bad' : 'tag-info']">{{ word(TRIGGERS, row.trigger) }}</span> {{ mask(row.request) }}</td>
              <td class="nowrap">{{ row.skill_group_text }}</td><td class="nowrap"><span :class="['tag', { waiting: 'tag-warn', active: 'tag-good' }[row.state]]">{{ word(STATES, row.state) }}</span></td>
              <td :class="['r num', { late: row.state === 'waiting' && seconds(row) > LATE_S }]">{{ stopwatch(seconds(row)) }}</td>
              <td><span :class="priorityClass(row.priority)" :title="row.priority_reasons.join('，')">{{ row.priority }}</span></td>
              <td class="nowrap"><span :class="['mood-dot', 'mood-' + row.mood]"></span> {{ word(MOODS, row.mood) }}</td>
              <td class="nowrap">{{ row.agent_name || (row.reserved_for ? '指定 ' + nameOf(row.reserved_for) : '—') }}</td>
              <td class="nowrap actions"><el-button size="small" @click="look(row)">查看</el-button><el-button v-if="row.state === 'waiting' || row.state === 'active'" size="small" @click="hand(row)">{{ row.state === 'waiting' ? '改派' : '转接' }}</el-button></td></tr>
              <tr v-if="desk.loaded && !rows.length"><td colspan="9" class="empty">没有符合条件的会话</td></tr></tbody></table></div>
        </section>
      </main>

      <el-drawer v-model="ui.drawer" size="min(920px, 100vw)" :with-header="false" append-to-body class="watch">
        <div v-if="row && detail" class="watch-body">
          <header class="chat-head"><div class="chat-who"><p><b>{{ row.customer_name || '未登录客户' }}</b> <span class="tag">{{ word(STATES, row.state) }}</span> <span class="num muted">{{ row.masked_phone }}</span></p><p class="small muted">{{ row.skill_group_text }} · {{ row.agent_name || '未接入' }} · 只读</p></div><span class="spacer"></span>
            <el-button v-if="row.state === 'waiting' || row.state === 'active'" size="small" @click="hand(row)">{{ row.state === 'waiting' ? '改派' : '转接' }}</el-button><el-button size="small" @click="ui.drawer = false">关闭</el-button></header>
          <chat-transcript :thread="detail.thread" :handoff-id="row.handoff_id" :earlier="detail.context.earlier" :speaker="speaker" />
          <aside class="watch-side"><div class="side-tabs" role="tablist"><button type="button" role="tab" :aria-selected="ui.side === 'context'" @click="ui.side = 'context'">客户</button><button type="button" role="tab" :aria-selected="ui.side === 'events'" @click="ui.side = 'events'">轨迹</button></div>
            <context-panel v-if="ui.side === 'context'" :package="detail.context" :mood="detail.context.mood" /><event-timeline v-else :events="detail.events" :name-of="nameOf" /></aside>
        </div>
        <p v-else class="empty">正在读取会话…</p>
      </el-drawer>
      <transfer-dialog v-model="ui.transfer" :row="ui.target" />
    </div>`,
};

mountPage({
  components: { OpsShell },
  template: `<staff-gate title="运营监控" :roles="['supervisor']"><ops-shell /></staff-gate>`,
});
