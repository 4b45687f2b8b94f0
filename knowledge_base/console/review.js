// 审核: what colleagues handed in, with what it changes for customers. One approves, or sends back with a comment.

import { moment } from "../common/format.js";
import { session } from "../common/login.js";
import { complain, tell } from "../common/page.js";
import { base, contentOf } from "./base.js";
import { ChangeList } from "./changes.js";
import { go } from "./route.js";
import { refresh, shared } from "./shared.js";
import { STATES, STATE_TAGS, word } from "./words.js";

const { computed, onMounted, reactive } = Vue;
const MOST = 100;

/** Asks why it goes back; resolves to the words, or null. */
export async function askComment() {
  try {
    const { value } = await ElementPlus.ElMessageBox.prompt("写给作者，说明要改什么。", "退回修改", {
      confirmButtonText: "退回", cancelButtonText: "取消", inputType: "textarea", inputPlaceholder: "例如：第二句没说清楚什么时候生效",
      inputValidator: (text) => (Boolean(text?.trim()) && text.length <= 500) || "请写明原因，500 字以内。",
    });
    return value.trim();
  } catch {
    return null;
  }
}

/** What customers get today, beside what would replace it. */
const Proposal = {
  components: { ChangeList },
  props: { entry: Object },
  setup(props) {
    const view = reactive({ live: null, trouble: "", loaded: false, comment: "" });
    onMounted(async () => {
      try {
        const { revisions, acts } = await base.history(props.entry.id);
        view.live = revisions.find((row) => row.number === props.entry.published_revision)?.content || null;
        view.comment = acts.find((act) => act.act === "return")?.comment || "";
        view.loaded = true;
      } catch (error) {
        view.trouble = error.message;
      }
    });
    return { view, mine: computed(() => contentOf(props.entry)) };
  },
  template: `
    <p v-if="view.trouble" class="hint hint-bad">{{ view.trouble }}</p>
    <template v-else-if="view.loaded"><p v-if="view.comment" class="hint hint-warn">上次退回的意见：{{ view.comment }}</p>
      <p class="muted">{{ view.live ? '与客户现在看到的相比：' : '新词条，客户还没有这个答案：' }}</p><change-list :before="view.live" :after="mine" /></template>`,
};

export const ReviewRoom = {
  components: { Proposal },
  setup() {
    const view = reactive({ rows: [], approved: 0, loaded: false, trouble: "", busy: "" });
    const me = computed(() => session.staff.id);
    const mine = (row) => shared.fourEyes !== "off" && row.author === me.value;

    async function load() {
      view.trouble = "";
      try {
        const [waiting, approved] = await Promise.all([base.list({ state: "in_review", size: MOST }), base.list({ state: "approved", size: MOST })]);
        // What one may decide comes before what one must wait for.
        const order = (row) => (row.state === "approved" ? 2 : mine(row) ? 1 : 0);
        view.rows = [...waiting.items, ...approved.items].sort((a, b) => order(a) - order(b));
      } catch (error) {
        view.trouble = error.message;
      } finally {
        view.loaded = true;
      }
    }
    async function decide(row, act, said) {
      view.busy = row.id;
      try {
        await act();
        tell(said);
        await Promise.all([load(), refresh()]);
      } catch (error) {
        complain(error);
        load();
      } finally {
        view.busy = "";
      }
    }
    const approve = (row) => decide(row, () => base.review(row.id, "approve", row.version), "已通过，随下次发布上线。");
    const approveAndPublish = (row) => decide(row, async () => {
      await base.review(row.id, "approve", row.version);
      await base.publish({ ids: [row.id] });
    }, "已通过并发布，客户现在就能得到。");
    const publish = (row) => decide(row, () => base.publish({ ids: [row.id] }), "已发布，客户现在就能得到。");
    async function sendBack(row) {
      const comment = await askComment();
      if (comment) await decide(row, () => base.review(row.id, "return", row.version, comment), "已退回给作者。");
    }
    const withdraw = (row) => decide(row, () => base.review(row.id, "return", row.version), "已撤回，成为草稿。");
    onMounted(load);
    return { view, shared, mine, load, approve, approveAndPublish, publish, sendBack, withdraw, go, moment, stateName: (s) => word(STATES, s), stateTag: (s) => STATE_TAGS[s] };
  },
  template: `
    <div class="page review">
      <header class="page-head"><h2>审核</h2><p class="muted">{{ shared.fourEyes === 'off' ? '现在不要求另一位编辑审核。' : '写的人和审的人不能是同一位；通过以后才发布给客户。' }}</p></header>
      <p v-if="view.trouble" class="empty" role="alert">{{ view.trouble }} <button type="button" class="link" @click="load">重试</button></p>
      <p v-else-if="view.loaded && !view.rows.length" class="empty">没有等待审核的内容。写好的草稿在词条页点「送审」。</p>
      <ul class="clusters"><li v-for="row in view.rows" :key="row.id + row.version" class="card cluster">
        <header><div><h3><a :href="'#/entries/' + encodeURIComponent(row.id)" @click.exact.prevent="go('entries', row.id)">{{ row.question }}</a></h3><p class="muted"><span class="tag" :class="stateTag(row.state)">{{ stateName(row.state) }}</span> {{ row.updated_by_name }} · {{ moment(row.updated_at) }} · {{ row.category || '未分类' }}</p></div></header>
        <proposal :entry="row" />
        <div class="review-do">
          <template v-if="row.state === 'approved'"><el-button type="primary" size="small" :loading="view.busy === row.id" @click="publish(row)">发布这一条</el-button></template>
          <template v-else-if="mine(row)"><span class="muted">这是您写的，要由另一位编辑审核。</span><el-button size="small" :disabled="Boolean(view.busy)" @click="withdraw(row)">撤回</el-button></template>
          <template v-else><el-button type="primary" size="small" :loading="view.busy === row.id" @click="approveAndPublish(row)">通过并发布</el-button><el-button size="small" :disabled="Boolean(view.busy)" @click="approve(row)">通过</el-button></template>
          <el-button v-if="row.state === 'approved' || !mine(row)" size="small" :disabled="Boolean(view.busy)" @click="sendBack(row)">退回…</el-button>
        </div></li></ul>
    </div>`,
};
