// How an entry fares with customers: figures of the last 30 days and a small picture by day.

import { base } from "./base.js";
import { count, USAGE } from "./words.js";

const { computed, reactive, watch } = Vue;
const HEIGHT = 28;
const STEP = 6;

/** Bars by day: answers, and within them those that did not help. Decoration; the figures stand beside it. */
export const Spark = {
  props: { days: Array },
  setup(props) {
    const most = computed(() => Math.max(1, ...props.days.map((day) => day.answered)));
    const bars = computed(() => props.days.map((day, i) => {
      const tall = (number) => (number ? Math.max(2, (number / most.value) * HEIGHT) : 0);
      const bad = tall(Math.min(day.answered, day.unhelpful));
      return { x: i * STEP, all: tall(day.answered), bad, title: `${day.day}：答了 ${day.answered} 次，没解决 ${day.unhelpful} 次` };
    }));
    return { bars, width: computed(() => props.days.length * STEP), HEIGHT, STEP };
  },
  template: `
    <svg class="spark" :viewBox="'0 0 ' + width + ' ' + HEIGHT" :width="width" :height="HEIGHT" role="img" aria-label="最近 30 天每天的回答次数">
      <line x1="0" :x2="width" :y1="HEIGHT - .5" :y2="HEIGHT - .5" class="spark-line" />
      <g v-for="bar in bars" :key="bar.x"><title>{{ bar.title }}</title><rect :x="bar.x" y="0" :width="STEP" :height="HEIGHT" fill="transparent" />
        <rect :x="bar.x" :y="HEIGHT - bar.all" :width="STEP - 2" :height="bar.all" class="spark-all" /><rect :x="bar.x" :y="HEIGHT - bar.bad" :width="STEP - 2" :height="bar.bad" class="spark-bad" /></g>
    </svg>`,
};

/** The strip above the form of a saved entry; stays away while nobody has asked. */
export const UsageStrip = {
  components: { Spark },
  props: { id: String },
  setup(props) {
    const view = reactive({ usage: null });
    watch(() => props.id, async (id) => {
      view.usage = null;
      // Without figures the entry can be edited as well.
      const usage = await base.usage(id).catch(() => null);
      if (id === props.id) view.usage = usage;
    }, { immediate: true });
    return { view, count, names: USAGE };
  },
  template: `
    <section v-if="view.usage && view.usage.asked" class="usage" aria-label="最近 30 天的使用情况">
      <dl><div v-for="([name, note], key) in names" :key="key" :title="note" :class="{ 'usage-bad': ['unhelpful', 'handoffs'].includes(key) && view.usage[key] }"><dt>{{ name }}</dt><dd class="num">{{ count(view.usage[key]) }}</dd></div></dl>
      <spark :days="view.usage.days" />
    </section>`,
};
