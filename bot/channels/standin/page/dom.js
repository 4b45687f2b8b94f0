/** What the phone and the console are built with; elements are made as on the customers' page. */

export { h, tell } from "/chat/dom.js";

/** An element that index.html marks with data-part. */
export const part = (name) => document.querySelector(`[data-part="${name}"]`);

const two = (number) => String(number).padStart(2, "0");

/** 「14:05:09」 of seconds since 1970. */
export function clock(seconds) {
	const at = new Date(seconds * 1000);
	return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** 「48小时」, 「3分钟」, 「20秒」. */
export function lasting(seconds) {
	if (seconds >= 5400) return `${Math.round(seconds / 3600)}小时`;
	return seconds >= 90 ? `${Math.round(seconds / 60)}分钟` : `${Math.max(0, seconds)}秒`;
}
