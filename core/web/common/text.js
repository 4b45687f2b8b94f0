// Shows what people typed: always as text nodes, with line breaks kept and web addresses made into links.
// Nothing here ever becomes markup or a template, whatever the text holds.

import { mask } from "./format.js";

const { h } = Vue;
const LINK = /https?:\/\/[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+/g;
const TAIL = /[.,;:!?)\]'}]+$/;

/** Splits text into strings and {href} parts; only http and https addresses count. */
export function parts(text) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const href = match[0].replace(TAIL, "");
    if (match.index > at) found.push(text.slice(at, match.index));
    found.push({ href });
    at = match.index + href.length;
  }
  if (at < text.length) found.push(text.slice(at));
  return found;
}

const node = (part) =>
  typeof part === "string"
    ? part
    : h("a", { href: part.href, target: "_blank", rel: "noopener noreferrer nofollow" }, part.href);

/** <safe-text :text="…">: pre-wrapped; phone and identity numbers are hidden unless `open`. */
export const SafeText = (props) =>
  h("span", { class: "safe-text" }, parts(props.open ? String(props.text ?? "") : mask(props.text)).map(node));
SafeText.props = { text: null, open: Boolean };
