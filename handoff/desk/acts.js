// What the agent does: take, change status. Each act runs once at a time and shows its failure.

import { api } from "/static/common/api.js";
import { complain, tell } from "/static/common/page.js";
import { desk, nameOf, refresh, show, takenBy } from "./store.js";

/** Runs one act at a time per name; a failure is shown. Returns whether it worked. */
export async function act(name, work) {
  if (desk.busy[name]) return false;
  desk.busy[name] = true;
  try {
    await work();
    return true;
  } catch (error) {
    complain(error);
    return false;
  } finally {
    desk.busy[name] = false;
    refresh();
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export async function accept(id) {
  const done = await act(`accept:${id}`, async () => {
    try {
      show(await api.post(`/handoffs/${id}/accept`));
    } catch (error) {
      if (error.status === 409) await nameWinner(id, error);
      throw error;
    }
  });
  return done;
}

// The event that tells who was faster may come a moment after the refusal.
async function nameWinner(id, error) {
  for (let i = 0; i < 8 && !takenBy.has(id); i += 1) await pause(100);
  if (takenBy.has(id)) error.message = `慢了一步：${nameOf(takenBy.get(id))}已经接入了这个会话。`;
}

export const acceptNext = () => act("next", async () => {
  const { handoff } = await api.post("/handoffs/next");
  if (handoff) show(handoff);
  else tell("现在没有等待您接入的客户", "info");
});

export const setStatus = (status) => act("status", async () => {
  const before = desk.status;
  desk.status = status;
  desk.dropped = false;
  desk.notice = null;
  try {
    await api.put("/agents/me/status", { status });
  } catch (error) {
    desk.status = before;
    throw error;
  }
});
