// Warns while an editor types: other entries that mean the same, or nearly, and the entry that customers
// get today when they say this. Each text is asked about once.

import { base } from "./base.js";

const { reactive, watch } = Vue;
const WAIT_MS = 450;
const AT_ONCE = 6;

/** The entry the bot answers with now, when it is another one. */
function answering({ decision, hits }, id) {
  const hit = hits[0];
  return decision === "answer" && hit && hit.entry_id !== id ? [{ ...hit, level: "answered", published: true }] : [];
}

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
      const [near, today] = await Promise.all([base.neighbours(text, id), base.search(text, 1)]);
      const found = [...near, ...answering(today, id).filter((hit) => near.every((item) => item.entry_id !== hit.entry_id))];
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
