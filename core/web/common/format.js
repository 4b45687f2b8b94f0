// How money, times and numbers look to staff. Pure functions; a missing value is an em dash, never a guess.

const ZONE = "Asia/Shanghai";
const NONE = "—";
const dayFormat = new Intl.DateTimeFormat("en-CA", { timeZone: ZONE });
const clockFormat = new Intl.DateTimeFormat("zh-CN", { timeZone: ZONE, hour: "2-digit", minute: "2-digit", hour12: false });
const secondsFormat = new Intl.DateTimeFormat("zh-CN", {
  timeZone: ZONE, hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
});
const weekdayFormat = new Intl.DateTimeFormat("zh-CN", { timeZone: ZONE, weekday: "short" });

/** "158.4" → "¥158.40"; the sign comes first: -12.5 → "-¥12.50". */
export function money(value) {
  if (value === null || value === undefined || value === "") return NONE;
  const number = Number(value);
  if (!Number.isFinite(number)) return String(value);
  return `${number < 0 ? "-" : ""}¥${Math.abs(number).toFixed(2)}`;
}

/** Hides the middle of mobile and identity-card numbers, as the server does in logs. */
export function mask(text) {
  return String(text ?? "")
    .replace(/(?<!\d)(\d{4})\d{10}(\d{3}[\dXx])(?!\d)/g, "$1**********$2")
    .replace(/(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)/g, "$1****$2");
}

const asDate = (value) => (value instanceof Date ? value : new Date(value));

/** 2026-11-23 where the customers are. */
export const dayKey = (value) => dayFormat.format(asDate(value));

/** 14:05 */
export const clock = (value) => (value ? clockFormat.format(asDate(value)) : NONE);

/** 14:05:09 */
export const clockSeconds = (value) => (value ? secondsFormat.format(asDate(value)) : NONE);

/** 今天, 昨天, 周三 11-18, 2025-11-18 */
export function day(value, today = new Date()) {
  if (!value) return NONE;
  const key = dayKey(value);
  const days = Math.round((Date.parse(dayKey(today)) - Date.parse(key)) / 86400000);
  if (days === 0) return "今天";
  if (days === 1) return "昨天";
  if (key.slice(0, 4) !== dayKey(today).slice(0, 4)) return key;
  return `${weekdayFormat.format(asDate(value))} ${key.slice(5)}`;
}

/** 今天 14:05 */
export const moment = (value) => (value ? `${day(value)} ${clock(value)}` : NONE);

/** Seconds as a running clock: 0:07, 12:30, 1:02:09. */
export function stopwatch(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** Seconds in words: 45秒, 12分钟, 1小时20分, 14天3小时. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}秒`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes}分钟`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)}天${hours % 24 ? `${hours % 24}小时` : ""}`;
  const rest = minutes % 60;
  return `${hours}小时${rest ? `${rest}分` : ""}`;
}

/** Months of a contract or a tenure in words: 14 → 1年2个月. */
export function months(count) {
  if (count === null || count === undefined) return NONE;
  const years = Math.floor(count / 12);
  const rest = count % 12;
  return [years ? `${years}年` : "", rest || !years ? `${rest}个月` : ""].join("");
}

/** Whole days from today until a date; negative when it is past. */
export function daysUntil(value, today = new Date()) {
  if (!value) return null;
  return Math.round((Date.parse(String(value).slice(0, 10)) - Date.parse(dayKey(today))) / 86400000);
}
