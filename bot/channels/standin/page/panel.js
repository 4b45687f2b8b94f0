/** Beside the phone: what the platform counts, what the customer saw and when, and what may go wrong. */

import { clock, h, lasting, tell } from "./dom.js";

const VIA = { passive: "回调里直接回复", api: "客服消息接口", welcome: "欢迎语", colleague: "企业微信客户端" };
const STATES = ["新会话", "机器人", "排队", "同事接待中", "已结束"];
const KINDS = { said: "客户说话后", acted: "点菜单、关注、扫码后" };
const TROUBLES = [
	["down", "接口报错两次"], ["busy", "接口繁忙两次"], ["slow", "接口变慢两次"], ["lost", "应答丢失一次"], ["token", "凭证失效"],
];

export class Panel {
	constructor(node, act, people, goTo) {
		this.rows = h("ol.events", { "aria-label": "客户看到了什么" });
		this.counts = h("dl.counts");
		this.waiting = h("p.dim", { role: "status" });
		this.who = h("select", { "aria-label": "换一位客户", change: () => goTo({ who: this.who.value }) },
			Object.entries(people).map(([id, name]) => h("option", { value: id }, name)));
		this.wecomOnly = h("div.buttons", button("同事在企业微信接待", () => act("colleague")), button("结束会话", () => act("end")));
		this.shown = "";
		node.append(
			h("header", h("h2", "平台的控制台"), h("label.who", "客户 ", this.who)),
			h("p.dim", "这里是腾讯一侧的替身：签名、加密、重试、条数和时限都照官方文档执行，不连外网。"),
			h("section", h("h3", "还能发给客户"), this.counts),
			h("section", h("h3", "时间"), h("div.buttons", button("过 1 小时", () => act("wait", { hours: 1 })), button("过 48 小时", () => act("wait", { hours: 48.1 })))),
			h("section", h("h3", "让平台出故障"), h("div.buttons", TROUBLES.map(([kind, label]) => button(label, () => act("trouble", { kind })))), this.waiting, this.wecomOnly),
			h("section.grow", h("h3", "客户看到了什么"), this.rows));
	}

	show(state, screen) {
		const wecom = state.side === "wecom";
		this.who.value = state.who;
		this.wecomOnly.hidden = !wecom;
		tell(this.waiting, screen.trouble ? `还有 ${screen.trouble} 次故障在等着。` : "");
		this.counts.replaceChildren(...this.#counts(wecom, screen));
		const key = `${state.side} ${state.who} ${screen.seen.length}`;
		if (key === this.shown) return;
		this.shown = key;
		this.rows.replaceChildren(...events(screen.seen).reverse());
	}

	#counts(wecom, screen) {
		const rows = Object.entries(KINDS)
			.filter(([kind]) => kind === "said" || !wecom)
			.map(([kind, label]) => {
				const left = screen.left[kind];
				return row(label, left ? `${left.count} 条，${lasting(left.seconds)}内` : "不能发");
			});
		if (screen.hours_ahead) rows.push(row("平台的钟", `快了 ${screen.hours_ahead} 小时`));
		if (wecom) rows.push(row("会话状态", STATES[screen.state] || "未知"));
		else rows.push(row("关注", screen.following ? "已关注" : "未关注"));
		if (screen.consents.length) rows.push(row("服务通知", `可发 ${screen.consents.length} 次`));
		return rows.flat();
	}
}

const button = (label, click) => h("button", { click }, label);
const row = (name, value) => [h("dt", name), h("dd", value)];

/** Each line with its time, how it came, and how long after the customer's last act. */
function events(seen) {
	let asked = 0;
	return seen.map((line) => {
		if (line.by === "me") asked = line.at;
		const after = line.by === "service" && asked ? `，${(line.at - asked).toFixed(1)} 秒后` : "";
		const how = { me: "客户", platform: "平台" }[line.by] || VIA[line.via] || "客服";
		return h(`li.${line.by}`, h("time", clock(line.at)), h("b", how + after), h("span", line.text.slice(0, 60)));
	});
}
