// Chinese for the codes of the contract. An unknown code is shown as it is, so nothing disappears.

export const GROUPS = {
  billing: "话费账务", packages: "套餐业务", technical: "网络与宽带", complaints: "投诉处理",
  retention: "携转与销户", vip: "贵宾", general: "综合",
};
export const TIERS = { diamond: "钻石", gold: "金卡", silver: "银卡", normal: "普通" };
export const TRIGGERS = {
  asked: "要求人工", misses: "连续未答", sentiment: "情绪不满", complaint: "投诉",
  job: "需人工办理", retention: "离网意向", outage: "系统不可用",
};
export const MOODS = { positive: "满意", neutral: "平稳", negative: "不满", angry: "愤怒" };
export const MOOD_RANK = { positive: 1, neutral: 0, negative: -1, angry: -2 };
/** The NLU names what it hears; the desk names what it means. */
const HEARD = { calm: "neutral", unhappy: "negative" };
export const moodOf = (label) => HEARD[label] || label;
const mean = (points) => points.reduce((sum, { label }) => sum + (MOOD_RANK[label] ?? 0), 0) / points.length;
/** The newer half of the messages against the older half, as the package counts it. */
export function trendOf(points) {
  const half = Math.floor(points.length / 2);
  const change = half ? mean(points.slice(half)) - mean(points.slice(0, half)) : 0;
  return change >= 0.5 ? "better" : change <= -0.5 ? "worse" : "steady";
}
export const TRENDS = { better: "正在好转", steady: "无明显变化", worse: "越来越差" };
export const STATES = {
  waiting: "排队中", offered: "待应答", active: "服务中", transferred: "转接中", wrap_up: "待小结",
  closed: "已结束", abandoned: "客户已放弃", returned: "已交回机器人",
};
export const CHANNELS = { web: "网页", app: "App", wechat: "微信", wecom: "企业微信" };
export const STATUSES = { online: "在线", busy: "忙碌", offline: "离线" };
export const VERIFICATIONS = { guest: "未验证", bound: "已绑定", verified: "已验证" };
export const REACTIONS = { helpful: "有用", unhelpful: "没有用", ignored: "未回应" };
export const TICKET_KINDS = { complaint: "投诉", fault: "故障报修", callback: "回访", consultation: "咨询", other: "其他" };
export const TICKET_STATES = { open: "已受理", processing: "处理中", resolved: "已解决", closed: "已关闭" };
export const DISPOSITIONS = {
  resolved: "已解决", followup: "需后续跟进", ticket: "已建工单", no_reply: "客户未回应", invalid: "无效会话",
};
export const SLOTS = {
  phone_number: "手机号", month: "月份", date: "日期", duration: "时长", package_name: "套餐", money_amount: "金额",
  service_name: "业务", data_amount: "流量", address: "地址", country: "国家或地区", broadband_account: "宽带账号",
  ticket_id: "工单号", rating: "评分",
};
const CLOCKS = { first_reply: "首次回复", next_reply: "回复客户", resolution: "办结", wrap_up: "填写小结" };
const EVENTS = {
  open: "进入排队", offer: "分派", refuse: "拒绝分派", escalate: "超时升级", expire: "分派超时", accept: "接入", transfer: "转接",
  queue: "重新排队", reassign: "改派", agent_lost: "坐席断线，回到队列", finish: "结束服务", close: "提交小结",
  take_over: "主管接管", invite: "邀请同事", join: "加入会话", leave: "离开会话", declined: "婉拒邀请", left: "取消邀请",
  reveal: "查看完整号码", return: "交回机器人", abandon: "客户取消排队", leave_message: "转为留言", note: "备注",
};

/** The word for a code. */
export const word = (table, code) => (code && Object.hasOwn(table, code) ? table[code] : code || "—");

/** The tags of a tier: colour by rank. */
export const tierClass = (tier) => ({ diamond: "tag tier-diamond", gold: "tag tier-gold", silver: "tag tier-silver" })[tier] || "tag";

/** The tag of a priority: only what is urgent is loud. */
export const priorityClass = (points) => (points >= 50 ? "tag tag-bad" : points >= 20 ? "tag tag-warn" : "tag");

/** One line for an event of the timeline; `nameOf` turns a staff id into a name. */
export function eventWords(event, nameOf) {
  const data = event.data || {};
  const base = word(EVENTS, event.kind);
  if (event.kind === "transfer" || event.kind === "reassign") {
    const goal = data.to_agent ? nameOf(data.to_agent) : word(GROUPS, data.to_group);
    return `${base}给${goal}`;
  }
  if (event.kind === "offer" || event.kind === "expire") return `${base}：${nameOf(data.agent_id)}`;
  if (event.kind === "refuse") return `${base}：${data.reason}`;
  if (event.kind === "escalate") return `${base}：${word(CLOCKS, data.clock)}，第${data.level}级`;
  if (event.kind === "invite") return `邀请${nameOf(data.guest)}加入`;
  if ((event.kind === "leave" || event.kind === "left") && data.guest !== event.actor) return `${base}：${nameOf(data.guest)}`;
  if (event.kind === "open") return `${base}（${word(GROUPS, data.skill_group)}）`;
  if (event.kind === "close") return `${base}：${word(DISPOSITIONS, data.disposition)}`;
  return base;
}

/** What a colleague wrote with an event, if anything. */
export const eventNote = (event) => event.data?.text || event.data?.note || "";
