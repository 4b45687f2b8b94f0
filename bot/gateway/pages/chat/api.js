/** The REST half of the customer's contract. */

const TIMEOUT = 30000;

/** What went wrong, in words for the customer; status 0 means that the server was not reached. */
export class Problem extends Error {
	constructor({ status = 0, detail } = {}) {
		super(detail || "暂时没有成功，请稍后再试。");
		this.status = status;
		/** The same request may succeed later. */
		this.temporary = status === 0 || status >= 500 || [408, 425, 429].includes(status);
		/** The conversation cannot be entered any more with this token. */
		this.refused = [401, 403, 404].includes(status);
	}
}

/** The calls of one server; `session` is {conversation_id, access_token}. They throw a Problem. */
export function createApi(base) {
	const path = (session) => `${base}/conversations/${encodeURIComponent(session.conversation_id)}`;

	async function call(method, url, session, body, kind = "json") {
		const headers = { "Content-Type": "application/json" };
		if (session) headers.Authorization = `Bearer ${session.access_token}`;
		const abort = new AbortController();
		const timer = setTimeout(() => abort.abort(), TIMEOUT);
		try {
			const response = await fetch(url, { method, headers, body: body && JSON.stringify(body), signal: abort.signal });
			if (response.ok) return await response[kind]();
			// A proxy's error page is not JSON; its status says enough.
			const { detail } = await response.json().catch(() => ({}));
			throw new Problem({ status: response.status, detail });
		} catch (problem) {
			throw problem instanceof Problem ? problem : new Problem();
		} finally {
			clearTimeout(timer);
		}
	}

	return {
		openSession: (fields) => call("POST", `${base}/sessions`, null, fields),
		/** The same id again is the same message. */
		send: (session, text, id) => call("POST", `${path(session)}/messages`, session, { text, client_message_id: id }),
		read: (session, after) => call("GET", `${path(session)}/messages?after=${after}`, session),
		rate: (session, score, comment) => call("POST", `${path(session)}/rating`, session, { score, comment }),
		prefer: (session, fields) => call("PUT", `${path(session)}/preferences`, session, fields),
		cancelWait: (session) => call("POST", `${path(session)}/cancel-wait`, session),
		transcript: (session) => call("GET", `${path(session)}/transcript`, session, null, "blob"),
		socketUrl: (session) => new URL(`${path(session)}/ws`, location.href).href.replace(/^http/, "ws"),
	};
}
