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

const KINDS = { image: "图片", voice: "语音", video: "视频", location: "位置", link: "链接", too_long: "很长的消息" };
const away = { target: "_blank", rel: "noopener noreferrer" };

/** What a customer sent that is no text; the file comes through our own server, if the platform still has it. */
function media(card, id) {
  const file = card.media_id && id ? `/api/v1/media/${encodeURIComponent(id)}` : "";
  const rows = [];
  if (card.kind === "image" && file) rows.push(h("a", { href: file, ...away }, [h("img", { src: file, alt: "客户发来的图片", loading: "lazy" })]));
  else if (file) {
    if (card.kind === "video") rows.push(h("video", { src: file, controls: true, preload: "metadata", "aria-label": "客户发来的视频" }));
    rows.push(h("a", { href: file, ...away }, "打开或保存"));
  }
  if (card.kind === "location") {
    rows.push(cell("p", card.label), cell("p", [card.latitude, card.longitude].filter(Number.isFinite).join("，"), "num muted"));
  } else if (card.label) rows.push(cell("p", card.label));
  if (/^https?:\/\//.test(card.url || "") && !file) rows.push(h("a", { href: card.url, ...away }, card.kind === "image" ? "查看原图" : card.url));
  return rows.length ? rows : [cell("p", "平台没有提供内容", "muted")];
}

const SHAPES = { media, bill, plans, usage, ticket, rating: () => [cell("p", "已请客户评价本次服务", "muted")] };
const TITLES = { bill: "账单", plans: "套餐", usage: "用量", ticket: "工单", rating: "服务评价" };

/** <message-card :card="…" :id="message id">; a kind this page does not know is named, not dropped. */
export const MessageCard = ({ card, id }) => {
  const known = Object.hasOwn(SHAPES, card?.type);
  const title = [card?.title || TITLES[card?.type] || (card?.type === "media" && KINDS[card.kind]) || "卡片", card?.month].filter(Boolean).join(" · ");
  const body = known ? SHAPES[card.type](card, id) : [cell("p", `（${card?.type}）`, "muted")];
  return h("div", { class: ["card", `card-${known ? card.type : "other"}`] }, [cell("h4", title), ...body]);
};
MessageCard.props = { card: Object, id: String };
