// What must outlive a reload: drafts, unsent messages, own canned replies. Keyed by person, one key per item,
// so that two tabs never overwrite each other's items.

import { session } from "/static/common/login.js";

const key = (...parts) => ["changda-desk", session.staff?.id, ...parts].join(":");

export function read(...parts) {
  try {
    return JSON.parse(localStorage.getItem(key(...parts)));
  } catch {
    return null;
  }
}

export function write(value, ...parts) {
  try {
    if (value === null || value === "") localStorage.removeItem(key(...parts));
    else localStorage.setItem(key(...parts), JSON.stringify(value));
  } catch {
    // Full or refused storage costs the comfort, not the conversation.
  }
}

/** All values below a prefix, in no order. */
export function readAll(...parts) {
  const prefix = key(...parts, "");
  const names = Object.keys(localStorage).filter((name) => name.startsWith(prefix));
  return names.map((name) => read(...parts, name.slice(prefix.length))).filter(Boolean);
}

/** Removes what is older than `days`, judged by its `at` (ISO). */
export function forgetOld(days, ...parts) {
  const limit = Date.now() - days * 86400000;
  for (const item of readAll(...parts)) if (Date.parse(item.at) < limit) write(null, ...parts, item.id);
}

/** Calls `listener(value)` when another tab changes the item. Returns a function that stops it. */
export function onOtherTab(listener, ...parts) {
  const name = key(...parts);
  const heard = (event) => event.key === name && listener(event.newValue ? JSON.parse(event.newValue) : null);
  addEventListener("storage", heard);
  return () => removeEventListener("storage", heard);
}
