// How the outside desk fares, for supervisors: nothing is shown while it takes everything.

import { api } from "/static/common/api.js";
import { act } from "./acts.js";
import { floor } from "./floor.js";
import { desk } from "./store.js";

const { computed } = Vue;

/** Sends what was given up once more, the oldest first. */
const resend = () => act("resend", async () => {
  const { events } = await api.get("/desk/events", { state: "dead", limit: 500 });
  for (const event of events.reverse()) await api.post(`/desk/events/${event.event_id}/retry`);
});

export const OutsideDesk = {
  setup() {
    const outside = computed(() => floor.desk || {});
    return { outside, desk, resend };
  },
  template: `
    <div v-if="outside.reachable === false" class="banner" role="alert">外部客服系统没有收下通知：{{ outside.error }}。<template v-if="outside.customers_waiting"><b class="num">{{ outside.customers_waiting }}</b>位客户还没有转过去，位置都已保留，恢复后自动送达；着急的可以在下面点“查看”接管。</template></div>
    <div v-else-if="outside.dead" class="banner" role="alert">有<b class="num">{{ outside.dead }}</b>条通知没有送达外部客服系统。<button type="button" class="link" :disabled="desk.busy.resend" @click="resend">重新发送</button></div>`,
};
