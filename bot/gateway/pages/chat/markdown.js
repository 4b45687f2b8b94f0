/** The little Markdown our answers use (bold, lists, links, line breaks), built as DOM nodes. */

import { h } from "./dom.js";

// Three stars or more hide digits.
const INLINE = /\*{3,}|\*\*((?:[^*]|\*{3,})+?)\*\*(?!\*)|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[\w\-.~:/?#@!$&*+,;=%]+)/g;
const BULLET = /^\s*[-*•·]\s+(.+)$/;
// 「1、」 or 「1. 」, but never the start of an amount such as 59.00.
const NUMBER = /^\s*(\d{1,2})(?:[.)]\s+|、\s*)(.+)$/;

/** Paragraphs and lists. */
export function markdown(text) {
	const blocks = [];
	let open = null;
	const block = (tag, props = {}) => {
		if (open?.localName !== tag) blocks.push((open = h(tag, props)));
		return open;
	};
	for (const line of text.split(/\r?\n/)) {
		const [bullet, number] = [BULLET, NUMBER].map((rule) => rule.exec(line));
		if (bullet) block("ul").append(h("li", inline(bullet[1])));
		else if (number) block("ol", { start: number[1] }).append(h("li", inline(number[2])));
		else if (line.trim()) {
			const paragraph = block("p");
			paragraph.append(paragraph.hasChildNodes() ? h("br") : "", ...inline(line));
		} else open = null;
	}
	return blocks;
}

function inline(text) {
	const nodes = [];
	let from = 0;
	for (const match of text.matchAll(INLINE)) {
		const [whole, bold, label, target, bare] = match;
		nodes.push(text.slice(from, match.index));
		const href = target ?? bare;
		nodes.push(bold ? h("strong", bold) : href ? link(href, label ?? bare) : whole);
		from = match.index + whole.length;
	}
	return [...nodes, text.slice(from)];
}

const link = (href, label) => h("a", { href, target: "_blank", rel: "noopener noreferrer" }, label);
