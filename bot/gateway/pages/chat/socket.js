/** The live connection: a WebSocket that comes back by itself, and polling while there is none. */

const PING = 25000;
const PONG_WAIT = 10000;
const WAKE_WAIT = 4000;
const FIRST_POLL = 1200;

/** Milliseconds before attempt `n`, with jitter, so that a restarted server is not stormed. */
export const backoff = (n, base = 500) => Math.min(20000, base * 2 ** n) * (0.5 + Math.random() / 2);

/**
 * @param hooks url; hello(): the first frame; heard(frame); dropped(): the socket is gone; poll(): reads the news or
 *   throws; changed(status): "live", "polling" or "offline".
 */
export function createLink(hooks) {
	const timers = {};
	const listening = new AbortController();
	const { signal } = listening;
	let socket = null;
	let stopped = false;
	let retries = 0;
	let failures = 0;
	const link = { live: false, status: "connecting", send, ready, stop };

	function after(name, wait, task) {
		clearTimeout(timers[name]);
		if (!stopped) timers[name] = setTimeout(task, wait);
	}

	function become(status) {
		if (stopped || status === link.status) return;
		link.status = status;
		hooks.changed(status);
	}

	function open() {
		clearTimeout(timers.retry);
		if (stopped || socket) return;
		const opened = new WebSocket(hooks.url);
		socket = opened;
		opened.onopen = () => opened.send(JSON.stringify(hooks.hello()));
		opened.onclose = () => lose(opened);
		opened.onmessage = ({ data }) => {
			clearTimeout(timers.pong);
			hooks.heard(JSON.parse(data));
		};
		after("pong", PONG_WAIT, () => lose(opened));
	}

	// Closing a dead connection can take minutes, so it is left behind at once.
	function lose(lost) {
		if (stopped || lost !== socket) return;
		lost.onopen = lost.onmessage = lost.onclose = null;
		lost.close();
		socket = null;
		link.live = false;
		after("retry", backoff(retries++), open);
		hooks.dropped();
		after("poll", 200, poll);
	}

	/** False when there is no live connection. */
	function send(frame) {
		if (!link.live || socket.readyState !== WebSocket.OPEN) return false;
		socket.send(JSON.stringify(frame));
		return true;
	}

	/** The server has accepted the token and sent what was missed. */
	function ready() {
		link.live = true;
		retries = failures = 0;
		become("live");
		after("ping", PING, check);
	}

	function check(wait = PONG_WAIT) {
		const checked = socket;
		if (!send({ type: "ping" })) return;
		after("pong", wait, () => lose(checked));
		after("ping", PING, check);
	}

	async function poll() {
		if (link.live || stopped) return;
		let wait = document.hidden ? 15000 : 2500;
		try {
			await hooks.poll();
			failures = 0;
			if (link.live) return;
			if (link.status === "offline") reopen();
			become("polling");
		} catch {
			if (!link.live) become("offline");
			wait = backoff(failures++);
		}
		if (!link.live) after("poll", wait, poll);
	}

	function reopen() {
		retries = 0;
		open();
	}

	function wake() {
		if (document.hidden) return;
		if (link.live) {
			become("live");
			check(WAKE_WAIT);
		} else {
			reopen();
			after("poll", 0, poll);
		}
	}

	function stop() {
		stopped = true;
		link.live = false;
		listening.abort();
		Object.values(timers).forEach(clearTimeout);
		if (!socket) return;
		socket.onmessage = null;
		socket.close();
	}

	addEventListener("online", wake, { signal });
	addEventListener("offline", () => become("offline"), { signal });
	document.addEventListener("visibilitychange", wake, { signal });
	open();
	after("poll", FIRST_POLL, poll);
	return link;
}
