/** The little Markdown our answers use (bold, lists, headings, links, line breaks), built as DOM nodes. */

import { h } from "./dom.js";

const INLINE = /\*\*(.+?)\*\*|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[\w\-.~:/?#@!$&*+,;=%]+)/g;
const BULLET = /^\s*[-*•·]\s+(.+)$/;
// 「1、」 or 「1. 」, but never the start of an amount such as 59.00.
const NUMBER = /^\s*(\d{1,2})(?:[.)]\s+|、\s*)(.+)$/;
const HEADING = /^\s*#{1,6}\s+(.+)$/;

/** A fragment of paragraphs and lists. */
export function markdown(text) {
  const out = document.createDocumentFragment();
  let open = null;
  const block = (tag, attributes) => {
    if (open?.localName !== tag) out.append((open = h(tag, attributes)));
    return open;
  };
  for (const line of text.replace(/\r\n?/g, "\n").split("\n")) {
    const [bullet, number, heading] = [BULLET, NUMBER, HEADING].map((rule) => rule.exec(line));
    if (!line.trim()) open = null;
    else if (bullet) block("ul").append(h("li", null, inline(bullet[1])));
    else if (number) block("ol", { start: number[1] }).append(h("li", null, inline(number[2])));
    else if (heading) {
      out.append(h("p", null, h("strong", null, inline(heading[1]))));
      open = null;
    } else {
      const paragraph = block("p");
      if (paragraph.hasChildNodes()) paragraph.append(h("br"));
      paragraph.append(...inline(line));
    }
  }
  return out;
}

function inline(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    nodes.push(text.slice(from, match.index));
    const [whole, bold, label, target, bare] = match;
    nodes.push(bold ? h("strong", null, bold) : link(target ?? bare, label ?? bare));
    from = match.index + whole.length;
  }
  return [...nodes, text.slice(from)];
}

function link(href, label) {
  return h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, label);
}
