// /desk: lists on the left, the conversation in the middle, what to know on the right.

import { duration, mask, stopwatch } from "/static/common/format.js";
import { session } from "/static/common/login.js";
import { mountPage } from "/static/common/page.js";
import { muted, tick } from "./alerts.js";
import { ChatComposer } from "./composer.js";
import { ContextPanel, EventTimeline } from "./context.js";
import { CloseDialog, HelpDialog, ReturnDialog, TicketDialog, TransferDialog } from "./dialogs.js";
import { KnowledgePanel } from "./knowledge.js";
import { SideLists } from "./lists.js";
import { accept, acceptNext, setStatus } from "./acts.js";
import { cases, leaveCase, showCases } from "./cases.js";
import { SlaClocks } from "./clocks.js";
import { AssistStrip, distinct, offersOf, understoodOf } from "./assist.js";
import { GuestTags, InviteDialog, decline, join, leaveTalk, note } from "./company.js";
import { reconnect, start, typing } from "./line.js";
import { OfferCard } from "./offers.js";
import { activeDetail, activeRow, desk, isGuest, isMine, markRead, mine, nameOf, onArrived, open, queue, threadOf } from "./store.js";
import { CaseView } from "./tickets.js";
import { ChatTranscript } from "./transcript.js";
import { CHANNELS, GROUPS, STATES, STATUSES, TIERS, TRIGGERS, tierClass, word } from "./words.js";

const { computed, h, nextTick, onBeforeUnmount, onMounted, reactive, ref, watch } = Vue;
const TOASTS = 3;

const DeskShell = {
  components: {
    SideLists, ChatTranscript, ChatComposer, ContextPanel, EventTimeline, KnowledgePanel,
    TransferDialog, ReturnDialog, CloseDialog, TicketDialog, HelpDialog, InviteDialog, GuestTags, AssistStrip, OfferCard, SlaClocks, CaseView,
    IconBell: ElementPlusIconsVue.Bell, IconMute: ElementPlusIconsVue.MuteNotification,
    IconHelp: ElementPlusIconsVue.QuestionFilled, IconBack: ElementPlusIconsVue.ArrowLeft, IconSide: ElementPlusIconsVue.Memo,
  },
  setup() {
    const ui = reactive({ place: "list", side: "context", sideOpen: false, transfer: false, give: false, close: false, ticket: false, invite: false, help: false });
    const composer = ref(null);
    const knowledge = ref(null);
    const row = activeRow;
    const detail = activeDetail;
    const owning = computed(() => Boolean(row.value?.mine && row.value.state === "active"));
    const helping = computed(() => Boolean(row.value && isGuest(row.value)));
    const talking = computed(() => owning.value || helping.value);
    const mayReveal = computed(() => Boolean(row.value && (session.staff.roles.includes("supervisor") || (row.value.mine && isMine(row.value)))));
    const found = computed(() => (talking.value ? understoodOf(detail.value?.thread) : null));
    const suggestions = computed(() => distinct(offersOf(found.value), detail.value?.context.suggested_replies || []).slice(0, 6));
    const served = computed(() => (row.value?.accepted_at ? (tick.value - Date.parse(row.value.accepted_at)) / 1000 : 0));
    const retryIn = computed(() => (desk.retryAt ? Math.max(0, Math.ceil((desk.retryAt - tick.value) / 1000)) : 0));
    const isAgent = computed(() => session.staff.roles.includes("agent"));
    const lastWords = computed(() => detail.value?.thread.messages.findLast((message) => message.sender === "customer")?.text || "");

    function speaker(message) {
      if (message.sender === "customer") return row.value?.customer_name || "客户";
      if (message.sender === "bot") return "机器人小畅";
      if (message.agent_id === session.staff.id) return "我";
      return message.agent_name || nameOf(message.agent_id) || "客服";
    }
    const say = (text) => threadOf(desk.active)?.say(text);
    async function write(text) {
      // A note has no second try of its own: what was refused goes back into the field.
      const id = desk.active;
      if (!(await note(id, text)) && desk.active === id) composer.value?.giveBack("note", text);
    }
    function showKnowledge() {
      Object.assign(ui, { side: "knowledge", sideOpen: true });
      nextTick(() => knowledge.value?.focus());
    }
    function put(text) {
      ui.sideOpen = false;
      composer.value?.put(text);
    }
    function sendKnown(text) {
      say(text);
      ui.sideOpen = false;
    }
    watch(() => desk.active || cases.active, (id) => Object.assign(ui, { place: id ? "chat" : "list", sideOpen: false }));

    const shortcuts = {
      KeyA: () => acceptNext(),
      KeyK: () => row.value && showKnowledge(),
      KeyN: () => composer.value?.focus("note"),
      KeyR: () => composer.value?.focus("reply"),
      KeyT: () => owning.value && (ui.transfer = true),
      KeyI: () => owning.value && (ui.invite = true),
      KeyG: () => showCases(!cases.shown),
      KeyE: () => row.value?.mine && (ui.close = true),
    };
    function key(event) {
      const writing = event.target.closest("input, textarea, [contenteditable]");
      if (event.key === "?" && !writing) ui.help = true;
      if (!event.altKey || event.ctrlKey || event.metaKey || document.querySelector(".el-overlay:not([style*='display: none'])")) return;
      const digit = /^Digit([1-9])$/.exec(event.code);
      const run = digit ? () => mine.value[digit[1] - 1] && open(mine.value[digit[1] - 1].handoff_id) : shortcuts[event.code];
      if (!run) return;
      event.preventDefault();
      run();
    }
    onMounted(() => { addEventListener("keydown", key); start(); });
    onBeforeUnmount(() => removeEventListener("keydown", key));

    onArrived((rows) => {
      for (const waiting of rows.slice(0, TOASTS)) toast(waiting);
    });
    return {
      ui, composer, knowledge, row, detail, owning, helping, talking, mayReveal, found, suggestions, join, decline, leaveTalk, served, retryIn, isAgent, lastWords, speaker, say, write, showKnowledge, put, sendKnown,
      cases, leaveCase, desk, session, mine, queue, muted, tick, open, accept, setStatus, markRead, typing, threadOf, reconnect, nameOf,
      word, STATUSES, CHANNELS, GROUPS, STATES, TIERS, TRIGGERS, tierClass, stopwatch, duration, mask,
      statuses: Object.keys(STATUSES),
    };
  },
  template: `
    <div class="desk" :data-place="ui.place">
      <header class="topbar">
        <span class="brand-mark" aria-hidden="true">畅</span><span class="topbar-title">坐席工作台</span>
        <div v-if="isAgent" class="status" role="radiogroup" aria-label="我的状态">
          <button v-for="status in statuses" :key="status" type="button" role="radio" :aria-checked="desk.status === status" :class="'is-' + status" @click="setStatus(status)"><i :class="['dot', 'dot-' + status]"></i>{{ STATUSES[status] }}</button>
        </div>
        <span class="spacer"></span>
        <span class="top-figure">服务中 <b class="num">{{ mine.filter((r) => r.state === 'active').length }}</b></span><span class="top-figure">排队 <b :class="['num', { late: queue.length }]">{{ queue.length }}</b></span>
        <span :class="['line-state', 'is-' + desk.connection]" :title="desk.connection === 'open' ? '实时连接正常' : '正在重新连接'"><i></i></span>
        <button type="button" class="icon-button" :aria-pressed="muted" :aria-label="muted ? '打开提示音' : '关闭提示音'" :title="muted ? '提示音已关闭' : '提示音已打开'" @click="muted = !muted"><icon-mute v-if="muted" /><icon-bell v-else /></button>
        <button type="button" class="icon-button" aria-label="键盘快捷键" title="键盘快捷键 ?" @click="ui.help = true"><icon-help /></button>
        <staff-menu />
      </header>
      <div v-if="desk.connection !== 'open' && desk.loaded" class="banner" role="status">连接中断，{{ desk.connection === 'connecting' ? '正在重连…' : retryIn + '秒后重连' }}。您可以继续输入，恢复后自动发送。<el-button size="small" @click="reconnect()">立即重连</el-button></div>
      <div v-else-if="desk.dropped" class="banner" role="status">刚才断线较久，您已被设为离线，服务中的客户已回到队列。<el-button size="small" type="primary" @click="setStatus('online')">恢复在线</el-button></div>

      <div v-else-if="desk.notice" class="banner" role="status">{{ desk.notice }}<el-button size="small" type="primary" @click="setStatus('online')">恢复在线</el-button></div>

      <side-lists />
      <offer-card />

      <main class="chat">
        <case-view v-if="cases.active" :side-open="ui.sideOpen" @side="ui.sideOpen = !ui.sideOpen" @back="leaveCase" />
        <template v-else-if="row">
          <header class="chat-head">
            <button type="button" class="icon-button only-phone" aria-label="返回列表" @click="ui.place = 'list'"><icon-back /></button>
            <div class="chat-who"><p><b>{{ row.customer_name || '未登录客户' }}</b> <span v-if="row.tier && row.tier !== 'normal'" :class="tierClass(row.tier)">{{ word(TIERS, row.tier) }}</span> <span class="num muted">{{ row.masked_phone }}</span> <guest-tags v-if="row.guests?.length" :row="row" :may-dismiss="owning" /></p>
              <p class="small muted">{{ word(CHANNELS, row.channel) }} · {{ row.skill_group_text }} · {{ owning ? '已服务 ' + stopwatch(served) : helping ? '协助' + row.agent_name : word(STATES, row.state) }}</p></div>
            <span class="spacer"></span>
            <div v-if="helping" class="chat-actions"><el-button size="small" :loading="desk.busy['join:' + row.handoff_id]" @click="leaveTalk(row.handoff_id)">离开会话</el-button></div>
            <div v-if="owning" class="chat-actions"><el-button size="small" @click="ui.invite = true">邀请</el-button><el-button size="small" @click="ui.ticket = true">工单</el-button><el-button size="small" @click="ui.transfer = true">转接</el-button><el-button size="small" @click="ui.give = true">交回机器人</el-button><el-button size="small" type="danger" plain @click="ui.close = true">结束</el-button></div>
            <button type="button" class="icon-button side-toggle" aria-label="客户资料" :aria-expanded="ui.sideOpen" @click="ui.sideOpen = !ui.sideOpen"><icon-side /></button>
          </header>
          <sla-clocks :row="row" />
          <chat-transcript v-if="detail" :thread="detail.thread" :handoff-id="row.handoff_id" :earlier="detail.context.earlier" :speaker="speaker" @seen="markRead" @again="(item) => threadOf(desk.active).again(item)" @discard="(item) => threadOf(desk.active).drop(item.id)" />
          <p v-else class="empty grow">正在读取会话…</p>
          <assist-strip v-if="found && (found.wants || found.missing?.length || found.figures)" :found="found" />
          <chat-composer v-if="talking && detail" ref="composer" :handoff-id="row.handoff_id" :placeholders="detail.placeholders" :suggestions="suggestions" knowledge @say="say" @note="write" @typing="typing(desk.active)" @knowledge="showKnowledge" />
          <div v-else-if="row.role === 'invited'" class="chat-foot"><span>{{ row.agent_name }}邀请您一起服务，加入前客户看不到您。</span><el-button type="primary" :loading="desk.busy['join:' + row.handoff_id]" @click="join(row.handoff_id)">加入会话</el-button><el-button @click="decline(row.handoff_id)">婉拒</el-button></div>
          <div v-else-if="row.state === 'waiting' || row.state === 'offered'" class="chat-foot"><span>{{ row.offer ? (row.offer.mine ? '这位客户派给您了，接受前您看到的是只读内容。' : '这位客户已派给' + row.offer.agent_name + '，您看到的是只读内容。') : '客户正在排队，您看到的是只读内容。' }}</span><el-button type="primary" :loading="desk.busy['accept:' + row.handoff_id]" @click="accept(row.handoff_id)">接入这位客户</el-button></div>
          <div v-else-if="row.state === 'wrap_up'" class="chat-foot"><span>会话已结束，请填写小结。</span><el-button v-if="row.mine" @click="ui.ticket = true">建立工单</el-button><el-button type="primary" @click="ui.close = true">填写小结</el-button></div>
        </template>
        <div v-else class="nothing">
          <p v-if="cases.shown" class="nothing-title">在左边选一张工单，这里看来龙去脉</p>
          <template v-else><p class="nothing-title">{{ queue.length ? queue.length + ' 位客户正在排队' : '暂时没有需要处理的会话' }}</p>
          <p v-if="isAgent && desk.status === 'offline'" class="muted">您现在是离线状态，上线后才会收到新客户提醒。</p>
          <p v-else class="muted">按 <kbd>Alt</kbd> + <kbd>A</kbd> 接入下一位，按 <kbd>?</kbd> 查看全部快捷键。</p>
          <el-button v-if="isAgent && desk.status === 'offline'" type="primary" @click="setStatus('online')">上线接待</el-button></template>
        </div>
      </main>

      <aside v-if="row && detail" :class="['side', { open: ui.sideOpen }]" aria-label="客户与知识">
        <div class="side-tabs" role="tablist">
          <button type="button" role="tab" :aria-selected="ui.side === 'context'" @click="ui.side = 'context'">客户</button>
          <button type="button" role="tab" :aria-selected="ui.side === 'knowledge'" title="Alt+K" @click="showKnowledge">知识库</button>
          <button type="button" role="tab" :aria-selected="ui.side === 'events'" @click="ui.side = 'events'">轨迹</button>
          <span class="spacer"></span><button type="button" class="icon-button side-close" aria-label="收起" @click="ui.sideOpen = false">✕</button>
        </div>
        <context-panel v-show="ui.side === 'context'" :package="detail.context" :mood="detail.context.mood" :row="row" :may-reveal="mayReveal" />
        <knowledge-panel v-show="ui.side === 'knowledge'" ref="knowledge" :active="ui.side === 'knowledge'" :suggested="suggestions" :can-send="talking" :question="lastWords" @put="put" @send="sendKnown" />
        <event-timeline v-if="ui.side === 'events'" :events="detail.events" :name-of="nameOf" />
      </aside>

      <aside v-else-if="cases.detail?.context" :class="['side', { open: ui.sideOpen }]" aria-label="客户资料">
        <div class="side-tabs"><b>客户</b><span class="spacer"></span><button type="button" class="icon-button side-close" aria-label="收起" @click="ui.sideOpen = false">✕</button></div>
        <context-panel :package="cases.detail.context" :mood="cases.detail.context.mood" />
      </aside>

      <transfer-dialog v-model="ui.transfer" :row="row" /><return-dialog v-model="ui.give" :row="row" /><invite-dialog v-model="ui.invite" :row="row" />
      <close-dialog v-model="ui.close" :row="row" /><ticket-dialog v-model="ui.ticket" :row="row" /><help-dialog v-model="ui.help" />
    </div>`,
};

/** A card in the corner for a new customer; one click takes them. */
function toast(waiting) {
  const box = ElementPlus.ElNotification({
    title: `新客户排队：${waiting.customer_name || "未登录客户"}`,
    position: "bottom-right",
    duration: 8000,
    message: h("div", { class: "toast" }, [
      h("p", `${word(TRIGGERS, waiting.trigger)} · ${mask(waiting.request)}`),
      h(ElementPlus.ElButton, { type: "primary", size: "small", onClick: () => { box.close(); accept(waiting.handoff_id); } }, () => "接入"),
    ]),
  });
}

mountPage({
  components: { DeskShell },
  template: `<staff-gate title="坐席工作台" :roles="['agent', 'supervisor']"><desk-shell /></staff-gate>`,
});
