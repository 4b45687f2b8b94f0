// Warns while an editor types: other entries that mean the same, or nearly. Each text is asked about once.

import { base } from "./base.js";

const { reactive, watch } = Vue;
const WAIT_MS = 450;
const AT_ONCE = 6;

/**
 * @param {() => {id: string, question: string, similar: string[], known: string[]}} read what is being edited;
 *   `known` are similar questions already saved, which are not asked about again.
 * @returns reactive {byText: {text: Neighbour[]}, busy}
 */
export function useNeighbours(read) {
  const state = reactive({ byText: {}, busy: false });
  let timer = 0;
  let owner = null;

  async function ask(id, text) {
    state.byText[text] = [];
    try {
      const found = await base.neighbours(text, id);
      if (owner === id) state.byText[text] = found;
    } catch {
      // A warning that cannot be had must not disturb the writing; it is asked for again next time.
      delete state.byText[text];
    }
  }
  async function check() {
    const { id, question, similar, known } = read();
    if (owner !== id) {
      owner = id;
      state.byText = {};
    }
    const texts = [question, ...similar.filter((text) => !known.includes(text))].map((text) => text.trim());
    const fresh = [...new Set(texts)].filter((text) => text.length > 1 && !(text in state.byText)).slice(0, AT_ONCE);
    state.busy = fresh.length > 0;
    await Promise.all(fresh.map((text) => ask(id, text)));
    state.busy = false;
  }
  watch(() => JSON.stringify(read()), () => {
    clearTimeout(timer);
    timer = setTimeout(check, WAIT_MS);
  }, { immediate: true });
  return state;
}
