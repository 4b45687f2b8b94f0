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

const MOST_TAGS = 300;

/** The contract lists no tags, so those of the entries seen so far are what filters suggest. */
export function learnTags(entries) {
  const seen = new Set([...shared.tags, ...entries.flatMap((entry) => entry.tags)]);
  if (seen.size > shared.tags.length) shared.tags = [...seen].slice(0, MOST_TAGS).sort((a, b) => a.localeCompare(b, "zh"));
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
