// 必过问题: what must keep its answer before a publish goes through.

import { moment } from "../common/format.js";
import { complain, tell } from "../common/page.js";
import { base } from "./base.js";
import { EntryPicker } from "./picker.js";

const { computed, onMounted, reactive } = Vue;

export const Golden = {
  components: { EntryPicker },
  setup() {
    const view = reactive({ rows: [], loaded: false, trouble: "", q: "", picking: false, busy: false, run: null });
    const failed = computed(() => Object.fromEntries((view.run?.failures || []).map((failure) => [failure.query, failure.message])));
    async function load() {
      view.trouble = "";
      try {
        view.rows = await base.golden();
      } catch (error) {
        view.trouble = error.message;
      } finally {
        view.loaded = true;
      }
    }
    async function add(entry) {
      view.busy = true;
      try {
        await base.addGolden(view.q.trim(), entry?.id);
        Object.assign(view, { q: "", picking: false, run: null });
        await load();
      } catch (error) {
        complain(error);
      } finally {
        view.busy = false;
      }
    }
    async function remove(row) {
      try {
        await base.removeGolden(row.id);
        view.rows = view.rows.filter((other) => other !== row);
      } catch (error) {
        complain(error);
      }
    }
    async function run() {
      view.busy = true;
      try {
        view.run = await base.runGolden();
        if (!view.run.failures.length) tell(`${view.run.asked} 个必过问题全部通过。`);
      } catch (error) {
        complain(error);
      } finally {
        view.busy = false;
      }
    }
    onMounted(load);
    return { view, failed, add, remove, run, load, moment };
  },
  template: `
    <div class="page golden">
      <header class="page-head"><h2>必过问题</h2><p class="muted">发布前逐个检查：该命中的仍命中，不该回答的仍不回答；有一个不过就先不发布。</p>
        <el-button :disabled="!view.rows.length" :loading="view.busy && !view.picking" @click="run">用线上版本检查一遍</el-button></header>
      <form class="card golden-add" @submit.prevent="view.picking = Boolean(view.q.trim())">
        <div class="ask"><input v-model="view.q" class="text" maxlength="300" aria-label="新的必过问题" placeholder="客户的一句话，例如：人在国外怎么开漫游" @input="view.picking = false"><el-button native-type="submit" type="primary" :disabled="!view.q.trim()">下一步</el-button></div>
        <template v-if="view.picking"><p class="hint">它应该由哪一条回答？</p><entry-picker :start="view.q" :busy="view.busy" action="就是这条" @pick="add" /><el-button size="small" :disabled="view.busy" @click="add(null)">都不是，机器人不该回答它</el-button></template>
      </form>
      <p v-if="view.trouble" class="empty" role="alert">{{ view.trouble }} <button type="button" class="link" @click="load">重试</button></p>
      <p v-else-if="view.loaded && !view.rows.length" class="empty">还没有必过问题。把最重要、最不能答错的几十个问题放进来，发布就更放心。</p>
      <div v-else class="card table-box"><table class="table"><thead><tr><th>客户的话</th><th>应当</th><th>检查</th><th><span class="visually-hidden">操作</span></th></tr></thead><tbody>
        <tr v-for="row in view.rows" :key="row.id"><td>{{ row.query }}</td><td><a v-if="row.entry_id" :href="'#/entries/' + encodeURIComponent(row.entry_id)">{{ row.entry_id }}</a><span v-else class="tag">不回答</span></td>
          <td><template v-if="view.run"><span v-if="failed[row.query]" class="tag tag-bad">{{ failed[row.query] }}</span><span v-else class="tag tag-good">通过</span></template><span v-else class="muted">{{ row.created_by }} · {{ moment(row.at) }}</span></td>
          <td><button type="button" class="link" :aria-label="'删除 ' + row.query" @click="remove(row)">删除</button></td></tr></tbody></table></div>
    </div>`,
};
