// 客户问了、没答上: what the base could not answer, grouped by meaning, as work for editors.

import { moment } from "../common/format.js";
import { complain, tell } from "../common/page.js";
import { base } from "./base.js";
import { EntryPicker } from "./picker.js";
import { shared, startEntryFrom } from "./shared.js";
import { percent } from "./words.js";

const { computed, onMounted, reactive } = Vue;
const SHOWN = 5;
const SIMILAR = 30;

export const Misses = {
  components: { EntryPicker },
  setup() {
    const view = reactive({ clusters: [], loaded: false, trouble: "", open: new Set(), answering: null, busy: false });
    const total = computed(() => view.clusters.reduce((sum, cluster) => sum + cluster.count, 0));
    async function load() {
      view.trouble = "";
      try {
        view.clusters = await base.misses();
        shared.misses = view.clusters.length;
      } catch (error) {
        view.trouble = error.message;
      } finally {
        view.loaded = true;
      }
    }
    const idsOf = (cluster) => cluster.misses.map((miss) => miss.id);
    const textsOf = (cluster) => [...new Set(cluster.misses.map((miss) => miss.text))].filter((text) => text !== cluster.text);
    const write = (cluster) => startEntryFrom({ question: cluster.text, similar: textsOf(cluster).slice(0, SIMILAR), misses: idsOf(cluster) });
    async function done(cluster, entryId) {
      view.busy = true;
      try {
        await base.resolve(idsOf(cluster), entryId);
        tell(entryId ? "已标为由这条知识回答。" : "已忽略。");
        view.answering = null;
        await load();
      } catch (error) {
        complain(error);
      } finally {
        view.busy = false;
      }
    }
    /** The existing entry learns the customers' own words as similar questions, as a draft. */
    async function teach(cluster, entry) {
      view.busy = true;
      try {
        const fresh = await base.get(entry.id);
        const similar = [...new Set([...fresh.similar, cluster.text, ...textsOf(cluster)])].slice(0, 200);
        await base.save(fresh.id, { ...fresh, similar }, fresh.version);
        await done(cluster, fresh.id);
      } catch (error) {
        complain(error);
      } finally {
        view.busy = false;
      }
    }
    /** The same words once, with how often and the last time. */
    function lines(cluster) {
      const byText = new Map();
      for (const { text, at } of cluster.misses) {
        const line = byText.get(text) || { text, at, times: 0 };
        byText.set(text, { ...line, times: line.times + 1 });
      }
      return [...byText.values()];
    }
    const shown = (cluster) => (view.open.has(cluster.text) ? lines(cluster) : lines(cluster).slice(0, SHOWN));
    const toggle = (cluster) => (view.open.has(cluster.text) ? view.open.delete(cluster.text) : view.open.add(cluster.text));
    onMounted(load);
    return { view, total, load, write, done, teach, lines, shown, toggle, moment, percent, SHOWN };
  },
  template: `
    <div class="page misses">
      <header class="page-head"><h2>客户问了、没答上</h2><p v-if="view.clusters.length" class="muted">{{ total }} 次提问，按意思归成 {{ view.clusters.length }} 类，问得多的在前。</p></header>
      <p v-if="view.trouble" class="empty" role="alert">{{ view.trouble }} <button type="button" class="link" @click="load">重试</button></p>
      <p v-else-if="view.loaded && !view.clusters.length" class="empty">没有待处理的问题。机器人答不上的提问会自动归到这里。</p>
      <ul class="clusters">
        <li v-for="cluster in view.clusters" :key="cluster.misses[0].id" class="card cluster">
          <header><span class="cluster-count num" :title="cluster.count + ' 次'">{{ cluster.count }}<small>次</small></span>
            <div><h3>{{ cluster.text }}</h3><p class="muted">最近一次 {{ moment(cluster.last_at) }}<template v-if="cluster.misses[0].best_entry"> · 最接近的词条 <a :href="'#/entries/' + encodeURIComponent(cluster.misses[0].best_entry)">{{ cluster.misses[0].best_entry }}</a>（{{ percent(cluster.misses[0].best_score) }}）</template></p></div></header>
          <ul class="cluster-lines"><li v-for="line in shown(cluster)" :key="line.text"><span>{{ line.text }}<span v-if="line.times > 1" class="muted"> × {{ line.times }}</span></span><span class="muted">{{ moment(line.at) }}</span></li></ul>
          <button v-if="lines(cluster).length > SHOWN" type="button" class="link" @click="toggle(cluster)">{{ view.open.has(cluster.text) ? '收起' : '全部 ' + lines(cluster).length + ' 种说法' }}</button>
          <div class="cluster-do"><el-button type="primary" size="small" @click="write(cluster)">据此新建词条</el-button><el-button size="small" @click="view.answering = view.answering === cluster ? null : cluster">已有词条能回答…</el-button><el-button size="small" text :disabled="view.busy" @click="done(cluster, null)">忽略</el-button></div>
          <entry-picker v-if="view.answering === cluster" :start="cluster.text" :busy="view.busy" action="把这些问法加进去" @pick="teach(cluster, $event)" />
        </li>
      </ul>
    </div>`,
};
