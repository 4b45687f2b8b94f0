// The knowledge contract as calls. Everything the console knows of addresses and shapes is here.

import { api, ApiError, request } from "../common/api.js";

const K = "/knowledge";
const LONG_MS = 10 * 60 * 1000;
const POLL_MS = 400;
const MOST_MISSES = 20;
const one = (id) => `${K}/entries/${encodeURIComponent(id)}`;

export const CONTENT = [
  "question", "similar", "negative", "answer", "rich", "category", "tags", "follow_ups", "valid_from", "valid_to", "enabled",
];

/** Only what a revision holds, in one order, so that two contents compare as text. */
export const contentOf = (entry) => Object.fromEntries(CONTENT.map((name) => [name, entry[name] ?? null]));

const summary = (entry) => ({ ...entry, live: entry.published_revision !== null, forms: entry.similar.length + 1 });

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Uploads, then follows the job: `tell` hears each of its states. A refused import still says what it found. */
async function importFile(file, dryRun, tell) {
  const form = new FormData();
  form.append("file", file, file.name);
  const query = { dry_run: dryRun, background: true };
  let job = await request("POST", `${K}/import`, { form, query, timeout: LONG_MS });
  for (let misses = 0; job.state === "running"; ) {
    tell(job);
    await pause(POLL_MS);
    try {
      job = await api.get(`${K}/import/jobs/${encodeURIComponent(job.id)}`);
      misses = 0;
    } catch (error) {
      // A short outage does not stop the import, so it must not stop our watching it.
      if (!error.temporary || (misses += 1) > MOST_MISSES) throw error;
    }
  }
  if (job.report) return job.report;
  if (job.problem.code === "import_rows_invalid") return { ...job.problem, nothing: true };
  throw new ApiError(job.problem.detail, { status: 422, code: job.problem.code });
}

async function download(path, query, name) {
  const response = await request("GET", path, { query, raw: true, timeout: LONG_MS });
  const address = URL.createObjectURL(await response.blob());
  const anchor = Object.assign(document.createElement("a"), { href: address, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/** The list's one choice of state is three questions to the server. */
function stateQuery(state) {
  if (state === "pending") return { pending: true };
  if (state === "upcoming" || state === "expired") return { effect: state };
  return { state: state === "all" ? "" : state };
}

export const base = {
  async list({ q = "", category = "", state = "", tag = "", sort = "", page = 1, size = 30 }) {
    const found = await api.get(`${K}/entries`, { q: q.trim(), category, tag, sort, page, size, ...stateQuery(state) });
    return { items: found.items.map(summary), total: found.total };
  },
  get: (id, signal) => api.get(one(id), { retired: true }, { signal }),
  create: (id, content) => api.post(`${K}/entries`, { ...content, id: id || null }),
  save: (id, content, version) => api.put(one(id), { ...content, version }),
  retire: (id, version) => api.delete(`${one(id)}?version=${version}`),
  review: (id, action, version, comment = "") => api.post(`${one(id)}/review`, { action, version, comment }),
  history: (id) => api.get(`${one(id)}/revisions`),
  usage: (id) => api.get(`${one(id)}/usage`),
  rollBack: (id, revision, version) => api.post(`${one(id)}/rollback`, { revision, version }),
  neighbours: async (text, id, answer = "") =>
    (await api.post(`${K}/entries/check`, { text: text.slice(0, 300), entry_id: id || null, answer: answer.slice(0, 4000) })).neighbours,
  preview: (answer, rich, signal) => api.post(`${K}/preview`, { answer, rich: rich || null }, { signal }),
  search: (q, k = 8, explain = false) => api.get(`${K}/search`, { q, k, explain: explain || "" }),

  async status() {
    const [publish, found, tags] = await Promise.all([api.get(`${K}/publish`), api.get(`${K}/categories`), api.get(`${K}/tags`)]);
    const categories = found.categories.map(({ name, entries }) => ({ name, count: entries }));
    return {
      pending: publish.pending, inReview: publish.in_review, fourEyes: publish.four_eyes, version: publish.version,
      problem: publish.problem, categories, tags: tags.tags.map(({ name }) => name),
      total: categories.reduce((sum, { count }) => sum + count, 0),
    };
  },
  plan: (golden = true) => request("GET", `${K}/publish/plan`, { query: { golden }, timeout: LONG_MS }),
  countOf: async (state) => (await api.get(`${K}/entries`, { ...stateQuery(state), size: 1 })).total,
  /** `how` is {force, unreviewed, ids}, see the contract. */
  publish: (how = {}) => request("POST", `${K}/publish`, { body: how, timeout: LONG_MS }),
  publishing: () => api.get(`${K}/publish`),
  snapshots: async () => (await api.get(`${K}/snapshots`)).snapshots,
  restore: (version) => request("POST", `${K}/snapshots/${encodeURIComponent(version)}/rollback`, { body: {}, timeout: LONG_MS }),

  golden: async () => (await api.get(`${K}/golden`)).questions,
  addGolden: (query, entryId) => api.post(`${K}/golden`, { query, entry_id: entryId || null }),
  removeGolden: (id) => api.delete(`${K}/golden/${encodeURIComponent(id)}`),
  runGolden: () => request("POST", `${K}/golden/run`, { body: {}, timeout: LONG_MS }),

  inbox: (kind, mine) => api.get(`${K}/inbox`, { kind, mine: mine || "" }),
  resolve: (ids, entryId) => api.post(`${K}/inbox/done`, { ids: ids.slice(0, 2000), entry_id: entryId || null }),
  assign: (ids, mine) => api.post(`${K}/inbox/assign`, { ids: ids.slice(0, 2000), mine }),

  importFile,
  failedRows: (name, format) => download(`${K}/import/${encodeURIComponent(name)}/failed`, { format }, `失败行.${format}`),
  exportAll: (format) => download(`${K}/export`, { format }, `知识库-${new Date().toISOString().slice(0, 10)}.${format}`),
};
