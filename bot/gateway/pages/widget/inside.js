/** Inside the iframe of widget.js: agrees with the site around it, then starts the chat page. */

const HELLO_WAIT = 3000;
const RENEW_BEFORE = 60000;
const root = document.querySelector("[data-changda-chat]");
const query = new URLSearchParams(location.search);
const allowed = document.querySelector("meta[name=changda-origins]").content.split(" ");
const host = query.get("origin");
// Content-Security-Policy keeps others from framing us; this keeps others from talking to us.
const trusted = window.parent !== window && (host === location.origin || allowed.includes(host));
let shown = true;
let unread = 0;
let greeted;
let renewal;
const hello = new Promise((resolve) => (greeted = resolve));

const tell = (message) => trusted && window.parent.postMessage({ changda: 1, ...message }, host);

/** Who the token names, as far as we need it: to keep two people's conversations on one device apart. */
function claims(token) {
	try {
		const part = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
		return JSON.parse(atob(part));
	} catch {
		return {};
	}
}

/** Whoever was here before, if it was somebody else, leaves nothing behind. */
function separate(token) {
	const name = token ? String(claims(token).sub ?? "") : "";
	try {
		if ((localStorage.getItem("changda.login") ?? "") === name) return;
		for (const key of Object.keys(localStorage)) if (/^changda\.(session|out\.)/.test(key)) localStorage.removeItem(key);
		localStorage.setItem("changda.login", name);
	} catch {
		// Without storage there is nothing to leave behind.
	}
}

/** Asks for a fresh token a minute before the old one runs out. */
function watch(token) {
	clearTimeout(renewal);
	const left = claims(token).exp * 1000 - Date.now() - RENEW_BEFORE;
	if (left < 2 ** 31) renewal = setTimeout(tell, Math.max(0, left), { type: "token-needed" });
}

/** A new token while the chat is open: of the same customer it renews the proof, else the chat begins anew. */
async function login(token) {
	const name = token ? String(claims(token).sub ?? "") : "";
	if (!token || name !== claims(root.dataset.appToken ?? "").sub) {
		const next = new URL(location.href);
		if (token) next.searchParams.set("login", "1");
		else next.searchParams.delete("login");
		location.replace(next);
		return;
	}
	watch(token);
	const body = JSON.stringify({ channel: "app", app_token: token });
	await fetch("/api/v1/sessions", { method: "POST", headers: { "Content-Type": "application/json" }, body }).catch(() => {});
}

addEventListener("message", ({ source, origin, data }) => {
	if (!trusted || source !== window.parent || origin !== host || data?.changda !== 1) return;
	if (data.type === "hello") {
		shown = data.shown !== false;
		greeted(data);
	} else if (data.type === "login") login(typeof data.app_token === "string" ? data.app_token : null);
	else if (data.type === "shown") {
		shown = Boolean(data.shown);
		if (shown) unread = 0;
	}
});

/** Counts what is said while nobody looks. */
function count(records) {
	if (shown) return;
	const said = ".msg.bot:not(.typing), .msg.agent";
	for (const { addedNodes } of records) for (const node of addedNodes) if (node.nodeType === 1 && node.matches(said)) unread += 1;
	if (unread) tell({ type: "unread", count: unread });
}

addEventListener("keydown", (event) => event.key === "Escape" && tell({ type: "close" }));
tell({ type: "loaded" });
const waited = new Promise((resolve) => setTimeout(resolve, query.has("login") ? HELLO_WAIT : 0, {}));
const { app_token: token } = query.has("login") ? await Promise.race([hello, waited]) : {};
separate(token);
if (token) {
	root.dataset.appToken = token;
	root.dataset.channel = "app";
	watch(token);
}
await import("/static/chat/main.js");
new MutationObserver(count).observe(root.querySelector("[data-part=log]"), { childList: true, subtree: true });
