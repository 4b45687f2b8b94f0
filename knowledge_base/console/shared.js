// What several rooms show: how much waits for publishing, which categories and tags exist.

import { base } from "./base.js";
import { go } from "./route.js";

const { reactive } = Vue;

export const shared = reactive({
  pending: 0, inReview: 0, fourEyes: "on", work: { miss: 0, unhelpful: 0, correction: 0 }, version: null, problem: null,
  categories: [], tags: [], total: 0, loaded: false,
});

/** Asks again; a failure leaves the old figures, which the next refresh replaces. */
export async function refresh() {
  try {
    Object.assign(shared, await base.status(), { loaded: true });
    shared.work = (await base.inbox("correction")).counts;
  } catch {
    // The rooms themselves say what is wrong.
  }
}

let seed = null;

/** Opens a new entry that begins with what customers said; `findings` are marked as done when it is saved. */
export async function startEntryFrom({ question, similar = [], findings = [] }) {
  seed = { id: "new", question, similar, findings };
  if (!(await go("entries", "new"))) seed = null;
}

/** Opens an entry to be mended: `answer` is put into it, unsaved; `findings` are done when it is saved. */
export async function mendEntry(id, { answer = "", findings = [] }) {
  seed = { id, answer, findings };
  if (!(await go("entries", id))) seed = null;
}

/** Hands over once what was left for entry `id`. */
export function takeSeed(id) {
  const taken = seed?.id === id ? seed : null;
  seed = null;
  return taken;
}
