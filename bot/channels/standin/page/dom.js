/** Building the page: data only ever becomes text nodes or attribute values, never markup. */

/** An element: h("p.note", {title}, ...children). Functions among the props are listeners. */
export function h(name, ...children) {
	const [tag, ...classes] = name.split(".");
	const node = document.createElement(tag);
	if (classes.length) node.className = classes.join(" ");
	const props = children[0]?.constructor === Object ? children.shift() : {};
	for (const [key, value] of Object.entries(props)) {
		if (typeof value === "function") node.addEventListener(key, value);
		else if (value !== false && value != null) node.setAttribute(key, value === true ? "" : value);
	}
	node.append(...children.flat().filter((child) => child != null && child !== false && child !== ""));
	return node;
}

/** An element that index.html marks with data-part. */
export const part = (name) => document.querySelector(`[data-part="${name}"]`);

/** Sets a text only when it is new, so that screen readers do not say it again. */
export function tell(node, text) {
	if (node.textContent !== text) node.textContent = text;
}

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
