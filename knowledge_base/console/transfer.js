// Import (drop a file, see what would happen, then apply) and export.

import { complain } from "../common/page.js";
import { base } from "./base.js";
import { refresh } from "./shared.js";
import { count } from "./words.js";

const { computed, reactive, ref } = Vue;
const FORMATS = [["xlsx", "Excel 表格", "给人看、给人改"], ["csv", "CSV 表格", "带 BOM，Excel 直接打开不乱码"], ["jsonl", "JSON Lines", "每行一条，给程序用"], ["yaml", "YAML", "放进版本库"]];
const PHASES = { reading: "正在读文件", checking: "正在逐行检查", saving: "正在保存草稿", encoding: "正在编码问法，发布时就不用等" };
const MAX_BYTES = 20 * 1024 * 1024;
const COLUMNS = ["编号", "分类", "标准问题", "相似问题", "答案", "反例", "标签", "富文本答案", "后续按钮", "生效日期", "失效日期", "启用"];

const sizeOf = (bytes) => (bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`);

export const Transfer = {
  setup() {
    const view = reactive({ file: null, over: false, step: "pick", busy: false, job: null, report: null, trouble: "", exporting: "" });
    const picker = ref(null);
    const steps = ["选文件", "检查", "导入"];
    const at = computed(() => ({ pick: 0, checked: 1, done: 2 })[view.step]);
    const good = computed(() => (view.report ? view.report.created + view.report.updated : 0));

    function start() {
      Object.assign(view, { file: null, step: "pick", report: null, trouble: "" });
      if (picker.value) picker.value.value = "";
    }
    async function run(dryRun) {
      Object.assign(view, { busy: true, trouble: "", job: null });
      try {
        view.report = await base.importFile(view.file, dryRun, (job) => (view.job = job));
        view.step = dryRun ? "checked" : "done";
        if (!dryRun) refresh();
      } catch (error) {
        view.trouble = error.message;
        if (dryRun) view.step = "pick";
      } finally {
        view.busy = false;
      }
    }
    function take(file) {
      view.over = false;
      if (!file || view.busy) return;
      Object.assign(view, { file, report: null, trouble: "", step: "pick" });
      if (file.size > MAX_BYTES) view.trouble = `文件有 ${sizeOf(file.size)}，一次最多 20 MB，请拆成几个文件。`;
      else run(true);
    }
    // A dry run keeps no file; the failed rows exist once the import has run.
    async function failed(format) {
      await base.failedRows(view.report.failed_file, format).catch(complain);
    }
    async function exportAll(format) {
      view.exporting = format;
      await base.exportAll(format).catch(complain);
      view.exporting = "";
    }
    const phase = computed(() => (view.job ? PHASES[view.job.phase] : "正在上传"));
    const share = computed(() => (view.job?.total ? Math.round((view.job.done / view.job.total) * 100) : 0));
    return { view, picker, steps, at, good, phase, share, start, run, take, failed, exportAll, formats: FORMATS, columns: COLUMNS, count, sizeOf };
  },
  template: `
    <div class="page transfer">
      <section class="card">
        <header class="page-head"><h2>导入</h2><ol class="steps"><li v-for="(name, i) in steps" :key="name" :class="{ on: i === at, past: i < at }" :aria-current="i === at ? 'step' : null"><i>{{ i + 1 }}</i>{{ name }}</li></ol></header>
        <div v-if="view.step === 'pick'" class="drop" :class="{ over: view.over }" @dragover.prevent="view.over = true" @dragleave="view.over = false" @drop.prevent="take($event.dataTransfer.files[0])">
          <template v-if="view.busy"><p>「{{ view.file.name }}」{{ phase }}…<template v-if="view.job && view.job.total"> {{ count(view.job.done) }} / {{ count(view.job.total) }}</template></p><el-progress :percentage="share" :indeterminate="!share" :show-text="false" :duration="1.5" /></template>
          <template v-else><p class="drop-lead">把文件拖到这里，或 <button type="button" class="link" @click="picker.click()">选择文件</button></p><p class="muted">xlsx、csv、jsonl、yaml，最多 20 MB、一万行上下。先检查，不会直接写入。</p></template>
          <input ref="picker" type="file" class="visually-hidden" tabindex="-1" aria-label="选择要导入的文件" accept=".xlsx,.csv,.jsonl,.json,.yaml,.yml" @change="take($event.target.files[0])">
        </div>
        <p v-if="view.trouble" class="hint hint-bad" role="alert"><b v-if="view.file">{{ view.file.name }}：</b>{{ view.trouble }}</p>
        <details v-if="view.step === 'pick'" class="columns"><summary>表格要有哪些列？</summary><p>第一行是列名，中文英文都认；只有「标准问题」和「答案」必填，相似问题等列表每行写一个。最省事的办法是先导出一份 Excel，照着改。</p><p><span v-for="name in columns" :key="name" class="tag">{{ name }}</span></p></details>
        <div v-if="view.report && view.step !== 'pick'" class="report" aria-live="polite">
          <p class="report-file"><b>{{ view.file.name }}</b> <span class="muted">{{ sizeOf(view.file.size) }} · {{ count(view.report.total) }} 行</span></p>
          <div class="tiles"><div class="tile"><b class="num">{{ count(view.report.created) }}</b><span>{{ view.step === 'done' ? '已新增' : '将新增' }}</span></div><div class="tile"><b class="num">{{ count(view.report.updated) }}</b><span>{{ view.step === 'done' ? '已更新' : '将更新' }}</span></div><div class="tile"><b class="num">{{ count(view.report.unchanged) }}</b><span>没有变化</span></div><div class="tile" :class="{ 'tile-bad': view.report.failed }"><b class="num">{{ count(view.report.failed) }}</b><span>有错，不导入</span></div></div>
          <p v-if="view.step === 'done' && good" class="hint hint-good" role="status">已写成草稿，还没有给客户看；检查后点右上角「发布」，按提示送审。</p>
          <p v-if="view.report.nothing" class="hint hint-bad" role="alert">{{ view.report.detail }}</p>
          <div v-if="view.report.errors.length" class="table-box"><table class="table"><caption>有错的行</caption><thead><tr><th>行</th><th>编号</th><th>问题</th></tr></thead><tbody><tr v-for="(item, i) in view.report.errors" :key="i"><td class="num">{{ item.row }}</td><td>{{ item.id || '—' }}</td><td>{{ item.message.replace(/^第\\d+行：/, '') }}</td></tr></tbody></table><p v-if="view.report.failed > view.report.errors.length" class="muted">只列出前 {{ view.report.errors.length }} 行。</p></div>
          <details v-if="view.report.warnings.length" class="warnings"><summary>{{ view.report.warnings.length }} 处提醒（不影响导入）</summary><ul><li v-for="(item, i) in view.report.warnings" :key="i">{{ item.message }}</li></ul></details>
          <p v-if="view.report.failed_file" class="report-failed">把有错的行下载下来，改好再导入：<el-button v-for="[format] in formats" :key="format" size="small" @click="failed(format)">{{ format }}</el-button></p>
          <div v-if="view.busy" class="publishing" role="status"><p>{{ phase }}…<template v-if="view.job && view.job.total"> {{ count(view.job.done) }} / {{ count(view.job.total) }}</template></p><el-progress :percentage="share" :indeterminate="!share" :show-text="Boolean(share)" :duration="1.5" /><p class="muted">可以离开这个页面，导入会在后台继续。</p></div>
          <div v-else class="report-do"><el-button @click="start">{{ view.step === 'done' ? '再导入一个' : '换一个文件' }}</el-button>
            <el-button v-if="view.step === 'checked'" type="primary" :loading="view.busy" :disabled="!good && !view.report.failed" @click="run(false)">{{ good ? '导入这 ' + good + ' 条' : view.report.failed ? '取得失败行文件' : '没有可导入的改动' }}</el-button></div>
        </div>
      </section>
      <section class="card"><header class="page-head"><h2>导出</h2><p class="muted">全部词条，含草稿；原样再导入，什么都不会变。</p></header>
        <div class="formats"><button v-for="[format, name, note] in formats" :key="format" type="button" :disabled="Boolean(view.exporting)" @click="exportAll(format)"><b>{{ name }}</b><span class="muted">{{ view.exporting === format ? '正在生成…' : note }}</span><code>.{{ format }}</code></button></div></section>
    </div>`,
};
