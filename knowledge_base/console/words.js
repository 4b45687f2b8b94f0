// Chinese for the codes of the knowledge contract, and small helpers for showing numbers.

export const STATES = { draft: "草稿", in_review: "待审核", approved: "已通过", published: "已发布", retired: "已下线" };
export const STATE_TAGS = { draft: "tag-warn", in_review: "tag-info", approved: "tag-good", published: "tag-good", retired: "" };
export const EFFECTS = { upcoming: "待生效", expired: "已过期" };
export const ACTS = { submit: "送审", return: "退回", approve: "审核通过", retire: "下线" };
export const KINDS = { miss: "没答上", unhelpful: "没帮上", correction: "同事更正" };
export const USAGE = {
  asked: ["被问", "客户的问题里，它排在第一的次数"],
  answered: ["答了", "客户看到这个答案的次数"],
  helpful: ["解决了", "客户说解决了"],
  unhelpful: ["没解决", "客户说没解决"],
  handoffs: ["转了人工", "看过答案后 30 分钟内同一会话转了人工"],
};
export const DECISIONS = { answer: "直接回答", clarify: "请客户确认", none: "不回答" };
export const DECISION_TAGS = { answer: "tag-good", clarify: "tag-warn", none: "tag-bad" };
export const DECISION_NOTES = {
  answer: "客户会直接看到首条的答案。",
  clarify: "客户会看到几个问题供选择，选中后再回答。",
  none: "机器人会说明没有找到，并提供转人工；这个问法会进入收件箱的「没答上」。",
};
export const FIELDS = {
  question: "标准问题", similar: "相似问题", negative: "反例", answer: "答案（微信）", rich: "答案（App）",
  category: "分类", tags: "标签", follow_ups: "后续按钮", valid_from: "生效日期", valid_to: "失效日期", enabled: "启用",
};
export const SIGNALS = {
  question: ["问法相近", "客户的话与各问法的语义距离，减去平均水平"],
  centre: ["整条相近", "客户的话与这条所有问法的中心的语义距离，减去平均水平"],
  answer: ["答案相关", "客户的话与答案内容的语义距离，减去平均水平"],
  lexical: ["字词重合", "客户用词有多大比例出现在这条里"],
  negative: ["反例推开", "与反例比与自己的问法更近多少；大于 0 会降低排名"],
};
export const LIMITS = { question: 300, answer: 4000, forms: 200, short: 40, shorts: 30 };

/** The word for a code; an unknown one is shown as it is, so nothing disappears. */
export const word = (table, code) => (code && Object.hasOwn(table, code) ? table[code] : code || "—");

/** 0.873 → 87%; a missing score is an em dash. */
export const percent = (value) => (Number.isFinite(value) ? `${Math.round(value * 100)}%` : "—");

export const count = (number) => (Number.isFinite(number) ? number.toLocaleString("zh-CN") : "—");
