// The knowledge console: one bar of rooms, the room itself, and the keys that work everywhere.

import { session } from "../common/login.js";
import { mountPage } from "../common/page.js";
import { Bench } from "./bench.js";
import { Entries } from "./entries.js";
import { Golden } from "./golden.js";
import { Inbox } from "./inbox.js";
import { PublishDialog, PublishRoom } from "./publish.js";
import { ReviewRoom } from "./review.js";
import { addressOf, go, route } from "./route.js";
import { refresh, shared } from "./shared.js";
import { Transfer } from "./transfer.js";

const { computed, onBeforeUnmount, onMounted, ref, watch } = Vue;

const ROOMS = [
  ["entries", "词条", "Document"], ["inbox", "收件箱", "MessageBox"], ["review", "审核", "Stamp"], ["bench", "测试台", "ChatLineSquare"],
  ["golden", "必过问题", "CircleCheck"], ["transfer", "导入导出", "Upload"], ["publish", "发布记录", "Promotion"],
];
const KEYS = [
  ["/", "搜索词条"], ["n", "新建词条"], ["j / k", "下一条 / 上一条"], ["t", "打开测试台"], ["i", "打开收件箱"], ["r", "打开审核"], ["Ctrl + S", "保存"],
  ["Ctrl + Enter", "发布"], ["Esc", "回到列表、关闭窗口"], ["?", "显示这张表"],
];
const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], .el-select, .el-overlay");

const Console = {
  components: { Bench, Entries, Golden, Inbox, PublishDialog, PublishRoom, ReviewRoom, Transfer },
  setup() {
    const publishing = ref(false);
    const help = ref(false);
    const entries = ref(null);
    const rooms = computed(() => ROOMS.map(([view, name, icon]) => ({
      view, name, icon: ElementPlusIconsVue[icon], address: addressOf(view),
      badge: { inbox: Object.values(shared.work).reduce((sum, number) => sum + number, 0), review: shared.inReview }[view] || 0,
    })));

    async function search() {
      if (await go("entries", route.view === "entries" ? route.id : "")) entries.value?.focusSearch();
    }
    async function publish() {
      if (document.querySelector(".publish-dialog")) return;
      if (!entries.value || (await entries.value.settle())) publishing.value = true;
    }
    const bare = { "/": search, n: () => go("entries", "new"), t: () => go("bench"), i: () => go("inbox"), r: () => go("review"), "?": () => (help.value = true) };
    function onKey(event) {
      if (session.expired || event.isComposing) return;
      const command = event.ctrlKey || event.metaKey;
      if (command && event.key === "Enter" && !typing(event.target)?.closest(".el-overlay, .bench")) {
        event.preventDefault();
        publish();
      } else if (!command && !event.altKey && bare[event.key] && !typing(event.target)) {
        event.preventDefault();
        bare[event.key]();
      }
    }
    function published() {
      refresh();
      entries.value?.reload();
    }
    watch(() => route.view, (view) => {
      document.title = `${ROOMS.find(([name]) => name === view)[1]} · 知识库 · 畅答`;
    }, { immediate: true });
    onMounted(() => {
      refresh();
      addEventListener("keydown", onKey);
    });
    onBeforeUnmount(() => removeEventListener("keydown", onKey));
    return { route, shared, rooms, go, publishing, publish, published, help, keys: KEYS, entries };
  },
  template: `
    <div class="console">
      <header class="topbar">
        <span class="brand-mark" aria-hidden="true">畅</span><span class="topbar-title">知识库</span>
        <nav class="rooms" aria-label="功能">
          <a v-for="room in rooms" :key="room.view" :href="room.address" :class="{ on: route.view === room.view }" :aria-current="route.view === room.view ? 'page' : null" @click.exact.prevent="go(room.view)">
            <el-icon><component :is="room.icon" /></el-icon><span>{{ room.name }}</span><i v-if="room.badge" class="badge">{{ room.badge > 99 ? '99+' : room.badge }}</i></a>
        </nav>
        <span class="spacer"></span>
        <button type="button" class="icon-button keys-button" aria-label="快捷键" title="快捷键（?）" @click="help = true"><kbd>?</kbd></button>
        <el-button type="primary" class="publish-button" :plain="!shared.pending" title="Ctrl + Enter" @click="publish">{{ shared.pending ? '发布 ' + shared.pending + ' 处' : '发布' }}</el-button>
        <staff-menu />
      </header>
      <main class="room">
        <keep-alive><entries v-if="route.view === 'entries'" ref="entries" /></keep-alive>
        <bench v-if="route.view === 'bench'" />
        <inbox v-if="route.view === 'inbox'" />
        <review-room v-if="route.view === 'review'" />
        <golden v-if="route.view === 'golden'" />
        <transfer v-if="route.view === 'transfer'" />
        <publish-room v-if="route.view === 'publish'" @publish="publish" />
      </main>
      <publish-dialog v-if="publishing" @close="publishing = false" @done="published" />
      <el-dialog v-model="help" title="快捷键" width="380px">
        <dl class="keys"><template v-for="[key, what] in keys" :key="key"><dt><kbd>{{ key }}</kbd></dt><dd>{{ what }}</dd></template></dl>
      </el-dialog>
    </div>`,
};

mountPage({
  components: { Console },
  template: `<staff-gate title="知识库" :roles="['editor']"><console /></staff-gate>`,
});
