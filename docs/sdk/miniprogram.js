// 微信小程序：直接用客户接口（REST + WebSocket）。在小程序后台把 chat.example.com 加进 request 和 socket 合法域名。
const HTTP = "https://chat.example.com/api/v1";
const SOCKET = "wss://chat.example.com/api/v1";

function call(method, path, data, token) {
	const header = token ? { Authorization: `Bearer ${token}` } : {};
	return new Promise((resolve, reject) => {
		wx.request({
			url: HTTP + path, method, data, header,
			success: ({ statusCode, data: body }) => (statusCode < 300 ? resolve(body) : reject(body)),
			fail: reject,
		});
	});
}

/**
 * @param appToken 您的服务器给已登录客户签的凭证，没有就以访客身份进入
 * @param page 收消息：message({seq, sender, text, buttons, card})、state("bot"|"waiting"|"human")、restarted()
 */
export async function openChat(appToken, page) {
	const session = await call("POST", "/sessions", { channel: "app", ...(appToken && { app_token: appToken }) });
	const path = `/conversations/${session.conversation_id}`;
	let seen = 0;
	let tries = 0;
	let closed = false;
	let socket;

	function connect() {
		socket = wx.connectSocket({ url: `${SOCKET}${path}/ws` });
		const ping = setInterval(() => socket.send({ data: '{"type":"ping"}' }), 25000);
		socket.onOpen(() => socket.send({ data: JSON.stringify({ type: "auth", token: session.access_token, after: seen }) }));
		socket.onMessage(({ data }) => {
			const frame = JSON.parse(data);
			if (frame.type === "message" && frame.message.seq > seen) {
				seen = frame.message.seq;
				page.message(frame.message);
			} else if (frame.type === "moved") {
				// 客户验证了身份，接着他在别处的会话：清空重来。
				seen = 0;
				page.restarted();
			} else if (frame.type === "ready" || frame.type === "state") {
				tries = 0;
				page.state(frame.state);
			}
		});
		socket.onClose(() => {
			clearInterval(ping);
			// 断了就从看到的最后一条接着收。
			if (!closed) setTimeout(connect, Math.min(20000, 500 * 2 ** tries++));
		});
	}
	connect();

	return {
		/** 同一个编号再发一次还是同一条消息，所以失败可以放心重试。 */
		say(text, id = `${Date.now()}-${Math.random().toString(36).slice(2)}`) {
			return call("POST", `${path}/messages`, { text, client_message_id: id }, session.access_token);
		},
		large: (elderly) => call("PUT", `${path}/preferences`, { elderly }, session.access_token),
		close() {
			closed = true;
			socket.close();
		},
	};
}
