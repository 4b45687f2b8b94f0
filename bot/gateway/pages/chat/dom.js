/** Building the page: data only ever becomes text nodes or attribute values, never markup. */

const SVG = "http://www.w3.org/2000/svg";

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
	node.append(...children.flat().filter((child) => child != null && child !== false));
	return node;
}

function svg(tag, props, ...children) {
	const node = document.createElementNS(SVG, tag);
	for (const key in props) node.setAttribute(key, props[key]);
	node.append(...children);
	return node;
}

/** An icon of the sprite in index.html. */
export const icon = (name) => svg("svg", { "aria-hidden": true }, svg("use", { href: `#i-${name}` }));

/** A ring filled to `share` (0 to 1). */
export function ring(share) {
	const circle = { cx: 18, cy: 18, r: 15.5, pathLength: 100 };
	const filled = Math.round(Math.min(1, share) * 100);
	return svg("svg", { class: "ring", viewBox: "0 0 36 36", "aria-hidden": true },
		svg("circle", circle), svg("circle", { ...circle, class: "arc", "stroke-dasharray": `${filled} 100` }));
}

/** Sets a text only when it is new, so that screen readers do not say it again. */
export function tell(node, text) {
	if (node.textContent !== text) node.textContent = text;
}

const two = (number) => String(number).padStart(2, "0");

/** 「14:05」 today, else 「昨天 14:05」, 「10月3日 14:05」, 「2025年10月3日 14:05」. */
export function clock(at) {
	const now = new Date();
	const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
	const ago = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 864e5);
	if (ago === 0) return time;
	if (ago === 1) return `昨天 ${time}`;
	const year = at.getFullYear() === now.getFullYear() ? "" : `${at.getFullYear()}年`;
	return `${year}${at.getMonth() + 1}月${at.getDate()}日 ${time}`;
}
