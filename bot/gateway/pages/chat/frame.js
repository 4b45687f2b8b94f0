/** Around the messages: who is talking, the queue, the connection, notices. */

import { tell } from "./dom.js";

const NOTICE = 6000;
const LOST = "网络不太稳定，正在重新连接，您发的消息会在恢复后自动送达。";

/** `names`: what the header says while the bot talks, [name, presence]. */
export function createFrame(root, ui, names) {
	let state = "bot";
	let agent = null;
	let link = "connecting";
	let queue = null;
	let noticeTimer;

	function render() {
		const place = Number(queue?.position) || 0;
		const [name, presence, glyph] = {
			waiting: [place ? `排队中 第${place}位` : "正在转接人工", "可以继续补充您的问题", "person"],
			human: [agent ? `人工客服 ${agent}` : "人工客服", "正在为您服务", "person"],
		}[state] ?? [...names, "bot"];
		root.dataset.state = state;
		tell(ui.name, name);
		tell(ui.presence, link === "offline" ? "正在重新连接…" : presence);
		ui.face.querySelector("use").setAttribute("href", `#i-${glyph}`);
		ui.person.hidden = ui.renew.hidden = state !== "bot";
		ui.queue.hidden = state !== "waiting";
		if (state === "waiting") tell(ui.place, placeWords(place, Number(queue?.wait_s)));
	}

	function banner(text = link === "offline" ? LOST : "") {
		tell(ui.banner, text);
		ui.banner.hidden = !text;
	}

	return {
		state(now, who) {
			state = now;
			agent = who;
			if (now !== "waiting") queue = null;
			render();
		},
		queue(place) {
			queue = place;
			render();
		},
		link(status) {
			link = status;
			render();
			banner();
		},
		notice(text) {
			clearTimeout(noticeTimer);
			banner(text);
			noticeTimer = setTimeout(banner, NOTICE);
		},
	};
}

function placeWords(place, seconds) {
	if (!place) return "正在为您安排人工客服，请稍候";
	const ahead = place > 1 ? `前面还有 ${place - 1} 位` : "下一位就是您";
	return `${ahead}，${seconds > 0 ? `大约等待 ${Math.ceil(seconds / 60)} 分钟` : "等候时间暂时无法估计"}`;
}
