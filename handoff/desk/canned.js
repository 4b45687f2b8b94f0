// Canned replies: everybody's and one's own, kept by the server; placeholders are filled for the customer at hand.

import { api } from "/static/common/api.js";
import { act } from "./acts.js";

const { reactive } = Vue;
const PLACEHOLDER = /\{([\u4e00-\u9fff]{1,12})\}/g;

const store = reactive({ replies: [], placeholders: [], read: false });

/** Reads them, once unless asked anew. */
export async function readCanned(again = false) {
  if (store.read && !again) return;
  store.read = true;
  try {
    Object.assign(store, await api.get("/canned"));
  } catch {
    store.read = false;
  }
}

/** Names that a text may use in braces. */
export const placeholderNames = () => store.placeholders;

export const addCanned = (name, text, shared) => act("canned", async () => {
  await api.post("/canned", { name, text, shared });
  await readCanned(true);
});

export const removeCanned = (reply) => act("canned", async () => {
  await api.delete(`/canned/${reply.id}`);
  await readCanned(true);
});

/** Those whose name or text holds the words typed after "/". */
export function findCanned(words) {
  const wanted = words.trim().toLowerCase();
  return store.replies.filter(({ name, text }) => !wanted || `${name} ${text}`.toLowerCase().includes(wanted));
}

/** Fills placeholders with what the server knows; the unknown stays in braces and is never sent (see `unfilled`). */
export const fill = (text, values = {}) => text.replace(PLACEHOLDER, (whole, name) => (Object.hasOwn(values, name) ? values[name] : whole));

/** Names of placeholders that are still open in a text. */
export const unfilled = (text) => [...new Set([...text.matchAll(PLACEHOLDER)].map((match) => match[1]))];
