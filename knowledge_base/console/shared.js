// What several rooms show: how much waits for publishing, which categories and tags exist.

import { base } from "./base.js";
import { go } from "./route.js";

const { reactive } = Vue;

export const shared = reactive({
  pending: 0, misses: 0, version: null, problem: null, categories: [], tags: [], total: 0, loaded: false,
});

/** Asks again; a failure leaves the old figures, which the next refresh replaces. */
export async function refresh() {
  try {
    Object.assign(shared, await base.status(), { loaded: true });
    shared.misses = (await base.misses()).length;
  } catch {
    // The rooms themselves say what is wrong.
  }
}

let seed = null;

/** Opens a new entry that begins with what customers said; `misses` are marked as done when it is saved. */
export async function startEntryFrom({ question, similar = [], misses = [] }) {
  seed = { question, similar, misses };
  if (!(await go("entries", "new"))) seed = null;
}

/** Hands over once what `startEntryFrom` left. */
export function takeSeed() {
  const taken = seed;
  seed = null;
  return taken;
}
