// The answer with today's figures in it, as the server fills them in; plain texts need no question to it.

import { base } from "./base.js";

const { reactive, watch } = Vue;
const WAIT_MS = 350;
const FIGURE = /\$\{([a-z]+(?:\.[A-Za-z0-9_-]+)+)\}/g;
const HIDDEN = "（具体以办理页面显示为准）";

const figuresIn = (text) => [...text.matchAll(FIGURE)].map((match) => match[1]);

/** Names the catalogue does not know. Each figure is asked for by itself, divided by bars. */
async function unknownOf(names, signal) {
  const { answer } = await base.preview(names.map((name) => `\${${name}}`).join("|"), null, signal);
  const shown = answer.split("|");
  return names.filter((_, i) => shown[i]?.includes(HIDDEN));
}

/** @returns reactive {answer, rich, unknown, trouble} that follows `read()`'s {answer, rich} */
export function usePreview(read) {
  const shown = reactive({ answer: "", rich: "", unknown: [], trouble: "" });
  let timer = 0;
  let abort = null;

  async function fill({ answer, rich }) {
    abort?.abort();
    const { signal } = (abort = new AbortController());
    try {
      const filled = await base.preview(answer, rich, signal);
      const names = [...new Set(figuresIn(answer + rich))];
      const missing = (filled.answer + (filled.rich || "")).includes(HIDDEN) ? await unknownOf(names, signal) : [];
      if (signal.aborted) return;
      const all = missing.length === names.length && names.length > 1;
      Object.assign(shown, {
        answer: filled.answer, rich: filled.rich || "", unknown: all ? [] : missing,
        trouble: all ? "产品目录暂时读不到，金额先不显示。" : "",
      });
    } catch (error) {
      if (!signal.aborted) Object.assign(shown, { answer, rich, unknown: [], trouble: "预览暂时填不上金额，保存不受影响。" });
    }
  }
  watch(read, (texts) => {
    clearTimeout(timer);
    abort?.abort();
    if (!(texts.answer + texts.rich).includes("${")) Object.assign(shown, { ...texts, unknown: [], trouble: "" });
    else timer = setTimeout(() => fill(texts), shown.answer ? WAIT_MS : 0);
  }, { immediate: true });
  return shown;
}
