/** Cards: what an answer shows besides its words. Amounts are shown as they came, never recomputed wrongly. */

import { Problem } from "./api.js";
import { h, icon, ring, words } from "./dom.js";
import { store } from "./store.js";

const FEW_PLANS = 2;
const SCORES = ["很不满意", "不满意", "一般", "满意", "非常满意"];

/** The element of a card, or null for one this page does not know. `actions`: say(text), rate(score, comment). */
export function cardElement(card, actions) {
  const build = { bill, plans, usage, ticket, rating }[card?.type];
  return build ? build(card, actions) : null;
}

/** 「128.40」 in cents; null when it is no plain amount. */
export function cents(amount) {
  const match = /^([+-]?)(\d+)(?:\.(\d{1,2}))?$/.exec(words(amount).trim());
  if (!match) return null;
  const value = Number(match[2]) * 100 + Number((match[3] ?? "").padEnd(2, "0"));
  return match[1] === "-" ? -value : value;
}

function money(amount) {
  const value = cents(amount);
  if (value === null) return words(amount);
  return `${value < 0 ? "-" : ""}¥${words(amount).trim().replace(/^[+-]/, "")}`;
}

/** 「2026-10」 as 「10月」, with the year where it is not this one. */
export function monthName(month) {
  const match = /^(\d{4})-(\d{2})$/.exec(words(month));
  if (!match) return words(month);
  const year = Number(match[1]) === new Date().getFullYear() ? "" : `${match[1]}年`;
  return `${year}${Number(match[2])}月`;
}

function frame(kind, title, ...children) {
  return h("section", { class: `card ${kind}`, "aria-label": title }, children);
}

function bar(share, kind = "") {
  const fill = h("i", { class: kind });
  fill.style.width = `${Math.round(Math.min(1, Math.max(0, share)) * 100)}%`;
  return h("div", { class: "bar", "aria-hidden": "true" }, fill);
}

function changeBadge(difference, before = "比上月") {
  if (!difference) return null;
  const yuan = (Math.abs(difference) / 100).toFixed(2);
  const [kind, arrow, verb] = difference > 0 ? ["up", "↑", "多"] : ["down", "↓", "少"];
  return h("span", { class: `change ${kind}` },
    h("span", { "aria-hidden": "true" }, arrow), `${before}${verb} ${yuan}`);
}

// ---- bill ------------------------------------------------------------------------------------

function bill(card) {
  const title = words(card.title) || `${monthName(card.month)}账单`;
  const items = card.items ?? [];
  const largest = Math.max(1, ...items.map((item) => Math.abs(cents(item.amount) ?? 0)));
  return frame("bill", title,
    h("header", null,
      h("h2", null, title),
      h("p", { class: "total" }, h("small", null, "合计"), money(card.total))),
    h("ul", null, items.map((item) => billItem(item, largest))),
    card.compare ? billCompare(card) : null);
}

function billItem(item, largest) {
  const difference = cents(item.change);
  const kind = !difference ? "" : difference > 0 ? "up" : "down";
  return h("li", { class: kind && `changed ${kind}` },
    h("div", { class: "line" }, h("span", null, words(item.name)), h("b", null, money(item.amount))),
    bar(Math.abs(cents(item.amount) ?? 0) / largest, kind),
    changeBadge(difference));
}

function billCompare(card) {
  const [now, before] = [cents(card.total), cents(card.compare.total)];
  const difference = now === null || before === null ? 0 : now - before;
  return h("footer", null,
    h("span", null, `${monthName(card.compare.month)}合计 ${money(card.compare.total)}`),
    changeBadge(difference, `${monthName(card.month)}`) ?? h("span", null, "两个月一样"));
}

// ---- plans -----------------------------------------------------------------------------------

let groups = 0;

function plans(card, actions) {
  const title = words(card.title) || "可选套餐";
  const group = `plans-${(groups += 1)}`;
  const offered = card.plans ?? [];
  const button = h("button", { type: "button", class: "primary", disabled: true }, "请选择一个套餐");
  let chosen = null;
  const choose = (plan) => {
    chosen = plan;
    button.disabled = false;
    button.replaceChildren(`选择${words(plan.name)}`);
  };
  button.addEventListener("click", () => {
    actions.say(words(chosen.payload) || words(chosen.name));
    button.disabled = true;
    button.replaceChildren(icon("check"), `已选择${words(chosen.name)}`);
  });
  const options = offered.map((plan) => planOption(plan, group, () => choose(plan)));
  return frame("plans", title,
    h("header", null, h("h2", null, title)),
    h("div", { class: "options", role: "radiogroup", "aria-label": title },
      fewer(options, FEW_PLANS, "看看更多套餐")),
    button);
}

function planOption(plan, group, onChoose) {
  const known = (value) => value !== null && value !== undefined && value !== "";
  const facts = [
    known(plan.data_gb) && `${words(plan.data_gb)}GB 流量`,
    known(plan.minutes) && `${words(plan.minutes)}分钟通话`,
    ...(plan.extras ?? []),
  ].filter(Boolean);
  return h("label", { class: "option" },
    h("input", { type: "radio", name: group, change: onChoose }),
    h("span", { class: "detail" },
      h("span", { class: "line" },
        h("strong", null, words(plan.name)),
        h("b", { class: "price" }, money(plan.price), h("small", null, "/月"))),
      h("span", { class: "facts" }, facts.map((fact) => h("span", null, words(fact)))),
      plan.reason ? h("span", { class: "reason" }, words(plan.reason)) : null));
}

/** In large type only the first `few` are shown until more is asked for; the style sheet decides. */
export function fewer(nodes, few, label) {
  if (nodes.length <= few) return nodes;
  for (const node of nodes.slice(few)) node.classList.add("beyond");
  const more = h("button", {
    type: "button", class: "more",
    click: () => {
      for (const node of nodes) node.classList.remove("beyond");
      more.remove();
    },
  }, label);
  return [...nodes, more];
}

// ---- usage -----------------------------------------------------------------------------------

function usage(card) {
  const title = words(card.title) || "本月用量";
  return frame("usage", title,
    h("header", null, h("h2", null, title)),
    h("ul", null, (card.buckets ?? []).map(bucket)));
}

function bucket(item) {
  const [used, total] = [Number(item.used), Number(item.total)];
  const limited = words(item.total) !== "" && total > 0;
  const share = limited ? used / total : 0;
  const percent = Math.round(Number(item.percent ?? share * 100));
  const over = limited && used > total;
  const kind = over ? "over" : share >= 0.9 ? "low" : "";
  const unit = words(item.unit);
  const left = over ? `已超出 ${trim(used - total)}${unit}` : `剩余 ${words(item.left)}${unit}`;
  return h("li", { class: kind },
    h("span", { class: "gauge" }, ring(share),
      h("span", null, limited ? `${percent}%` : "不限")),
    h("div", null,
      h("strong", null, words(item.name)),
      h("p", { class: "left" }, limited ? left : "不限量"),
      h("p", { class: "soft" }, `已用 ${words(item.used)}${unit}`,
        limited ? ` / 共 ${words(item.total)}${unit}` : "")));
}

function trim(number) {
  return String(Math.round(number * 100) / 100);
}

// ---- ticket ----------------------------------------------------------------------------------

function ticket(card) {
  const title = words(card.title) || "服务工单";
  const steps = card.steps ?? [];
  return frame("ticket", title,
    h("header", null, h("h2", null, title), h("span", { class: "badge" }, words(card.status))),
    h("p", { class: "soft" }, `工单号 ${words(card.id)}`),
    h("ol", null, steps.map((step, index) => h("li",
      { class: index === steps.length - 1 && "now", "aria-current": index === steps.length - 1 && "step" },
      h("p", null, words(step.text)), h("time", { class: "soft" }, when(step.at))))));
}

function when(at) {
  const moment = new Date(at);
  if (Number.isNaN(moment.getTime()) || !/T/.test(words(at))) return words(at);
  const two = (value) => String(value).padStart(2, "0");
  return `${moment.getMonth() + 1}月${moment.getDate()}日 ${two(moment.getHours())}:${two(moment.getMinutes())}`;
}

// ---- rating ----------------------------------------------------------------------------------

function rating(card, actions) {
  const key = `rated.${words(card.handoff_id)}`;
  const title = "请为这次服务打分";
  const body = h("div", { class: "ask" });
  const done = (score) => body.replaceChildren(thanks(score));
  const given = store.get(key);
  if (given) done(given);
  else body.append(ratingForm(key, actions, done));
  return frame("rating", title, h("header", null, h("h2", null, title)), body);
}

function thanks(score) {
  const said = SCORES[score - 1];
  return h("p", { class: "thanks", tabindex: "-1" }, icon("check"),
    said ? `您的评价：${said}。感谢您的反馈！` : "您已经评价过了，感谢您的反馈！");
}

function ratingForm(key, actions, done) {
  const group = `rating-${(groups += 1)}`;
  const said = h("p", { class: "said", role: "status" }, "轻点星星评分");
  const comment = h("textarea", {
    rows: 2, maxlength: 500, placeholder: "还想说点什么？（选填）", "aria-label": "评价留言",
  });
  const submit = h("button", { type: "submit", class: "primary", disabled: true }, "提交评价");
  let score = 0;
  const choose = (value) => {
    score = value;
    submit.disabled = false;
    said.replaceChildren(SCORES[value - 1]);
    stars.forEach((star, index) => star.classList.toggle("on", index < value));
  };
  const stars = SCORES.map((label, index) => h("label", { class: "star" },
    h("input", { type: "radio", name: group, "aria-label": `${index + 1}星 ${label}`, change: () => choose(index + 1) }),
    icon("star")));
  const send = async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await actions.rate(score, comment.value.trim());
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status !== 409) {
        submit.disabled = false;
        said.replaceChildren(problem.message);
        return;
      }
      score = -1;
    }
    store.set(key, score);
    done(score);
  };
  return h("form", { submit: send },
    h("div", { class: "stars", role: "radiogroup", "aria-label": "评分" }, stars), said, comment, submit);
}
