// Publishing: what will change, the publish itself with its progress, and the snapshots one can go back to.

import { moment } from "../common/format.js";
import { complain, tell } from "../common/page.js";
import { base } from "./base.js";
import { refresh, shared } from "./shared.js";
import { count } from "./words.js";

const { computed, onBeforeUnmount, onMounted, reactive } = Vue;
const POLL_MS = 250;
const LIVE_WITHIN_MS = 15000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Seconds from `began` until the searcher answers from `version`; null when it does not in time. */
async function timeUntilLive(version, began) {
  while (performance.now() - began < LIVE_WITHIN_MS) {
    const status = await base.publishing();
    if (status.version === version) return (performance.now() - began) / 1000;
    await pause(POLL_MS);
  }
  return null;
}

const ChangeGroup = {
  props: { title: String, items: Array, total: Number, kind: String },
  template: `
    <section v-if="total" class="plan-group"><h4><span class="tag" :class="kind">{{ title }}</span> {{ total }} 条</h4>
      <ul><li v-for="item in items.slice(0, 50)" :key="item.id"><a :href="'#/entries/' + encodeURIComponent(item.id)" target="_blank" rel="noopener">{{ item.question }}</a><span class="muted">{{ item.updated_by_name }}</span></li><li v-if="total > 50" class="muted">…… 还有 {{ total - 50 }} 条</li></ul></section>`,
};

const FailureList = {
  props: { items: Array },
  template: `<ul class="failures"><li v-for="item in items" :key="item.query"><b>{{ item.query }}</b><span>{{ item.message }}</span></li></ul>`,
};

export const PublishDialog = {
  components: { ChangeGroup, FailureList },
  emits: ["close", "done"],
  setup(_, { emit }) {
    const view = reactive({ step: "loading", plan: null, golden: null, trouble: "", failures: [], report: null, seconds: null, done: 0, total: 0, how: {} });
    let timer = 0;
    let closed = false;
    const size = computed(() => (view.plan ? view.plan.totals.added + view.plan.totals.changed + view.plan.totals.removed : 0));
    const waiting = computed(() => view.plan?.totals.waiting || 0);
    const drafts = computed(() => (view.plan?.waiting || []).filter((item) => item.state === "draft"));

    async function load() {
      try {
        view.plan = await base.plan(false);
        view.step = "plan";
        if (size.value && view.plan.golden_asked) checkGolden();
      } catch (error) {
        Object.assign(view, { trouble: error.message, step: "failed" });
      }
    }
    /** Asks the golden questions of what would be published; the publish itself asks them again. */
    async function checkGolden() {
      try {
        const plan = await base.plan(true);
        if (!closed) view.golden = plan;
      } catch {
        // Without the forecast the publish still refuses what must not go live.
      }
    }
    async function watchProgress() {
      try {
        const { done, total } = await base.publishing();
        Object.assign(view, { done, total });
      } catch {
        // Only the bar depends on it.
      }
      if (view.step === "busy") timer = setTimeout(watchProgress, POLL_MS * 2);
    }
    async function publish(how = {}) {
      if (view.step === "busy" || !(size.value || how.unreviewed)) return;
      Object.assign(view, { step: "busy", trouble: "", failures: [], done: 0, total: 0, how });
      const began = performance.now();
      timer = setTimeout(watchProgress, POLL_MS);
      try {
        view.report = await base.publish(how);
        view.seconds = await timeUntilLive(view.report.version, began);
        view.step = "done";
        emit("done");
      } catch (error) {
        view.failures = error.data?.failures || [];
        Object.assign(view, { trouble: error.message, step: "failed" });
      } finally {
        clearTimeout(timer);
      }
    }
    /** Hands in every draft of the plan; those that changed meanwhile stay drafts. */
    async function submitAll() {
      view.step = "loading";
      let sent = 0;
      for (const item of drafts.value) {
        try {
          await base.review(item.id, "submit");
          sent += 1;
        } catch (error) {
          complain(error);
        }
      }
      tell(`已送审 ${sent} 条，等另一位编辑通过。`);
      emit("done");
      await load();
    }
    function onKey(event) {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        event.stopPropagation();
        if (view.step === "plan") publish();
      }
    }
    onMounted(() => {
      load();
      addEventListener("keydown", onKey, true);
    });
    onBeforeUnmount(() => {
      closed = true;
      clearTimeout(timer);
      removeEventListener("keydown", onKey, true);
    });
    return { view, size, waiting, drafts, publish, submitAll, count, share: computed(() => (view.total ? Math.round((view.done / view.total) * 100) : 0)) };
  },
  template: `
    <el-dialog :model-value="true" title="发布到线上" width="560px" class="publish-dialog" :close-on-click-modal="false" :close-on-press-escape="view.step !== 'busy'" :show-close="view.step !== 'busy'" @close="$emit('close')">
      <p v-if="view.step === 'loading'" class="muted">正在看有哪些改动…</p>
      <template v-if="view.step === 'plan'">
        <p v-if="!size && !waiting" class="empty">没有需要发布的改动，客户看到的就是最新内容。</p>
        <template v-else><p v-if="size">发布后客户马上会看到这些变化：</p>
          <div class="plan"><change-group title="新增" kind="tag-good" :items="view.plan.added" :total="view.plan.totals.added" /><change-group title="修改" kind="tag-info" :items="view.plan.changed" :total="view.plan.totals.changed" /><change-group title="下线" kind="tag-bad" :items="view.plan.removed" :total="view.plan.totals.removed" />
            <change-group title="还没审核，这次不发布" kind="tag-warn" :items="view.plan.waiting" :total="waiting" /></div>
          <p v-if="waiting" class="hint hint-warn plan-note">按规定，写的人和审的人不是同一位。先送审，另一位编辑在「审核」里通过后就能发布。</p>
          <template v-if="size && view.plan.golden_asked"><p v-if="!view.golden" class="muted plan-note" role="status">正在用改动后的内容试问 {{ view.plan.golden_asked }} 个必过问题…</p>
            <p v-else-if="!view.golden.golden_failures.length" class="hint hint-good plan-note" role="status">{{ view.golden.golden_asked }} 个必过问题全部通过。</p>
            <template v-else><p class="hint hint-bad plan-note" role="alert">有 {{ view.golden.golden_failures.length }} 个必过问题会答错，发布会被拦下：</p><failure-list :items="view.golden.golden_failures" /></template></template></template>
      </template>
      <div v-if="view.step === 'busy'" class="publishing" aria-live="polite"><p>正在发布，请稍候…<template v-if="view.total"> 编码问法 {{ count(view.done) }} / {{ count(view.total) }}</template></p><el-progress :percentage="share" :indeterminate="!view.total" :show-text="Boolean(view.total)" :duration="1.5" /></div>
      <div v-if="view.step === 'failed'" role="alert"><p class="hint hint-bad">{{ view.trouble }}</p><failure-list v-if="view.failures.length" :items="view.failures" /></div>
      <div v-if="view.step === 'done'" class="published" role="status"><p class="published-mark">✓ 已发布</p>
        <dl><dt>版本</dt><dd><code>{{ view.report.version }}</code></dd><dt>变化</dt><dd>更新 {{ view.report.published }} 条，下线 {{ view.report.removed }} 条</dd><dt>线上共有</dt><dd>{{ count(view.report.entries) }} 条知识，{{ count(view.report.forms) }} 种问法</dd><dt>生效</dt><dd>{{ view.seconds === null ? '已提交，服务进程稍后换上' : '点下发布 ' + view.seconds.toFixed(1) + ' 秒后，客户已能得到新答案' }}</dd></dl>
        <p v-if="view.report.waiting" class="hint">还有 {{ view.report.waiting }} 条没有审核，没有发布。</p>
        <p v-if="view.report.golden_failures.length" class="hint hint-warn">有 {{ view.report.golden_failures.length }} 个必过问题没有通过，已按您的选择仍然发布。</p></div>
      <template #footer><div class="dialog-buttons">
        <el-button v-if="view.step !== 'busy'" @click="$emit('close')">{{ view.step === 'done' ? '完成' : size || waiting ? '取消' : '关闭' }}</el-button>
        <el-button v-if="view.step === 'failed' && view.failures.length" type="danger" plain @click="publish({ ...view.how, ignore_golden: true })">仍然发布</el-button>
        <el-button v-if="view.step === 'plan' && waiting && view.plan.four_eyes === 'on'" type="danger" plain @click="publish({ unreviewed: true })">不等审核，直接发布 {{ size + waiting }} 处</el-button>
        <el-button v-if="view.step === 'plan' && drafts.length" :type="size ? '' : 'primary'" @click="submitAll">送审 {{ drafts.length }} 条</el-button>
        <el-button v-if="view.step === 'plan' && size" type="primary" @click="publish()">发布 {{ size }} 处改动</el-button></div></template>
    </el-dialog>`,
};

export const PublishRoom = {
  emits: ["publish"],
  setup() {
    const view = reactive({ rows: [], loaded: false, trouble: "", busy: "" });
    async function load() {
      view.trouble = "";
      try {
        view.rows = await base.snapshots();
      } catch (error) {
        view.trouble = error.message;
      } finally {
        view.loaded = true;
      }
    }
    async function restore(row) {
      try {
        await ElementPlus.ElMessageBox.confirm(`客户马上会改用 ${moment(row.created_at)} 发布的 ${row.entries} 条知识。还没发布的草稿不受影响。`, "退回这个版本？", { confirmButtonText: "退回", cancelButtonText: "取消", type: "warning" });
      } catch {
        return;
      }
      view.busy = row.version;
      try {
        await base.restore(row.version);
        tell("已退回，客户现在用的是这个版本。");
        await Promise.all([load(), refresh()]);
      } catch (error) {
        complain(error);
      } finally {
        view.busy = "";
      }
    }
    onMounted(load);
    return { view, shared, load, restore, moment, count };
  },
  template: `
    <div class="page">
      <header class="page-head"><h2>发布记录</h2><p class="muted">每次发布都留一份完整快照，出了问题可以一键退回。</p><el-button type="primary" :plain="!shared.pending" @click="$emit('publish')">{{ shared.pending ? '发布 ' + shared.pending + ' 处改动' : '没有待发布的改动' }}</el-button></header>
      <p v-if="shared.problem" class="hint hint-bad" role="alert">{{ shared.problem }}</p>
      <p v-if="view.trouble" class="empty" role="alert">{{ view.trouble }} <button type="button" class="link" @click="load">重试</button></p>
      <p v-else-if="view.loaded && !view.rows.length" class="empty">还没有发布过。</p>
      <ol class="snapshots"><li v-for="row in view.rows" :key="row.version" class="card snapshot" :class="{ on: row.active }">
        <div><b>{{ moment(row.created_at) }}</b> <span v-if="row.active" class="tag tag-good">线上正在用</span><p class="muted">{{ row.created_by === 'seed' ? '系统初始化' : row.created_by }} 发布 · {{ count(row.entries) }} 条知识 · {{ count(row.forms) }} 种问法</p><code>{{ row.version }}</code></div>
        <el-button v-if="!row.active" size="small" :loading="view.busy === row.version" :disabled="Boolean(view.busy)" @click="restore(row)">退回这个版本</el-button></li></ol>
    </div>`,
};
