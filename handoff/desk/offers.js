// An offer: a customer is put before this agent for some seconds. One card, on every place of the desk.

import { api } from "/static/common/api.js";
import { mask } from "/static/common/format.js";
import { session } from "/static/common/login.js";
import { accept, act } from "./acts.js";
import { beep } from "./alerts.js";
import { desk, open, refresh } from "./store.js";

const { computed, onBeforeUnmount, ref, watch } = Vue;
const REASONS = ["正在处理复杂问题", "不熟悉这类业务", "马上要离开座位"];
const STEP_MS = 250;

/** The server offers a customer: shown at once, before the lists are read. */
export function heardOffer(event) {
  put(event.handoff_id, event.seconds, event);
  beep("waiting");
  refresh();
}

/** Somebody took it, or its time is over. */
export function heardOfferMove(event) {
  if (event.state !== "offered" || event.agent_id !== session.staff.id) delete desk.offers[event.handoff_id];
}

// What the lists say counts: after a reload, and when an event was missed.
watch(() => desk.rows, (rows) => {
  const mine = rows.filter((row) => row.offer?.mine);
  for (const row of mine) if (!desk.offers[row.handoff_id]) put(row.handoff_id, row.offer_left_s, row);
  for (const id of Object.keys(desk.offers)) if (!mine.some((row) => row.handoff_id === id) && desk.offers[id].at < desk.askedAt) delete desk.offers[id];
});

function put(id, seconds, { customer_name: name, tier_text: tier, elderly, request, reason, skill_group_text: group }) {
  desk.offers[id] = { id, name, tier, elderly, request, reason, group, seconds, at: Date.now(), until: Date.now() + seconds * 1000 };
}

const refuse = (id, reason) => act(`refuse:${id}`, async () => {
  await api.post(`/handoffs/${id}/refuse`, { reason });
  delete desk.offers[id];
});

export const OfferCard = {
  setup() {
    const now = ref(Date.now());
    const timer = setInterval(() => (now.value = Date.now()), STEP_MS);
    onBeforeUnmount(() => clearInterval(timer));
    const offer = computed(() => Object.values(desk.offers).find((known) => known.until > now.value));
    const left = computed(() => Math.max(0, (offer.value.until - now.value) / 1000));
    const asking = ref(false);
    watch(() => offer.value?.id, () => (asking.value = false));
    return { desk, offer, left, asking, reasons: REASONS, accept, refuse, open, mask };
  },
  template: `
    <section v-if="offer" class="offer" role="alertdialog" aria-label="派给您的客户">
      <div class="offer-bar"><i :style="{ width: Math.min(100, (100 * left) / offer.seconds) + '%' }"></i></div>
      <p class="offer-head"><b>派给您：{{ offer.name || '未登录客户' }}</b><span v-if="offer.tier && offer.tier !== '普通'" class="tag tag-warn">{{ offer.tier }}</span><span v-if="offer.elderly" class="tag tag-info">老年</span><span class="spacer"></span><span :class="['num', { late: left < 6 }]">{{ Math.ceil(left) }}秒</span></p>
      <p class="small muted">{{ offer.group }} · {{ offer.reason }}</p>
      <p class="offer-text">{{ mask(offer.request) }}</p>
      <div v-if="!asking" class="offer-acts"><el-button type="primary" :loading="desk.busy['accept:' + offer.id]" @click="accept(offer.id)">接受</el-button><el-button @click="asking = true">拒绝</el-button><button type="button" class="link" @click="open(offer.id)">先看资料</button></div>
      <div v-else class="offer-acts" role="group" aria-label="拒绝的原因"><el-button v-for="reason in reasons" :key="reason" size="small" :loading="desk.busy['refuse:' + offer.id]" @click="refuse(offer.id, reason)">{{ reason }}</el-button><button type="button" class="link" @click="asking = false">返回</button></div>
    </section>`,
};
