// One entry: its form, the bubbles it makes, warnings while typing, its history, and safe leaving.

import { moment } from "../common/format.js";
import { session } from "../common/login.js";
import { complain, tell } from "../common/page.js";
import { base } from "./base.js";
import { BubblePreview } from "./bubbles.js";
import { ConflictDialog } from "./conflict.js";
import { tidy, useDraft } from "./draft.js";
import { ChipList, LineList } from "./fields.js";
import { History } from "./history.js";
import { useNeighbours } from "./neighbours.js";
import { usePreview } from "./preview.js";
import { go, guardLeaving, replace, route } from "./route.js";
import { refresh, shared, takeSeed } from "./shared.js";
import { EDITOR_TEMPLATE } from "./editor_template.js";
import { askComment } from "./review.js";
import { UsageStrip } from "./usage.js";
import { EFFECTS, LIMITS, percent, STATES, STATE_TAGS, word } from "./words.js";

const { computed, nextTick, onActivated, onBeforeUnmount, onMounted, reactive, ref, watch } = Vue;
const { ElMessageBox } = ElementPlus;

/** 保存 → "save", 不保存 → "drop", closed → "stay". */
async function askUnsaved() {
  try {
    await ElMessageBox.confirm("这条知识有还没保存的改动。", "先保存吗？", {
      confirmButtonText: "保存", cancelButtonText: "不保存", distinguishCancelAndClose: true, type: "warning",
      // The browser's back button changes the address first; that must not answer the question.
      closeOnHashChange: false,
    });
    return "save";
  } catch (action) {
    return action === "cancel" ? "drop" : "stay";
  }
}

export const Editor = {
  components: { BubblePreview, ChipList, ConflictDialog, History, LineList, UsageStrip },
  props: { id: String },
  emits: ["changed"],
  setup(props, { emit, expose }) {
    const { draft, dirty, show, begin, check, save: store } = useDraft();
    const view = reactive({ tab: "edit", busy: false, loading: false, trouble: "", conflict: null, warnings: [] });
    const form = computed(() => draft.form);
    const entry = computed(() => draft.entry);
    const box = ref(null);
    const richBox = ref(null);
    let seed = null;
    const near = useNeighbours(() => ({
      id: draft.entry?.id || "", question: draft.form.question, similar: draft.form.similar, known: draft.read.similar,
      answer: draft.form.answer.trim(),
    }));
    const mine = computed(() => shared.fourEyes !== "off" && entry.value?.author === session.staff.id);
    const filled = usePreview(() => ({ answer: draft.form.answer, rich: draft.form.rich }));

    async function load() {
      Object.assign(view, { trouble: "", tab: "edit", conflict: null, warnings: [] });
      if (props.id === "new") {
        seed = takeSeed("new");
        begin(seed ? { question: seed.question.slice(0, LIMITS.question), similar: seed.similar.map((text) => text.slice(0, LIMITS.question)) } : {});
        return nextTick(() => box.value?.querySelector("textarea")?.focus());
      }
      view.loading = true;
      try {
        const found = await base.get(props.id);
        if (found.id === props.id) {
          show(found);
          takeOver();
        }
      } catch (error) {
        view.trouble = error.message;
      } finally {
        view.loading = false;
      }
    }
    /** What the inbox wants mended in the entry that is open. */
    function takeOver() {
      const left = takeSeed(props.id);
      if (!left) return;
      seed = left;
      if (left.answer) draft.form.answer = left.answer.slice(0, LIMITS.answer);
      nextTick(() => box.value?.querySelector("textarea.answer")?.focus());
    }
    watch(() => props.id, (id) => id && id !== draft.entry?.id && load(), { immediate: true });

    async function afterSave(saved) {
      view.conflict = null;
      view.warnings = saved.warnings || [];
      if (props.id !== saved.id) replace("entries", saved.id);
      await finishWork(saved.id);
      tell(shared.fourEyes === "off" ? "已保存为草稿，发布后客户就能看到。" : "已保存为草稿，送审通过并发布后客户就能看到。");
      emit("changed");
      refresh();
    }
    /** The work this entry was written or mended for leaves the inbox once it is saved. */
    async function finishWork(entryId) {
      const ids = seed?.findings || [];
      seed = null;
      if (ids.length) await base.resolve(ids, entryId).catch(complain);
    }
    async function save(version) {
      if (view.busy) return false;
      if (!check()) {
        view.tab = "edit";
        nextTick(() => box.value?.querySelector("[aria-invalid='true']")?.focus());
        return false;
      }
      if (draft.entry && !dirty.value && version === undefined) return true;
      view.busy = true;
      try {
        await afterSave(await store(version));
        return true;
      } catch (error) {
        if (error.status === 409 && draft.entry) await openConflict(error);
        else if (error.status === 409) draft.problems = { id: error.message };
        else complain(error);
        return false;
      } finally {
        view.busy = false;
      }
    }
    async function openConflict(error) {
      try {
        const theirs = await base.get(draft.entry.id);
        view.conflict = { theirs, mine: tidy(draft.form), origin: draft.read };
      } catch {
        complain(error);
      }
    }
    const keepMine = () => save(view.conflict.theirs.version);
    function merge(content) {
      Object.assign(draft.form, content, { rich: content.rich || "" });
      save(view.conflict.theirs.version);
    }
    function takeTheirs() {
      show(view.conflict.theirs);
      view.conflict = null;
      emit("changed");
    }

    /** Resolves to whether nothing unsaved stands in the way any more. */
    async function settle() {
      if (!dirty.value) return true;
      const choice = await askUnsaved();
      if (choice === "save") return save();
      if (choice === "stay") return false;
      if (draft.entry) show(await base.get(draft.entry.id).catch(() => draft.entry));
      else begin();
      seed = null;
      return true;
    }
    async function move(action, said) {
      const comment = action === "return" && !mine.value ? await askComment() : "";
      if (comment === null) return;
      try {
        show(await base.review(draft.entry.id, action, draft.entry.version, comment));
        if (said) tell(said);
        emit("changed");
        refresh();
      } catch (error) {
        complain(error);
      }
    }
    async function retire() {
      const live = draft.entry.published_revision !== null;
      const text = live ? "下次发布后，客户就得不到这个答案了。历史版本会保留，随时可以恢复。" : "这份草稿会移出列表。历史版本会保留，随时可以恢复。";
      try {
        await ElMessageBox.confirm(text, "下线这条知识？", { confirmButtonText: "下线", cancelButtonText: "取消", type: "warning" });
        await base.retire(draft.entry.id, draft.entry.version);
      } catch (error) {
        if (error !== "cancel" && error !== "close") complain(error);
        return;
      }
      begin();
      emit("changed");
      refresh();
      go("entries");
    }
    function restored(fresh) {
      show(fresh);
      view.tab = "edit";
      emit("changed");
      refresh();
    }
    /** Wraps what is selected in the rich answer, or begins lines with a mark. */
    function mark(kind) {
      const area = richBox.value;
      const [from, to] = [area.selectionStart, area.selectionEnd];
      const chosen = draft.form.rich.slice(from, to);
      const text = {
        bold: () => `**${chosen || "重点"}**`,
        list: () => (chosen || "第一点\n第二点").split("\n").map((line) => `- ${line}`).join("\n"),
        link: () => `[${chosen || "文字"}](https://)`,
      }[kind]();
      draft.form.rich = draft.form.rich.slice(0, from) + text + draft.form.rich.slice(to);
      nextTick(() => {
        area.focus();
        area.setSelectionRange(from + text.length, from + text.length);
      });
    }
    const near3 = computed(() => (near.byText[draft.form.question.trim()] || []).slice(0, 3));
    const lineMarks = computed(() => {
      const marks = {};
      for (const text of draft.form.similar) {
        const found = near.byText[text.trim()]?.[0];
        if (found) marks[text] = `${{ same: "已在", close: "近似", answered: "现由" }[found.level]}「${found.question}」${found.conflict ? "，答案不一致" : ""}`;
      }
      return marks;
    });
    function addNegative(text) {
      if (!draft.form.negative.includes(text)) draft.form.negative.push(text);
    }
    function onKey(event) {
      const command = event.ctrlKey || event.metaKey;
      if (command && event.key.toLowerCase() === "s" && route.view === "entries") {
        event.preventDefault();
        if (!view.conflict) save();
      }
    }
    const warnUnload = (event) => dirty.value && event.preventDefault();
    onMounted(() => {
      guardLeaving(settle);
      addEventListener("keydown", onKey);
      addEventListener("beforeunload", warnUnload);
    });
    onActivated(() => {
      guardLeaving(settle);
      if (draft.entry?.id === props.id) takeOver();
    });
    onBeforeUnmount(() => {
      guardLeaving(null);
      removeEventListener("keydown", onKey);
      removeEventListener("beforeunload", warnUnload);
    });
    async function refreshIfClean() {
      if (draft.entry && !dirty.value) show(await base.get(draft.entry.id).catch(() => draft.entry));
    }
    expose({ settle, refreshIfClean });
    return {
      view, draft, form, entry, dirty, box, richBox, filled, near3, lineMarks, shared, LIMITS, go, load, save, keepMine, merge,
      takeTheirs, mine, move, retire, restored, mark, addNegative, moment, percent,
      levelName: (level) => ({ same: "意思几乎相同", close: "容易混淆", answered: "这句话现在由它回答" })[level],
      stateName: (s) => word(STATES, s), stateTag: (s) => STATE_TAGS[s] || "", effectName: (effect) => EFFECTS[effect] || "",
    };
  },
  template: EDITOR_TEMPLATE,
};
