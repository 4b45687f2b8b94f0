// What changed between two texts, as runs of {kind: "same" | "gone" | "new", text}.

const MAX_CELLS = 4_000_000;
// Words of Latin letters and digits stay whole; everything else is compared by character.
const PIECES = /\$\{[^}]*\}|[A-Za-z0-9]+|[\s\S]/gu;

function table(a, b) {
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const at = i * width + j;
      lengths[at] = a[i] === b[j] ? lengths[at + width + 1] + 1 : Math.max(lengths[at + width], lengths[at + 1]);
    }
  }
  return { lengths, width };
}

function push(runs, kind, text) {
  const last = runs[runs.length - 1];
  if (last?.kind === kind) last.text += text;
  else runs.push({ kind, text });
}

/** Longest common subsequence; two texts too long for it are shown as wholly replaced. */
export function difference(before, after) {
  const a = String(before ?? "").match(PIECES) || [];
  const b = String(after ?? "").match(PIECES) || [];
  if ((a.length + 1) * (b.length + 1) > MAX_CELLS) {
    return [{ kind: "gone", text: a.join("") }, { kind: "new", text: b.join("") }];
  }
  const { lengths, width } = table(a, b);
  const runs = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const at = i * width + j;
    if (a[i] === b[j]) {
      push(runs, "same", a[i]);
      i += 1;
      j += 1;
    } else if (lengths[at + width] >= lengths[at + 1]) push(runs, "gone", a[i++]);
    else push(runs, "new", b[j++]);
  }
  while (i < a.length) push(runs, "gone", a[i++]);
  while (j < b.length) push(runs, "new", b[j++]);
  return runs;
}

const asText = (value) => {
  if (typeof value === "boolean") return value ? "是" : "否";
  return value === null || value === undefined ? "" : String(value);
};

/** Fields that differ: {field, list, added, removed} for lists, {field, runs} for the rest. */
export function changedFields(before, after, fields) {
  const changes = [];
  for (const field of fields) {
    const [old, now] = [before?.[field] ?? null, after?.[field] ?? null];
    if (JSON.stringify(old) === JSON.stringify(now)) continue;
    if (Array.isArray(old) || Array.isArray(now)) {
      const [was, is] = [old || [], now || []];
      const added = is.filter((item) => !was.includes(item));
      const removed = was.filter((item) => !is.includes(item));
      changes.push({ field, list: true, added, removed, reordered: !added.length && !removed.length });
    } else changes.push({ field, runs: difference(asText(old), asText(now)) });
  }
  return changes;
}
