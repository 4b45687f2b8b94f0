// The knowledge contract as calls. Everything the console knows of addresses and shapes is here.

import { api, request } from "../common/api.js";

const K = "/knowledge";
const LONG_MS = 10 * 60 * 1000;
const MOST = 200;
const one = (id) => `${K}/entries/${encodeURIComponent(id)}`;

export const CONTENT = [
  "question", "similar", "negative", "answer", "rich", "category", "tags", "follow_ups", "valid_from", "valid_to", "enabled",
];

/** Only what a revision holds, in one order, so that two contents compare as text. */
export const contentOf = (entry) => Object.fromEntries(CONTENT.map((name) => [name, entry[name] ?? null]));

const summary = (entry) => ({ ...entry, live: entry.published_revision !== null, forms: entry.similar.length + 1 });

/** A refused import still says what it found, row by row. */
async function importFile(file, dryRun) {
  const form = new FormData();
  form.append("file", file, file.name);
  try {
    return await request("POST", `${K}/import`, { form, query: { dry_run: dryRun }, timeout: LONG_MS });
  } catch (error) {
    if (error.code === "import_rows_invalid") return { ...error.data, nothing: true };
    throw error;
  }
}

async function download(path, query, name) {
  const response = await request("GET", path, { query, raw: true, timeout: LONG_MS });
  const address = URL.createObjectURL(await response.blob());
  const anchor = Object.assign(document.createElement("a"), { href: address, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

export const base = {
  async list({ q = "", category = "", state = "", tag = "", page = 1, size = 30 }) {
    const pending = state === "pending";
    const only = state === "all" ? "" : state;
    const query = { q: [q.trim(), tag].filter(Boolean).join(" "), category, page, size };
    const found = await api.get(`${K}/entries`, { ...query, ...(pending ? { pending } : { state: only }) });
    return { items: found.items.map(summary), total: found.total };
  },
  get: (id, signal) => api.get(one(id), { retired: true }, { signal }),
  create: (id, content) => api.post(`${K}/entries`, { ...content, id: id || null }),
  save: (id, content, version) => api.put(one(id), { ...content, version }),
  retire: (id, version) => api.delete(`${one(id)}?version=${version}`),
  review: (id, action, version) => api.post(`${one(id)}/review`, { action, version }),
  revisions: async (id) => (await api.get(`${one(id)}/revisions`)).revisions,
  rollBack: (id, revision, version) => api.post(`${one(id)}/rollback`, { revision, version }),
  neighbours: async (text, id, signal) =>
    (await api.post(`${K}/entries/check`, { text: text.slice(0, 300), entry_id: id || null }, { signal })).neighbours,
  preview: (answer, rich, signal) => api.post(`${K}/preview`, { answer, rich: rich || null }, { signal }),
  search: (q, k = 8, signal) => api.get(`${K}/search`, { q, k }, { signal }),

  async status() {
    const [publish, found] = await Promise.all([api.get(`${K}/publish`), api.get(`${K}/categories`)]);
    const categories = found.categories.map(({ name, entries }) => ({ name, count: entries }));
    return {
      pending: publish.pending, version: publish.version, problem: publish.problem, categories,
      total: categories.reduce((sum, { count }) => sum + count, 0),
    };
  },
  async plan() {
    const { items, total } = await api.get(`${K}/entries`, { pending: true, size: MOST });
    const all = items.map(summary);
    // A retired entry is listed only while customers still get it.
    const gone = all.filter((entry) => entry.state === "retired");
    const kept = all.filter((entry) => entry.state !== "retired");
    return { fresh: kept.filter((entry) => !entry.live), changed: kept.filter((entry) => entry.live), gone, more: total - all.length };
  },
  countOf: async (state) => (await api.get(`${K}/entries`, { ...(state === "pending" ? { pending: true } : { state }), size: 1 })).total,
  publish: (force) => request("POST", `${K}/publish`, { body: { force }, timeout: LONG_MS }),
  publishing: () => api.get(`${K}/publish`),
  snapshots: async () => (await api.get(`${K}/snapshots`)).snapshots,
  restore: (version) => request("POST", `${K}/snapshots/${encodeURIComponent(version)}/rollback`, { body: {}, timeout: LONG_MS }),

  golden: async () => (await api.get(`${K}/golden`)).questions,
  addGolden: (query, entryId) => api.post(`${K}/golden`, { query, entry_id: entryId || null }),
  removeGolden: (id) => api.delete(`${K}/golden/${encodeURIComponent(id)}`),
  runGolden: () => request("POST", `${K}/golden/run`, { body: {}, timeout: LONG_MS }),

  misses: async () => (await api.get(`${K}/misses`)).clusters,
  resolve: (ids, entryId) => api.post(`${K}/misses/resolve`, { ids: ids.slice(0, 500), entry_id: entryId || null }),

  importFile,
  failedRows: (name, format) => download(`${K}/import/${encodeURIComponent(name)}/failed`, { format }, `失败行.${format}`),
  exportAll: (format) => download(`${K}/export`, { format }, `知识库-${new Date().toISOString().slice(0, 10)}.${format}`),
};
