// Warns while an editor types: other entries that mean the same, or nearly, the entry that customers get today
// when they say this, and answers that contradict. Each text is asked about once, the question with each answer.

import { base } from "./base.js";

const { reactive, watch } = Vue;
const WAIT_MS = 450;
const AT_ONCE = 6;

/**
 * @param {() => {id: string, question: string, similar: string[], known: string[], answer: string}} read what is being
 *   edited; `known` are similar questions already saved, which are not asked about again.
 * @returns reactive {byText: {text: Neighbour[]}, busy}
 */
export function useNeighbours(read) {
  const state = reactive({ byText: {}, busy: false });
  const comparedWith = new Map();
  let timer = 0;
  let owner = null;

  async function ask(id, text, answer) {
    comparedWith.set(text, answer);
    state.byText[text] ||= [];
    try {
      const found = await base.neighbours(text, id, answer);
      if (owner === id && comparedWith.get(text) === answer) state.byText[text] = found;
    } catch {
      // A warning that cannot be had must not disturb the writing; it is asked for again next time.
      comparedWith.delete(text);
    }
  }
  async function check() {
    const { id, question, similar, known, answer } = read();
    if (owner !== id) {
      owner = id;
      state.byText = {};
      comparedWith.clear();
    }
    const own = question.trim();
    const texts = [own, ...similar.filter((text) => !known.includes(text)).map((text) => text.trim())];
    const stale = (text) => !comparedWith.has(text) || (text === own && comparedWith.get(text) !== answer);
    const fresh = [...new Set(texts)].filter((text) => text.length > 1 && stale(text)).slice(0, AT_ONCE);
    state.busy = fresh.length > 0;
    await Promise.all(fresh.map((text) => ask(id, text, answer)));
    state.busy = false;
  }
  watch(() => JSON.stringify(read()), () => {
    clearTimeout(timer);
    timer = setTimeout(check, WAIT_MS);
  }, { immediate: true });
  return state;
}
