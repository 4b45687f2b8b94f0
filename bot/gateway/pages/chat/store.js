/** What outlives a reload: the session, unsent messages, preferences. And the timeline of what is shown. */

const PREFIX = "changda.";
const STALE = 10 * 60 * 1000;
// Where the browser forbids storage, the page still works until it is closed.
const memory = new Map();

function read(key) {
  if (memory.has(key)) return memory.get(key);
  try {
    return JSON.parse(localStorage.getItem(PREFIX + key));
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, JSON.stringify(value));
    memory.delete(key);
  } catch {
    memory.set(key, value);
  }
}

function keys() {
  let stored = [];
  try {
    stored = Object.keys(localStorage).filter((k) => k.startsWith(PREFIX));
  } catch {
    // Only memory then.
  }
  return [...new Set([...stored.map((k) => k.slice(PREFIX.length)), ...memory.keys()])];
}

export const store = { get: read, set: write };

/**
 * Messages not yet acknowledged, one storage key each, so that two tabs cannot overwrite each other's.
 * An entry: {id, text, at, status: "pending"|"stored"|"failed", error?}. "stored" means that the server has
 * the message but has not said that it is answered.
 */
export class Outbox {
  constructor() {
    this.entries = keys().filter((key) => key.startsWith("out.")).map(read).filter(Boolean);
    this.entries.sort((a, b) => a.at - b.at);
    for (const entry of this.entries.filter((e) => Date.now() - e.at > STALE)) this.#age(entry);
  }

  // Nobody expects an old wish to be sent by itself; the customer decides.
  #age(entry) {
    if (entry.status === "stored") this.remove(entry.id);
    else this.update(entry, { status: "failed", error: "这条消息没有发出去。" });
  }

  add(text) {
    const entry = { id: newId(), text, at: Date.now(), status: "pending" };
    this.entries.push(entry);
    write(`out.${entry.id}`, entry);
    return entry;
  }

  find(id) {
    return this.entries.find((entry) => entry.id === id);
  }

  update(entry, change) {
    Object.assign(entry, change);
    if (this.entries.includes(entry)) write(`out.${entry.id}`, entry);
  }

  remove(id) {
    this.entries = this.entries.filter((entry) => entry.id !== id);
    write(`out.${id}`, null);
  }

  clear() {
    for (const entry of [...this.entries]) this.remove(entry.id);
  }
}

/** Which messages are known, by sequence number. Lines for staff leave holes that never fill. */
export class Timeline {
  cursor = 0;
  last = 0;
  #known = new Map();

  /** False when the message was known already. */
  add(message) {
    if (this.#known.has(message.seq)) return false;
    this.#known.set(message.seq, message);
    this.last = Math.max(this.last, message.seq);
    this.complete(this.cursor);
    return true;
  }

  /** Everything the customer may see up to `seq` has arrived. */
  complete(seq) {
    this.cursor = Math.max(this.cursor, seq);
    while (this.#known.has(this.cursor + 1)) this.cursor += 1;
  }

  get hasGap() {
    return this.last > this.cursor;
  }

  sentAs(id) {
    return [...this.#known.values()].find((message) => message.client_message_id === id);
  }
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
