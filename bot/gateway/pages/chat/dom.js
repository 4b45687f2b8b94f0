/** Building the page. Data only ever becomes text nodes or attribute values, never markup. */

const SVG = "http://www.w3.org/2000/svg";

/** An element; function-valued props are event listeners, null and false are left out. */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

function svg(tag, props, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** An icon of the sprite in index.html. */
export function icon(name) {
  return svg("svg", { "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));
}

/** A ring filled to `share` (0 to 1). */
export function ring(share) {
  const circle = (more) =>
    svg("circle", { cx: 18, cy: 18, r: 15.5, pathLength: 100, ...more });
  const filled = Math.round(Math.min(1, Math.max(0, share)) * 100);
  const arc = circle({ class: "arc", "stroke-dasharray": `${filled} 100` });
  return svg("svg", { class: "ring", viewBox: "0 0 36 36", "aria-hidden": "true" }, circle({}), arc);
}

/** The element marked data-part="name" under `root`. */
export function part(root, name) {
  return root.querySelector(`[data-part="${name}"]`);
}

/** Any value as text; nothing becomes the empty text. */
export function words(value) {
  return value === null || value === undefined ? "" : String(value);
}
