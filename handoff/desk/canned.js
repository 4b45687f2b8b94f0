// Canned replies: the house's and one's own, with placeholders filled from the customer at hand.

import { money } from "/static/common/format.js";
import { session } from "/static/common/login.js";
import { read, write } from "./storage.js";

const { reactive } = Vue;

const HOUSE = [
  ["问候", "您好，我是客服{坐席}，您的情况我已经看到了，马上为您处理。"],
  ["稍等", "请您稍等，我正在为您核实，大约需要1到2分钟。"],
  ["感谢等候", "感谢您的耐心等候。"],
  ["套餐", "您现在使用的是{当前套餐}。"],
  ["余额", "您当前账户余额为{余额}。"],
  ["欠费", "您当前欠费{欠费}，缴清后会自动恢复服务。"],
  ["合约", "您的合约将于{合约到期}到期，到期前变更可能影响优惠，请您留意。"],
  ["致歉", "给您带来不便非常抱歉，我会跟进到底。"],
  ["已登记", "您的问题已经登记，我们会尽快与您联系。"],
  ["确认", "请问这样处理您看可以吗？"],
  ["还有问题", "请问还有其他可以帮您的吗？"],
  ["结束", "感谢您的来电咨询，祝您生活愉快！"],
];

const own = reactive({ list: null });

/** All canned replies, one's own first: {name, text, mine}. */
export function cannedReplies() {
  own.list ??= read("canned") || [];
  const mine = own.list.map(({ name, text }) => ({ name, text, mine: true }));
  return [...mine, ...HOUSE.map(([name, text]) => ({ name, text, mine: false }))];
}

export function addCanned(name, text) {
  own.list = [{ name: name.trim().slice(0, 20), text: text.trim().slice(0, 500) }, ...(own.list || [])].slice(0, 100);
  write(own.list, "canned");
}

export function removeCanned(reply) {
  own.list = (own.list || []).filter((other) => other.text !== reply.text || other.name !== reply.name);
  write(own.list, "canned");
}

/** Those whose name or text holds the words typed after "/". */
export function findCanned(words) {
  const wanted = words.trim().toLowerCase();
  return cannedReplies().filter(({ name, text }) => !wanted || `${name} ${text}`.toLowerCase().includes(wanted));
}

/** Fills placeholders; what is unknown stays visible as 【…】 and is never sent by accident (see `unfilled`). */
export function fill(text, customer = {}) {
  const known = {
    坐席: session.staff?.display_name,
    客户姓名: customer.name,
    当前套餐: customer.plan,
    余额: customer.balance && money(customer.balance),
    欠费: customer.arrears && money(customer.arrears),
    合约到期: customer.contract_end,
    手机号: customer.masked_phone,
  };
  return text.replace(/\{([^{}]{1,12})\}/g, (_, name) => known[name] || `【${name}】`);
}

/** Names of placeholders that are still open in a text. */
export const unfilled = (text) => [...text.matchAll(/【([^【】]{1,12})】/g)].map((match) => match[1]);
