/** Cards: what an answer shows besides its words. Amounts are shown as they came. */

import { clock, h, icon, ring } from "./dom.js";
import { store } from "./store.js";

const FEW_PLANS = 2;
const SCORES = ["很不满意", "不满意", "一般", "满意", "非常满意"];

/** The element of a card, or null for an unknown kind. */
export function cardElement(card, actions) {
	const kinds = { bill, plans, usage, ticket, rating };
	const build = Object.hasOwn(kinds, card?.type) && kinds[card.type];
	return build ? build(card, actions) : null;
}

/** Shows the first `few` in large type until more is asked for; the style sheet decides. */
export function fewer(nodes, few, label) {
	if (nodes.length <= few) return nodes;
	nodes.slice(few).forEach((node) => node.classList.add("beyond"));
	const more = h("button.more", { click: () => {
		nodes.forEach((node) => node.classList.remove("beyond"));
		more.remove();
	} }, label);
	return [...nodes, more];
}

function frame(kind, title, aside, ...body) {
	return h(`section.card.${kind}`, { "aria-label": title }, h("header", h("h2", title), aside), body);
}

/** 「128.40」 in cents; null when it is no plain amount. */
function cents(amount) {
	const match = /^([+-]?)(\d+)(?:\.(\d{1,2}))?$/.exec(amount);
	return match && Number(match[1] + match[2] + (match[3] ?? "").padEnd(2, "0"));
}

const money = (amount) => (cents(amount) === null ? amount : String(amount).replace(/^(-?)\+?/, "$1¥"));

/** 「2026-10」 as 「10月」. */
const monthName = (month) => String(month).replace(/^\d{4}-0?(\d{1,2})$/, "$1月");

function change(difference, since) {
	if (!difference) return null;
	const more = difference > 0;
	const yuan = (Math.abs(difference) / 100).toFixed(2);
	return h(`span.change.${more ? "up" : "down"}`, `${more ? "↑" : "↓"} ${since}${more ? "多" : "少"} ${yuan}`);
}

function bill(card) {
	const title = card.title || `${monthName(card.month)}账单`;
	const items = card.items ?? [];
	const most = Math.max(1, ...items.map((item) => cents(item.amount)));
	const rows = items.map((item) => {
		const fill = h("i");
		fill.style.width = `${Math.max(0, cents(item.amount) / most) * 100}%`;
		return h(cents(item.change) ? "li.changed" : "li",
			h("div.line", h("span", item.name), h("b", money(item.amount))),
			h("div.bar", { "aria-hidden": true }, fill),
			change(cents(item.change), "比上月"));
	});
	return frame("bill", title, h("p.total", money(card.total)), h("ul", rows), card.compare && compared(card));
}

function compared({ month, total, compare }) {
	const [now, before] = [cents(total), cents(compare.total)];
	const known = now !== null && before !== null;
	return h("footer", h("span", `${monthName(compare.month)}合计 ${money(compare.total)}`),
		known && (change(now - before, monthName(month)) ?? h("span", "两个月一样")));
}

function plans(card, actions) {
	const title = card.title || "可选套餐";
	const options = (card.plans ?? []).map((plan) => planOption(plan, actions));
	return frame("plans", title, null, h("ul", fewer(options, FEW_PLANS, "看看更多套餐")));
}

function planOption(plan, actions) {
	const facts = [plan.data_gb && `${plan.data_gb}GB流量`, plan.minutes && `${plan.minutes}分钟通话`, ...(plan.extras ?? [])];
	const choose = h("button.pick", { "aria-label": `选择${plan.name}` }, "选择");
	const option = h("li",
		h("div.line", h("strong", plan.name), h("b.price", money(plan.price), h("small", "/月"))),
		h("div.line",
			h("div.facts", facts.filter(Boolean).map((fact) => h("span", fact)), plan.reason && h("p", plan.reason)),
			choose));
	choose.addEventListener("click", (event) => {
		for (const other of option.parentNode.children) other.classList.toggle("chosen", other === option);
		actions.say(plan.payload || plan.name, event);
	});
	return option;
}

function usage(card) {
	return frame("usage", card.title || "本月用量", null, h("ul", (card.buckets ?? []).map(bucket)));
}

function bucket({ name, used, total, left, unit = "", percent }) {
	const limited = Number(total) > 0;
	const share = limited ? used / total : 0;
	const over = Math.round((used - total) * 100) / 100;
	const rest = over > 0 ? `已超出 ${over}${unit}` : `剩余 ${left}${unit}`;
	const full = limited ? `${percent ?? Math.round(share * 100)}%` : "不限";
	return h(`li.${share > 1 ? "over" : share >= 0.9 ? "low" : "fine"}`,
		h("span.gauge", ring(share), h("span", full)),
		h("div", h("strong", name), h("p.left", limited ? rest : "不限量"),
			h("p.soft", `已用 ${used}${unit}`, limited && ` / 共 ${total}${unit}`)));
}

function ticket(card) {
	const steps = card.steps ?? [];
	const rows = steps.map((step, index) => {
		const at = new Date(step.at);
		const shown = String(step.at).includes("T") && at.getTime() ? clock(at) : step.at;
		return h("li", { "aria-current": index === steps.length - 1 && "step" }, h("p", step.text), h("p.soft", shown));
	});
	return frame("ticket", card.title || "服务工单", h("span.badge", card.status),
		h("p.soft", `工单号 ${card.id}`), h("ol", rows));
}

let groups = 0;

function rating(card, actions) {
	const key = `rated.${card.handoff_id}`;
	const body = h("div");
	const done = (score) => {
		store.set(key, score);
		body.replaceChildren(h("p.thanks", icon("check"), `${SCORES[score - 1] ?? "您已评价"}，感谢您的反馈！`));
	};
	const given = store.get(key);
	if (given) done(given);
	else body.append(ratingForm(actions, done));
	return frame("rating", "请为这次服务打分", null, body);
}

function ratingForm(actions, done) {
	const name = `rating-${(groups += 1)}`;
	const said = h("p.soft", { role: "status" }, "轻点星星评分");
	const comment = h("textarea", { rows: 2, maxlength: 500, placeholder: "还想说点什么？（选填）", "aria-label": "评价留言" });
	const submit = h("button.primary", { disabled: true }, "提交评价");
	let score = 0;
	const choose = (value) => {
		score = value;
		submit.disabled = false;
		said.textContent = SCORES[value - 1];
		stars.forEach((star, index) => star.classList.toggle("on", index < value));
	};
	const stars = SCORES.map((label, index) => h("label",
		h("input", { type: "radio", name, "aria-label": `${index + 1}星 ${label}`, change: () => choose(index + 1) }),
		icon("star")));
	const send = async (event) => {
		event.preventDefault();
		submit.disabled = true;
		try {
			await actions.rate(score, comment.value.trim());
			done(score);
		} catch (problem) {
			// Rated before, perhaps on another device.
			if (problem.status === 409) return done(-1);
			submit.disabled = false;
			said.textContent = problem.message;
		}
	};
	return h("form", { submit: send }, h("div.stars", { role: "radiogroup", "aria-label": "评分" }, stars), said, comment, submit);
}
