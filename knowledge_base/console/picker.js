// Finds an existing entry by words, or by meaning through the published base.

import { base } from "./base.js";

const { onMounted, reactive, watch } = Vue;

export const EntryPicker = {
  props: { start: String, action: String, busy: Boolean },
  emits: ["pick"],
  setup(props) {
    const view = reactive({ q: "", items: [], trouble: "" });
    let timer = 0;
    let latest = 0;
    async function find() {
      const turn = (latest += 1);
      try {
        const typed = view.q.trim();
        const items = typed
          ? (await base.list({ q: typed, size: 8 })).items
          : (await base.search(props.start, 5)).hits.map((hit) => ({ id: hit.entry_id, question: hit.question, category: hit.category }));
        if (turn === latest) Object.assign(view, { items, trouble: "" });
      } catch (error) {
        if (turn === latest) view.trouble = error.message;
      }
    }
    watch(() => view.q, () => {
      clearTimeout(timer);
      timer = setTimeout(find, 200);
    });
    onMounted(find);
    return { view };
  },
  template: `
    <div class="picker"><input v-model="view.q" class="text" type="search" aria-label="找词条" placeholder="找词条（不填时按意思推荐）">
      <p v-if="view.trouble" class="hint hint-bad">{{ view.trouble }}</p>
      <ul><li v-for="item in view.items" :key="item.id"><span>{{ item.question }} <small class="muted">{{ item.category }}</small></span><el-button size="small" :disabled="busy" @click="$emit('pick', item)">{{ action }}</el-button></li><li v-if="!view.items.length" class="muted">没有找到。</li></ul></div>`,
};
