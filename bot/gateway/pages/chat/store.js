/** What outlives a reload (session, unsent messages, preferences), and which messages have arrived. */

const PREFIX = "changda.";
const STALE = 10 * 60 * 1000;
// Used where the browser forbids storage.
const memory = new Map();

function get(key) {
	if (memory.has(key)) return memory.get(key);
	try {
		return JSON.parse(localStorage.getItem(PREFIX + key));
	} catch {
		return null;
	}
}

function set(key, value) {
	try {
		if (value === null) localStorage.removeItem(PREFIX + key);
		else localStorage.setItem(PREFIX + key, JSON.stringify(value));
		memory.delete(key);
	} catch {
		memory.set(key, value);
	}
}

export const store = { get, set };

function saved() {
	try {
		const keys = Object.keys(localStorage).filter((key) => key.startsWith(`${PREFIX}out.`));
		return keys.map((key) => get(key.slice(PREFIX.length))).filter(Boolean).sort((a, b) => a.at - b.at);
	} catch {
		return [];
	}
}

/**
 * Messages not yet acknowledged, each under its own key: two tabs cannot overwrite each other's.
 * {id, text, at, status, error?}; status: "pending", "stored" (but not yet answered) or "failed".
 */
export function createOutbox() {
	let entries = saved();
	const outbox = {
		all: () => entries,
		find: (id) => entries.find((entry) => entry.id === id),
		add(text) {
			const bytes = crypto.getRandomValues(new Uint8Array(16));
			const id = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
			const entry = { id, text, at: Date.now() };
			entries.push(entry);
			outbox.update(entry, "pending");
			return entry;
		},
		update(entry, status, error) {
			Object.assign(entry, { status, error });
			if (entries.includes(entry)) set(`out.${entry.id}`, entry);
		},
		remove(id) {
			entries = entries.filter((entry) => entry.id !== id);
			set(`out.${id}`, null);
		},
	};
	// An old wish is not sent by itself; the customer decides.
	for (const entry of entries.filter((old) => Date.now() - old.at > STALE)) {
		if (entry.status === "stored") outbox.remove(entry.id);
		else outbox.update(entry, "failed", "这条消息没有发出去。");
	}
	return outbox;
}

/** Which sequence numbers have arrived. Lines for staff leave holes that never fill. */
export function createTimeline() {
	const known = new Set();
	const timeline = {
		/** Everything up to here has arrived. */
		cursor: 0,
		last: 0,
		/** False when it was known already. */
		add(seq) {
			if (known.has(seq)) return false;
			known.add(seq);
			timeline.last = Math.max(timeline.last, seq);
			timeline.complete(0);
			return true;
		},
		complete(seq) {
			timeline.cursor = Math.max(timeline.cursor, seq);
			while (known.has(timeline.cursor + 1)) timeline.cursor += 1;
		},
		hasGap: () => timeline.last > timeline.cursor,
	};
	return timeline;
}
