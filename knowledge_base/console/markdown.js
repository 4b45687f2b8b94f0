// Markdown to VNodes: bold, italic, code, links, headings, lists, quotes, rules. Text only ever becomes
// text nodes, and link targets are web, phone or in-app addresses, so an answer can never carry markup in.

const { h } = Vue;
// Three stars or more hide digits.
const INLINE = /\*{3,}|\*\*((?:[^*]|\*{3,})+?)\*\*(?!\*)|\*(?![\s*])([^*]+)\*(?!\*)|`([^`]+)`|\[([^\]]+)\]\(([^()\s]+)\)|(https?:\/\/[A-Za-z0-9\-._~:/?#@!$&+,;=%]+)/;
const SAFE_LINK = /^(https?:\/\/|tel:)/i;
const BULLET = /^\s*[-*+]\s+/;
const NUMBER = /^\s*\d+[.、)]\s+/;
const HEADING = /^(#{1,4})\s+/;
const QUOTE = /^>\s?/;
const RULE = /^\s*(-{3,}|\*{3,})\s*$/;

function link(label, target) {
  if (!SAFE_LINK.test(target)) return label;
  return h("a", { href: target, target: "_blank", rel: "noopener noreferrer nofollow" }, label);
}

/** One line's nodes. */
export function inline(text) {
  const nodes = [];
  let rest = text;
  for (let match = INLINE.exec(rest); match; match = INLINE.exec(rest)) {
    if (match.index) nodes.push(rest.slice(0, match.index));
    const [all, bold, italic, code, label, target, bare] = match;
    if (bold !== undefined) nodes.push(h("strong", inline(bold)));
    else if (italic !== undefined) nodes.push(h("em", inline(italic)));
    else if (code !== undefined) nodes.push(h("code", code));
    else if (label !== undefined) nodes.push(link(label, target));
    else nodes.push(bare === undefined ? all : link(bare, bare));
    rest = rest.slice(match.index + all.length);
  }
  if (rest) nodes.push(rest);
  return nodes;
}

function kindOf(line) {
  if (!line.trim()) return "blank";
  if (RULE.test(line)) return "rule";
  if (HEADING.test(line)) return "heading";
  if (BULLET.test(line)) return "ul";
  if (NUMBER.test(line)) return "ol";
  return QUOTE.test(line) ? "quote" : "text";
}

const withBreaks = (lines) => lines.flatMap((line, i) => (i ? [h("br"), ...inline(line)] : inline(line)));

const BLOCKS = {
  rule: () => h("hr"),
  heading: ([line]) => h(`h${Math.min(4, HEADING.exec(line)[1].length + 2)}`, inline(line.replace(HEADING, ""))),
  ul: (lines) => h("ul", lines.map((line) => h("li", inline(line.replace(BULLET, ""))))),
  ol: (lines) => h("ol", { start: parseInt(lines[0], 10) || 1 }, lines.map((line) => h("li", inline(line.replace(NUMBER, ""))))),
  quote: (lines) => h("blockquote", withBreaks(lines.map((line) => line.replace(QUOTE, "")))),
  text: (lines) => h("p", withBreaks(lines)),
};

/** A whole text's block nodes. */
export function blocks(text) {
  const nodes = [];
  let kind = "blank";
  let held = [];
  const flush = () => {
    if (held.length) nodes.push(BLOCKS[kind](held));
    held = [];
  };
  for (const line of String(text ?? "").split(/\r?\n/)) {
    const next = kindOf(line);
    if (next !== kind || next === "heading" || next === "rule") flush();
    kind = next;
    if (next !== "blank") held.push(line);
  }
  flush();
  return nodes;
}

/** <rich-text :text="…"> */
export const RichText = (props) => h("div", { class: "rich-text" }, blocks(props.text));
RichText.props = { text: String };
