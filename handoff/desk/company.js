// More than one of us at a conversation: invitations, joining, whispers, taking over, the whole number.

import { api, newClientId } from "/static/common/api.js";
import { session } from "/static/common/login.js";
import { tell } from "/static/common/page.js";
import { act } from "./acts.js";
import { beep } from "./alerts.js";
import { desk, load, open, refresh, show, threads } from "./store.js";
import { STATUSES, word } from "./words.js";

const { computed, onBeforeUnmount, reactive, watch } = Vue;

// ---- what is heard ----

/** Somebody was invited, came, went or said no. */
export function heardGuest(event) {
  const { state, guest, guest_name: name, by_name: by, note, handoff_id: id } = event;
  const me = guest === session.staff.id;
  if (state === "invited" && me) {
    beep("waiting");
    box("info", `${by}邀请您加入会话`, note || "客户正在服务中，请帮忙一起处理。");
  } else if (state === "declined" && !me) {
    tell(`${name}暂时不能加入${note ? `：${note}` : ""}`, "info");
  }
  const row = desk.rows.find((other) => other.handoff_id === id);
  if (me && row && (state === "left" || state === "declined")) row.role = "left"; // No longer ours to read.
  else if (id === desk.active) load(id).catch(() => {});
  refresh();
}

/** A supervisor's word in the agent's ear. */
export function heardWhisper({ by_name: by, text, handoff_id: id }) {
  beep("waiting");
  box("warning", `${by}悄悄提示`, text, () => open(id));
}

function box(type, title, message, onClick = () => {}) {
  // A string is shown as text; nothing here is markup.
  ElementPlus.ElNotification({ type, title, message: String(message), position: "bottom-right", duration: 12000, onClick });
}

// ---- what is done ----

export const join = (id) => act(`join:${id}`, async () => show(await api.post(`/handoffs/${id}/join`)));
export const decline = (id, note = "") => act(`join:${id}`, () => api.post(`/handoffs/${id}/decline`, { note }));
export const leaveTalk = (id) => act(`join:${id}`, () => api.post(`/handoffs/${id}/leave`));
export const dismiss = (id, guest) => act(`join:${id}`, () => api.delete(`/handoffs/${id}/guests/${encodeURIComponent(guest)}`));
export const takeOver = (id, note = "") => act(`take:${id}`, async () => show(await api.post(`/handoffs/${id}/take-over`, { note })));

// The same words are the same line, however often they are sent until they arrived.
const unsent = new Map();

async function once(kind, id, text) {
  const key = `${kind}:${id}:${text}`;
  if (!unsent.has(key)) unsent.set(key, newClientId());
  const done = await act(kind, async () => {
    const { message } = await api.post(`/handoffs/${id}/${kind}`, { text, client_message_id: unsent.get(key) });
    threads.get(id)?.take([message]);
  });
  if (done) unsent.delete(key);
  return done;
}

/** A private note; false when it was refused. */
export const note = (id, text) => once("notes", id, text);
/** A line only the serving agent sees; false when it was refused. */
export const whisper = (id, text) => once("whisper", id, text);

// ---- asking somebody in ----

/** Chooses whom to ask into the conversation. */
export const InviteDialog = {
  props: { modelValue: Boolean, row: Object },
  emits: ["update:modelValue"],
  setup(props, { emit }) {
    const shown = computed({ get: () => props.modelValue, set: (value) => emit("update:modelValue", value) });
    const form = reactive({ who: "", note: "", people: [] });
    watch(shown, (now) => {
      if (!now) return;
      Object.assign(form, { who: "", note: "", people: [] });
      act("invitable", async () => { form.people = (await api.get(`/handoffs/${props.row.handoff_id}/invitable`)).people; });
    });
    async function submit() {
      const body = { staff_id: form.who, note: form.note.trim() };
      if (await act("invite", () => api.post(`/handoffs/${props.row.handoff_id}/invite`, body))) {
        tell("已发出邀请");
        shown.value = false;
        load(props.row.handoff_id).catch(() => {});
      }
    }
    return { shown, form, submit, desk, word, STATUSES };
  },
  template: `
    <el-dialog v-model="shown" title="邀请同事一起服务" width="520px" append-to-body>
      <p class="dialog-lead">对方加入后可以一起回复客户，客户会看到谁加入和离开；会话仍由您负责。</p>
      <ul class="choices" role="radiogroup"><li v-for="person in form.people" :key="person.id"><label :class="{ chosen: form.who === person.id }"><input type="radio" name="who" :value="person.id" v-model="form.who"><i v-if="person.status" :class="['dot', 'dot-' + person.status]"></i><span>{{ person.name }}</span><span class="spacer"></span><span class="small muted">{{ person.supervisor ? '主管' : word(STATUSES, person.status) + ' ' + person.load + '/' + person.capacity }}</span></label></li>
        <li v-if="!form.people.length && !desk.busy.invitable" class="empty">现在没有可以邀请的同事</li></ul>
      <el-input v-model="form.note" type="textarea" :rows="2" maxlength="500" placeholder="想请对方帮什么（客户看不到）" aria-label="邀请说明" />
      <template #footer><el-button @click="shown = false">取消</el-button><el-button type="primary" :disabled="!form.who" :loading="desk.busy.invite" @click="submit">邀请</el-button></template>
    </el-dialog>`,
};

/** <guest-tags :row>: who else is in the conversation; the owner may send them away. */
export const GuestTags = {
  props: { row: Object, mayDismiss: Boolean },
  setup: () => ({ dismiss }),
  template: `
    <span v-for="guest in row.guests" :key="guest.id" :class="['tag guest', guest.state === 'joined' ? 'tag-good' : 'tag-warn']" :title="guest.state === 'joined' ? '一起服务中' : '已邀请，还没加入'">{{ guest.name }}{{ guest.state === 'joined' ? '' : '（待加入）' }}<button v-if="mayDismiss" type="button" :aria-label="(guest.state === 'joined' ? '请离' : '取消邀请') + guest.name" @click="dismiss(row.handoff_id, guest.id)">✕</button></span>`,
};

// ---- the whole number ----

const REASONS = ["回拨联系客户", "核实客户身份", "业务办理需要"];

/** <whole-number :row :may :path>: the masked number; the whole one for a short time, for a reason that is logged.
 * `path` is what asks for it; a conversation unless told otherwise. */
export const WholeNumber = {
  props: { row: Object, may: Boolean, path: String },
  setup(props) {
    const state = reactive({ asking: false, reason: REASONS[0], phone: "", left: 0 });
    const source = () => props.path || `/handoffs/${props.row?.handoff_id}`;
    let timer = 0;
    function hide() {
      clearInterval(timer);
      Object.assign(state, { asking: false, phone: "", left: 0 });
    }
    async function reveal() {
      const path = source();
      await act("reveal", async () => {
        const { phone, numbers = [phone], seconds } = await api.post(`${path}/reveal`, { reason: state.reason.trim() });
        if (path !== source()) return;
        Object.assign(state, { asking: false, phone: numbers.join("、"), left: seconds });
        clearInterval(timer);
        timer = setInterval(() => ((state.left -= 1) > 0 ? null : hide()), 1000);
      });
    }
    watch(source, hide);
    onBeforeUnmount(hide);
    return { state, reveal, hide, desk, REASONS };
  },
  template: `
    <span class="whole-number">
      <span class="num muted" :class="{ bare: state.phone }">{{ state.phone || row.masked_phone }}</span>
      <template v-if="state.phone"><span class="small muted num">{{ state.left }}秒后隐藏</span><button type="button" class="link" @click="hide">隐藏</button></template>
      <button v-else-if="may && row.masked_phone && !state.asking" type="button" class="link" @click="state.asking = true">查看完整号码</button>
      <span v-if="state.asking" class="asking"><el-select v-model="state.reason" size="small" filterable allow-create default-first-option aria-label="查看原因" placeholder="查看原因"><el-option v-for="reason in REASONS" :key="reason" :value="reason" :label="reason" /></el-select>
        <el-button size="small" type="primary" :disabled="state.reason.trim().length < 2" :loading="desk.busy.reveal" @click="reveal">查看</el-button><el-button size="small" @click="state.asking = false">取消</el-button><span class="small muted">查看会留下记录</span></span>
    </span>`,
};
