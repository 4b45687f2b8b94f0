// The entry being edited: what was read, what was typed since, and how it is saved.

import { base, CONTENT, contentOf } from "./base.js";

const { computed, reactive } = Vue;
const LISTS = new Set(["similar", "negative", "tags", "follow_ups"]);

export const emptyContent = () => ({
  question: "", similar: [], negative: [], answer: "", rich: "", category: "", tags: [], follow_ups: [],
  valid_from: null, valid_to: null, enabled: true,
});

/** As it would be sent: trimmed, without empty lines. */
export function tidy(form) {
  const clean = {};
  for (const name of CONTENT) {
    const value = form[name];
    if (LISTS.has(name)) clean[name] = value.map((text) => text.trim()).filter(Boolean);
    else clean[name] = typeof value === "string" ? value.trim() : value;
  }
  return { ...clean, category: clean.category || "", rich: clean.rich || null, valid_from: clean.valid_from || null, valid_to: clean.valid_to || null };
}

const formOf = (content) => ({ ...emptyContent(), ...structuredClone(content), rich: content.rich || "" });

/** Fields that differ from `before`. */
export const changedIn = (before, after) =>
  CONTENT.filter((name) => JSON.stringify(before[name] ?? null) !== JSON.stringify(after[name] ?? null));

export function useDraft() {
  const draft = reactive({ entry: null, id: "", form: emptyContent(), read: tidy(emptyContent()), problems: {} });
  const dirty = computed(() => changedIn(draft.read, tidy(draft.form)).length > 0);

  function show(entry) {
    const content = contentOf(entry);
    Object.assign(draft, { entry, id: entry.id, form: formOf(content), read: tidy(formOf(content)), problems: {} });
  }
  function begin(prefill = {}) {
    const blank = tidy(emptyContent());
    Object.assign(draft, { entry: null, id: "", form: formOf({ ...emptyContent(), ...prefill }), read: blank, problems: {} });
  }
  /** What keeps it from being saved, by field. */
  function check() {
    const problems = {};
    if (!draft.form.question.trim()) problems.question = "请写标准问题。";
    if (!draft.form.answer.trim()) problems.answer = "请写答案。";
    const { valid_from: from, valid_to: to } = draft.form;
    if (from && to && to < from) problems.valid_to = "失效日期早于生效日期。";
    draft.problems = problems;
    return Object.keys(problems).length === 0;
  }
  /** Saves; what was typed while the request was under way stays typed. */
  async function save(version = draft.entry?.version) {
    const sent = tidy(draft.form);
    const typed = JSON.stringify(draft.form);
    const entry = draft.entry ? await base.save(draft.entry.id, sent, version) : await base.create(draft.id, sent);
    if (JSON.stringify(draft.form) === typed) show(entry);
    else Object.assign(draft, { entry, id: entry.id, read: tidy(formOf(contentOf(entry))) });
    return entry;
  }
  return { draft, dirty, show, begin, check, save };
}
