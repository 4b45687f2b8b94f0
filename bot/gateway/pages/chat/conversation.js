/** One conversation, and what is still to be sent. Knows nothing of the DOM. */

import { Problem } from "./api.js";
import { backoff, createLink } from "./socket.js";
import { createOutbox, createTimeline, store } from "./store.js";

const ECHO_WAIT = 8000;
const ANSWER_WAIT = 30000;
const REPLY_GRACE = 1500;
const RETRY_WAIT = 3000;
const TRIES = 4;
const FULL_PAGE = 100;

const pause = (wait) => new Promise((resolve) => setTimeout(resolve, wait));

/** `page` hears what happens; `sessionFields`: () => what a session is opened with. */
export function createConversation(api, page, sessionFields) {
	const outbox = createOutbox();
	const echoes = new Map();
	const asking = new Set();
	let session = store.get("session");
	let timeline = createTimeline();
	let place;
	let link = null;
	let state = "bot";
	let agent = null;
	let stateVersion = 0;
	let caughtUp = false;
	let renewing = false;
	let reading = null;
	let readAgain = false;
	let sending = false;
	let sendAgain = false;

	async function start() {
		showOutbox();
		if (!session) await openSession();
		connect();
	}

	function showOutbox() {
		for (const entry of outbox.all()) if (entry.status !== "stored") page.entry(entry);
	}

	async function openSession() {
		for (let attempt = 0; ; attempt += 1) {
			try {
				const opened = await api.openSession(sessionFields());
				const { conversation_id, access_token } = opened;
				session = { conversation_id, access_token };
				store.set("session", session);
				return setState(opened);
			} catch (problem) {
				if (problem.status) page.notice(problem.message);
				else page.link("offline");
				await pause(backoff(attempt, 1000));
			}
		}
	}

	/** A new conversation; with a notice (token refused) what is unsent goes along. */
	async function renew(notice) {
		if (renewing) return;
		renewing = true;
		link?.stop();
		link = null;
		dropEchoes();
		for (const { id, seq } of outbox.all()) if (seq || !notice) outbox.remove(id);
		begin({}, notice);
		showOutbox();
		// Another tab may have renewed already.
		const found = notice && store.get("session");
		if (found && found.access_token !== session.access_token) session = found;
		else await openSession();
		renewing = false;
		connect();
	}

	const refused = () => renew("会话已过期，已为您开始新的对话。");

	function connect() {
		link = createLink({
			url: api.socketUrl(session),
			hello: () => ({ type: "auth", token: session.access_token, after: timeline.cursor }),
			heard: (frame) => hear[frame.type]?.(frame),
			dropped: dropEchoes,
			poll: () => read().then(pump),
			changed(status) {
				page.link(status);
				if (status !== "offline") resume();
			},
		});
	}

	const hear = {
		message: ({ message }) => accept(message),
		typing: ({ sender }) => page.typing(sender),
		state: setState,
		queue: page.queue,
		moved: begin,
		ready(frame) {
			setState(frame);
			if (timeline.last >= frame.seq) timeline.complete(timeline.last);
			else refresh();
			link.ready();
			upToDate();
		},
		ack(frame) {
			const entry = outbox.find(frame.client_message_id);
			if (!entry) return;
			answered(entry, frame);
			// Replies come as messages of their own; a lost one is fetched.
			setTimeout(() => state === "bot" && timeline.last <= frame.seq && refresh(), REPLY_GRACE);
		},
		error(frame) {
			const problem = new Problem(frame);
			const entry = outbox.find(frame.client_message_id);
			if (entry && !problem.temporary) fail(entry, problem);
			else if (entry) echo(entry.id, "lost") || ask(entry);
			else if (!link.live && problem.refused) refused();
			else page.notice(problem.message);
		},
	};

	/** Also when the customer goes on in their conversation of another channel. */
	function begin({ conversation_id }, notice) {
		place = conversation_id;
		timeline = createTimeline();
		caughtUp = false;
		page.renewed(notice);
	}

	function upToDate() {
		if (!caughtUp) page.caughtUp();
		caughtUp = true;
	}

	function accept(message) {
		if (!timeline.add(message.seq)) return;
		const entry = outbox.find(message.client_message_id);
		if (entry) outbox.update(Object.assign(entry, { seq: message.seq }), "stored");
		page.message(message, caughtUp);
		if (entry) echo(entry.id, "stored");
		if (link?.live && timeline.hasGap()) refresh();
	}

	function setState(source) {
		stateVersion += 1;
		if (source.state !== state) page.typing(null);
		state = source.state ?? state;
		agent = state === "human" ? source.agent_name ?? agent : null;
		if (source.profile) page.profile(source.profile);
		page.state(state, agent);
		if (source.queue) page.queue(source.queue);
	}

	function read() {
		if (reading) readAgain = true;
		reading ??= readPages().finally(() => (reading = null));
		return reading;
	}

	const refresh = () => read().catch(() => {});

	async function readPages() {
		const mine = session;
		let messages;
		do {
			readAgain = false;
			const version = stateVersion;
			let found;
			try {
				found = await api.read(mine, timeline.cursor);
			} catch (problem) {
				if (problem.refused && mine === session) refused();
				throw problem;
			}
			if (mine !== session) return;
			if ((place ??= found.conversation_id) !== found.conversation_id) {
				begin(found);
				return await readPages();
			}
			messages = found.messages;
			messages.forEach(accept);
			if (messages.length) timeline.complete(messages[messages.length - 1].seq);
			// What the live connection said meanwhile is newer.
			if (version === stateVersion) setState(found);
		} while (messages.length >= FULL_PAGE || readAgain);
		upToDate();
	}

	function resume() {
		pump();
		outbox.all().forEach(ask);
	}

	/** Sends what waits, one after the other, so that order holds. */
	async function pump() {
		sendAgain = true;
		if (sending) return;
		sending = true;
		let sent = true;
		while (sendAgain) {
			sendAgain = false;
			let entry = nextPending();
			for (sent = true; entry && sent; entry = nextPending()) sent = await deliver(entry);
		}
		sending = false;
		if (!sent && link?.status !== "offline") setTimeout(pump, RETRY_WAIT);
	}

	function nextPending() {
		return link && !renewing && outbox.all().find((entry) => entry.status === "pending");
	}

	/** False when nothing can be sent right now. */
	async function deliver(entry) {
		if (state === "bot") page.typing("bot");
		if (link.send({ type: "message", text: entry.text, client_message_id: entry.id })) {
			const outcome = await echoOf(entry.id);
			if (outcome === "stored") setTimeout(ask, ANSWER_WAIT, entry);
			if (outcome !== "lost") return true;
		}
		return post(entry);
	}

	async function post(entry) {
		const mine = session;
		for (let attempt = 1; ; attempt += 1) {
			try {
				answered(entry, await api.send(mine, entry.text, entry.id));
				return true;
			} catch (problem) {
				if (mine !== session || problem.status === 0) return false;
				if (problem.refused) return void refused();
				if (!problem.temporary || attempt === TRIES) {
					fail(entry, problem);
					return true;
				}
			}
			await pause(backoff(attempt, 1000));
		}
	}

	/** Asks again for the answer to a message stored but not acknowledged. */
	async function ask(entry) {
		if (asking.has(entry.id) || outbox.find(entry.id)?.status !== "stored") return;
		asking.add(entry.id);
		await post(entry);
		asking.delete(entry.id);
	}

	function answered(entry, result) {
		const { message_id, seq, replies = [] } = result;
		const created_at = new Date(entry.at).toISOString();
		accept({ message_id, seq, created_at, sender: "customer", text: entry.text, client_message_id: entry.id });
		for (const reply of replies) accept({ sender: "bot", created_at: new Date().toISOString(), ...reply });
		outbox.remove(entry.id);
		setState(result);
		if (timeline.hasGap()) refresh();
	}

	function fail(entry, problem) {
		outbox.update(entry, "failed", problem.message);
		page.entry(entry);
		echo(entry.id, "failed");
	}

	/** Resolves to "stored", "failed" or "lost". */
	function echoOf(id) {
		setTimeout(echo, ECHO_WAIT, id, "lost");
		return new Promise((resolve) => echoes.set(id, resolve));
	}

	function echo(id, outcome) {
		const resolve = echoes.get(id);
		resolve?.(outcome);
		return echoes.delete(id);
	}

	function dropEchoes() {
		for (const id of [...echoes.keys()]) echo(id, "lost");
	}

	return {
		start,
		/** Shows a text at once and sends it as soon as can be. */
		say(text) {
			page.entry(outbox.add(text));
			pump();
		},
		retry(id) {
			const entry = outbox.find(id);
			if (!entry) return;
			outbox.update(entry, entry.seq ? "stored" : "pending");
			page.entry(entry);
			pump();
			ask(entry);
		},
		drop(id) {
			outbox.remove(id);
			page.dropped(id);
		},
		typing: (text) => state === "human" && link?.send({ type: "typing", text }),
		rate: (score, comment) => api.rate(session, score, comment),
		async cancelWait() {
			setState(await api.cancelWait(session));
			refresh();
		},
		transcript: () => api.transcript(session),
		prefer: (fields) => session && api.prefer(session, fields).catch(() => {}),
		/** Forgets this conversation on this device and begins another. */
		restart: () => renew(null),
	};
}
