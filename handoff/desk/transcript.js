// The transcript: bot, customer, agent, system and private lines, each at a glance; days apart; always at the end
// unless the agent reads further up.

import { clock, clockSeconds, day, dayKey, moment } from "/static/common/format.js";
import { MessageCard } from "./cards.js";
import { CHANNELS, MOODS, moodOf, word } from "./words.js";

const { computed, nextTick, onBeforeUnmount, onMounted, ref, watch } = Vue;
const TOGETHER_MS = 120000;

const isWhisper = (message) => message.card?.type === "whisper";
const kindOf = (message) => (message.audience === "staff" ? (isWhisper(message) ? "whisper" : "note") : message.sender);

/** Messages with day lines between them; `head` marks the first of a speaker's run. */
export function rowsOf(messages) {
  const rows = [];
  let before = null;
  for (const message of messages) {
    const newDay = !before || dayKey(before.created_at) !== dayKey(message.created_at);
    if (newDay) rows.push({ key: `d${message.seq}`, kind: "day", text: day(message.created_at) });
    const together = !newDay && kindOf(before) === kindOf(message) && before.agent_id === message.agent_id
      && Date.parse(message.created_at) - Date.parse(before.created_at) < TOGETHER_MS;
    rows.push({ key: message.message_id, kind: kindOf(message), message, head: !together });
    before = message;
  }
  return rows;
}

export const TranscriptLine = {
  components: { MessageCard },
  props: { row: Object, speaker: Function },
  setup(props) {
    const mood = computed(() => moodOf(props.row.message?.understanding?.sentiment?.label));
    const loud = computed(() => mood.value === "negative" || mood.value === "angry");
    return { mood, loud, clock, clockSeconds, word, MOODS };
  },
  template: `
    <li v-if="row.kind === 'day'" class="line-day"><span>{{ row.text }}</span></li>
    <li v-else-if="row.kind === 'system'" class="line-system" :data-seq="row.message.seq">
      <safe-text :text="row.message.text" /> <time :title="row.message.created_at">{{ clock(row.message.created_at) }}</time>
      <message-card v-if="row.message.card && row.message.card.type !== 'rating'" :card="row.message.card" />
    </li>
    <li v-else :class="['line', 'line-' + row.kind]" :data-seq="row.message.seq">
      <div v-if="row.head" class="line-head">
        <span class="speaker">{{ speaker(row.message) }}</span>
        <span v-if="row.kind === 'note'" class="tag tag-warn">仅内部可见</span><span v-if="row.kind === 'whisper'" class="tag tag-bad">悄悄提示 · 客户看不到</span>
      </div>
      <div class="line-body">
        <div class="bubble">
          <safe-text v-if="row.message.text" :text="row.message.text" />
          <message-card v-if="row.message.card && row.kind !== 'whisper'" :card="row.message.card" :id="row.message.message_id" />
          <div v-if="row.message.buttons?.length" class="shown-buttons"><span v-for="button in row.message.buttons">{{ button.title }}</span></div>
        </div>
        <span class="meta"><time :title="clockSeconds(row.message.created_at)">{{ clock(row.message.created_at) }}</time>
          <span v-if="loud" :class="['tag', mood === 'angry' ? 'tag-bad' : 'tag-warn']">{{ word(MOODS, mood) }}</span></span>
      </div>
    </li>`,
};

const Earlier = {
  components: { TranscriptLine },
  props: { conversation: Object, speaker: Function },
  setup(props) {
    const open = ref(false);
    const rows = computed(() => (open.value ? rowsOf(props.conversation.messages) : []));
    return { open, rows, moment, word, CHANNELS };
  },
  template: `
    <li class="earlier">
      <button type="button" :aria-expanded="open" @click="open = !open">
        {{ open ? '收起' : '展开' }}以往会话 · {{ moment(conversation.started_at) }} · {{ word(CHANNELS, conversation.channel) }} · {{ conversation.messages.length }}条
      </button>
      <ol v-if="open"><transcript-line v-for="row in rows" :key="row.key" :row="row" :speaker="speaker" /></ol>
    </li>`,
};

/** <chat-transcript :thread :earlier :speaker @again @discard>: `thread` is a Thread's view. */
export const ChatTranscript = {
  components: { TranscriptLine, Earlier },
  props: { thread: Object, earlier: Array, speaker: Function, handoffId: String },
  emits: ["again", "discard", "seen"],
  setup(props, { emit }) {
    const box = ref(null);
    const atEnd = ref(true);
    const below = ref(0);
    const rows = computed(() => rowsOf(props.thread.messages));
    const toEnd = () => nextTick(() => {
      if (!box.value) return;
      box.value.scrollTop = box.value.scrollHeight;
      below.value = 0;
    });
    function scrolled() {
      atEnd.value = box.value.scrollHeight - box.value.scrollTop - box.value.clientHeight < 60;
      if (atEnd.value) {
        below.value = 0;
        emit("seen");
      }
    }
    watch(() => props.handoffId, toEnd);
    watch(() => props.thread.outbox.length, (now, before) => now > before && toEnd());
    watch(() => [props.thread.messages.length, props.thread.preview], ([now], [before]) => {
      if (atEnd.value) toEnd();
      else below.value += Math.max(0, now - before);
    });
    // What appears below the log must not cover its last line.
    const resized = new ResizeObserver(() => atEnd.value && toEnd());
    onMounted(() => { toEnd(); resized.observe(box.value); });
    onBeforeUnmount(() => resized.disconnect());
    return { box, rows, below, scrolled, toEnd, clock };
  },
  template: `
    <div class="transcript-wrap">
      <div ref="box" class="transcript" role="log" aria-label="会话记录" tabindex="0" @scroll.passive="scrolled">
        <ol>
          <earlier v-for="other in earlier" :key="other.conversation_id" :conversation="other" :speaker="speaker" />
          <transcript-line v-for="row in rows" :key="row.key" :row="row" :speaker="speaker" />
          <li v-for="item in thread.outbox" :key="item.id" :class="['line', 'line-agent', 'unsent', item.state]">
            <div class="line-body"><div class="bubble"><safe-text :text="item.text" /></div>
              <span class="meta" role="status">
                <template v-if="item.state === 'refused'">{{ item.problem }} <button type="button" @click="$emit('again', item)">重发</button> <button type="button" @click="$emit('discard', item)">删除</button></template>
                <template v-else>{{ item.problem ? '网络不通，自动重试中…' : '发送中…' }}</template>
              </span></div>
          </li>
          <li v-if="thread.colleague" class="line-system" aria-live="off">{{ thread.colleague }}正在输入…</li>
          <li v-if="thread.preview" class="line line-customer typing" aria-live="off">
            <div class="line-head"><span class="speaker">客户正在输入</span></div>
            <div class="line-body"><div class="bubble"><safe-text :text="thread.preview" /></div></div>
          </li>
        </ol>
      </div>
      <button v-if="below" type="button" class="to-end" @click="toEnd">↓ {{ below }} 条新消息</button>
    </div>`,
};
