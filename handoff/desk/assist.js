// What the silent bot found for the customer's last words: the request, what is missing, their data.

import { mask } from "/static/common/format.js";

const { computed } = Vue;

/** The newest customer message, if the bot has understood it. */
export function understoodOf(thread) {
  const last = thread?.messages.findLast((message) => message.sender === "customer");
  const assist = last?.understanding?.assist;
  return assist && Object.keys(assist).length ? { ...assist, seq: last.seq, text: last.text } : null;
}

/** Replies it suggests, one's own data first, in the shape of the package's suggestions. */
export function offersOf(found) {
  if (!found) return [];
  const listed = Object.entries(found.figures || {}).map(([label, value]) => `${label}${value}`).join("，");
  const data = listed ? [{ kind: "data", entry_id: `data:${listed}`.slice(0, 80), question: found.wants || "客户数据", answer: `为您查到：${listed}。` }] : [];
  return [...data, ...(found.hits || []).map((hit) => ({ kind: "knowledge", ...hit }))];
}

/** Suggestions without repeats, the first of each kept. */
export function distinct(...lists) {
  const seen = new Map();
  for (const offer of lists.flat()) if (offer?.answer && !seen.has(offer.entry_id || offer.answer)) seen.set(offer.entry_id || offer.answer, offer);
  return [...seen.values()];
}

/** <assist-strip :found>: one line above the composer. */
export const AssistStrip = {
  props: { found: Object },
  setup(props) {
    const figures = computed(() => Object.entries(props.found.figures || {}).slice(0, 6));
    return { figures, mask };
  },
  template: `
    <div class="assist" aria-label="智能助手" role="status">
      <span class="assist-mark" aria-hidden="true">助</span>
      <span v-if="found.wants">客户想{{ found.wants }}</span>
      <span v-if="found.missing?.length" class="tags"><span class="small muted">还需问</span><span v-for="name in found.missing" :key="name" class="tag tag-warn">{{ name }}</span></span>
      <span v-for="[name, value] in figures" :key="name" class="assist-figure"><span class="muted">{{ name }}</span> <b class="num">{{ mask(value) }}</b></span>
    </div>`,
};
