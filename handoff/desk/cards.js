// The cards of the contract, small: what the customer saw, readable at a glance. Figures are shown as they came.

import { money, moment } from "/static/common/format.js";

const { h } = Vue;
const cell = (tag, content, css) => h(tag, { class: css }, content === null || content === undefined ? "" : String(content));
const yuan = (amount) => money(amount);
const list = (value) => (Array.isArray(value) ? value : []);

function bill(card) {
  const rows = list(card.items).map((item) =>
    h("tr", [cell("td", item.name), cell("td", yuan(item.amount), "num"), cell("td", item.change, "num change")]));
  const total = h("tr", { class: "sum" }, [cell("td", "合计"), cell("td", yuan(card.total), "num"), h("td")]);
  const compare = card.compare && cell("p", `对比${card.compare.month}：${yuan(card.compare.total)}`, "muted");
  return [h("table", [...rows, total]), compare];
}

function plans(card) {
  return [h("table", list(card.plans).map((plan) =>
    h("tr", [
      cell("td", plan.name), cell("td", `${yuan(plan.price)}/月`, "num"),
      cell("td", [plan.data_gb && `${plan.data_gb}GB`, plan.minutes && `${plan.minutes}分钟`, ...list(plan.extras)].filter(Boolean).join(" · ")),
    ])))];
}

function usage(card) {
  return list(card.buckets).map((bucket) =>
    h("div", { class: "bucket" }, [
      cell("span", bucket.name), h("meter", { min: 0, max: 100, value: Number(bucket.percent) || 0 }),
      cell("span", `已用 ${bucket.used} / ${bucket.total} ${bucket.unit}`, "num muted"),
    ]));
}

function ticket(card) {
  const steps = list(card.steps).map((step) => h("li", [cell("span", moment(step.at), "num muted"), ` ${step.text}`]));
  return [cell("p", `工单 ${card.id} · ${card.status}`), h("ul", steps)];
}

const SHAPES = { bill, plans, usage, ticket, rating: () => [cell("p", "已请客户评价本次服务", "muted")] };
const TITLES = { bill: "账单", plans: "套餐", usage: "用量", ticket: "工单", rating: "服务评价" };

/** <message-card :card="…">; a kind this page does not know is named, not dropped. */
export const MessageCard = ({ card }) => {
  const known = Object.hasOwn(SHAPES, card?.type);
  const title = [card?.title || TITLES[card?.type] || "卡片", card?.month].filter(Boolean).join(" · ");
  const body = known ? SHAPES[card.type](card) : [cell("p", `（${card?.type}）`, "muted")];
  return h("div", { class: ["card", `card-${known ? card.type : "other"}`] }, [cell("h4", title), ...body]);
};
MessageCard.props = { card: Object };
