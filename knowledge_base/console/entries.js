// The room of entries: the list with its filters on the left, the entry on the right.

import { complain } from "../common/page.js";
import { base } from "./base.js";
import { Editor } from "./editor.js";
import { Overview } from "./overview.js";
import { go, route } from "./route.js";
import { shared } from "./shared.js";
import { EFFECTS, STATES, STATE_TAGS, word } from "./words.js";

const { computed, nextTick, onActivated, onBeforeUnmount, onMounted, reactive, ref, watch } = Vue;
const PAGE = 30;
const FILTERS = [
  ["all", "全部状态"], ["pending", "有改动未发布"], ["draft", "草稿"], ["in_review", "待审核"], ["approved", "已通过"], ["published", "已发布"],
  ["upcoming", "待生效"], ["expired", "已过期"], ["retired", "已下线"],
];
const SORTS = [
  ["updated", "最近修改"], ["question", "按问题"], ["category", "按分类"], ["asked", "被问最多"], ["answered", "答得最多"], ["helpful", "解决最多"],
  ["unhelpful", "没解决最多"], ["handoffs", "转人工最多"],
];

/** What a row says of an entry's use: only what happened, worst last. */
function usageOf({ usage }) {
  if (!usage?.asked) return [];
  const bad = usage.unhelpful + usage.handoffs;
  return [{ text: `被问 ${usage.asked}` }, ...(bad ? [{ text: `没解决 ${usage.unhelpful} · 转人工 ${usage.handoffs}`, bad: true }] : [])];
}

export const Entries = {
  components: { Editor, Overview },
  setup() {
    const list = reactive({ items: [], total: 0, busy: false, trouble: "", loaded: false });
    const wanted = reactive({ q: "", category: "", state: "all", tag: "", sort: "updated", page: 1 });
    const searchBox = ref(null);
    const rows = ref(null);
    const editor = ref(null);
    // The room is kept alive, and other rooms have ids of their own in the address.
    const openId = ref(route.view === "entries" ? route.id : "");
    watch(() => [route.view, route.id], ([view, id]) => view === "entries" && (openId.value = id));
    const filtered = computed(() => Boolean(wanted.q || wanted.category || wanted.state !== "all" || wanted.tag));
    let latest = 0;
    let timer = 0;

    async function load() {
      const turn = (latest += 1);
      list.busy = true;
      try {
        const found = await base.list({ ...wanted, size: PAGE });
        // A slow answer must not replace a newer one.
        if (turn === latest) Object.assign(list, { ...found, trouble: "", loaded: true });
      } catch (error) {
        if (turn === latest) list.trouble = error.message;
        complain(error);
      } finally {
        if (turn === latest) list.busy = false;
      }
    }
    function soon() {
      clearTimeout(timer);
      timer = setTimeout(load, 180);
    }
    watch(() => [wanted.q, wanted.category, wanted.state, wanted.tag, wanted.sort], () => {
      wanted.page = 1;
      soon();
    });
    watch(() => wanted.page, async () => {
      await load();
      rows.value?.scrollTo({ top: 0 });
    });

    const clear = () => Object.assign(wanted, { q: "", category: "", state: "all", tag: "" });
    function focusSearch() {
      nextTick(() => {
        searchBox.value?.focus();
        searchBox.value?.select();
      });
    }
    async function step(by) {
      const at = list.items.findIndex((item) => item.id === route.id);
      const next = list.items[at < 0 ? 0 : at + by];
      if (next && (await go("entries", next.id))) nextTick(() => rows.value?.querySelector(".row.on")?.scrollIntoView({ block: "nearest" }));
    }
    function onKey(event) {
      if (route.view !== "entries" || event.isComposing || document.querySelector(".el-overlay:not([style*='display: none'])")) return;
      const field = event.target.closest?.("input, textarea, .el-select");
      if (event.key === "Escape") {
        if (field) field.blur?.();
        else if (route.id) go("entries");
      } else if (!field && !event.ctrlKey && !event.metaKey && !event.altKey) {
        if (event.key === "j") step(1);
        else if (event.key === "k") step(-1);
      }
    }
    const fromSearch = (event) => {
      if (event.key !== "Enter" || event.isComposing || !list.items.length) return;
      go("entries", list.items[0].id);
    };
    onMounted(() => {
      load();
      addEventListener("keydown", onKey);
    });
    // Coming back from an import or the misses, the list may be another one.
    onActivated(() => list.loaded && load());
    onBeforeUnmount(() => removeEventListener("keydown", onKey));

    const settle = async () => !editor.value || editor.value.settle();
    function reload() {
      load();
      editor.value?.refreshIfClean();
    }
    return {
      searchIcon: ElementPlusIconsVue.Search, list, wanted, filtered, filters: FILTERS, sorts: SORTS, page: PAGE, searchBox, rows, editor, openId, shared, go, clear, load, reload,
      focusSearch, fromSearch, settle, stateName: (state) => word(STATES, state), stateTag: (state) => STATE_TAGS[state] || "",
      effectName: (effect) => EFFECTS[effect] || "", usageOf,
    };
  },
  template: `
    <div class="entries" :class="{ 'with-entry': openId }">
      <aside class="list" aria-label="词条列表">
        <div class="list-head">
          <div class="search"><el-icon aria-hidden="true"><component :is="searchIcon" /></el-icon>
            <input ref="searchBox" v-model="wanted.q" type="search" aria-label="搜索词条" placeholder="搜索问题、标签、编号" maxlength="100" @keydown="fromSearch"><kbd aria-hidden="true">/</kbd></div>
          <el-button type="primary" title="n" @click="go('entries', 'new')">新建</el-button>
        </div>
        <div class="list-filters">
          <el-select v-model="wanted.category" placeholder="全部分类" clearable filterable size="small" aria-label="分类" @clear="wanted.category = ''">
            <el-option v-for="item in shared.categories" :key="item.name" :label="item.name || '未分类'" :value="item.name"><span>{{ item.name || '未分类' }}</span><span class="option-count num">{{ item.count }}</span></el-option></el-select>
          <el-select v-model="wanted.tag" placeholder="全部标签" clearable filterable allow-create default-first-option size="small" aria-label="标签" @clear="wanted.tag = ''"><el-option v-for="tag in shared.tags" :key="tag" :label="tag" :value="tag" /></el-select>
          <el-select v-model="wanted.state" size="small" aria-label="状态"><el-option v-for="[value, name] in filters" :key="value" :label="name" :value="value" /></el-select>
          <el-select v-model="wanted.sort" size="small" aria-label="排序"><el-option v-for="[value, name] in sorts" :key="value" :label="name" :value="value" /></el-select>
        </div>
        <ul ref="rows" class="rows" :aria-busy="list.busy">
          <li v-for="item in list.items" :key="item.id">
            <a class="row" :class="{ on: item.id === openId }" :href="'#/entries/' + encodeURIComponent(item.id)" :aria-current="item.id === openId ? 'true' : null" @click.exact.prevent="go('entries', item.id)">
              <span class="row-question">{{ item.question }}</span>
              <span class="row-meta"><span class="tag" :class="stateTag(item.state)">{{ stateName(item.state) }}</span><span v-if="item.live && ['draft', 'in_review'].includes(item.state)" class="tag" title="客户现在看到的是上一次发布的内容">线上为旧版</span><span v-if="item.state === 'retired' && item.live" class="tag tag-warn">发布后下线</span><span v-if="!item.enabled" class="tag tag-bad">已停用</span><span v-if="effectName(item.effect)" class="tag tag-warn">{{ effectName(item.effect) }}</span>
                <span class="row-category">{{ item.category || '未分类' }}</span><span class="row-forms num">{{ item.forms }} 种问法</span></span>
              <span v-if="usageOf(item).length" class="row-usage num"><i :style="{ '--share': item.usage.asked ? item.usage.answered / item.usage.asked : 0 }" title="被问时直接答了的比例"></i><span v-for="part in usageOf(item)" :key="part.text" :class="{ 'usage-bad': part.bad }">{{ part.text }}</span></span>
            </a>
          </li>
          <li v-if="list.loaded && !list.items.length" class="empty">
            <template v-if="filtered">没有符合条件的词条。<br><button type="button" class="link" @click="clear">清除条件</button></template>
            <template v-else>知识库还是空的。<br><button type="button" class="link" @click="go('entries', 'new')">写第一条</button>，或到「导入导出」导入文件。</template>
          </li>
          <li v-if="list.trouble && !list.items.length" class="empty" role="alert">{{ list.trouble }}<br><button type="button" class="link" @click="load">重试</button></li>
        </ul>
        <footer class="list-foot"><span class="muted num" role="status">{{ list.loaded ? '共 ' + list.total + ' 条' : '正在读取…' }}</span>
          <el-pagination v-if="list.total > page" v-model:current-page="wanted.page" size="small" layout="prev, pager, next" :pager-count="5" :page-size="page" :total="list.total" /></footer>
      </aside>
      <section class="entry-pane">
        <editor v-if="openId" ref="editor" :id="openId" @changed="load" />
        <overview v-else @filter="wanted.state = $event" />
      </section>
    </div>`,
};
