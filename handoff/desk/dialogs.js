// What needs a few words before it is done: transfer, return, close, ticket, help.

import { api } from "/static/common/api.js";
import { session } from "/static/common/login.js";
import { tell } from "/static/common/page.js";
import { act } from "./acts.js";
import { desk, load, readAgents } from "./store.js";
import { GROUPS, STATUSES, TICKET_KINDS, word } from "./words.js";

const { computed, reactive, watch } = Vue;

const open = (props, emit) => computed({ get: () => props.modelValue, set: (value) => emit("update:modelValue", value) });
const dialog = { props: { modelValue: Boolean, row: Object }, emits: ["update:modelValue", "done"] };

/** Hands a customer on: to a group or to a colleague who has the skill. */
export const TransferDialog = {
  ...dialog,
  setup(props, { emit }) {
    const shown = open(props, emit);
    const form = reactive({ kind: "group", group: "", agent: "", note: "" });
    watch(shown, (now) => {
      if (!now) return;
      Object.assign(form, { kind: "group", group: props.row.skill_group, agent: "", note: "" });
      readAgents().catch(() => {});
    });
    const colleagues = computed(() => desk.agents.filter((agent) => agent.id !== session.staff.id && agent.status !== "offline" && agent.id !== props.row?.agent_id));
    const groups = computed(() => desk.groups.map((group) => ({ ...group, online: desk.agents.filter((a) => a.status === "online" && a.skill_groups.includes(group.id)).length })));
    const chosen = computed(() => colleagues.value.find((agent) => agent.id === form.agent));
    // The customer keeps the group when the colleague has it, else goes by one the colleague has.
    const group = computed(() => {
      if (form.kind === "group") return form.group;
      const own = chosen.value?.skill_groups || [];
      return own.includes(props.row?.skill_group) ? props.row.skill_group : own[0];
    });
    const title = computed(() => (props.row?.state === "waiting" ? "改派" : "转接"));
    const ready = computed(() => (form.kind === "group" ? Boolean(form.group) : Boolean(chosen.value)));
    async function submit() {
      const body = { skill_group: group.value, agent_id: form.kind === "agent" ? form.agent : null, note: form.note.trim() };
      let moved = null;
      if (await act("transfer", async () => (moved = await api.post(`/handoffs/${props.row.handoff_id}/transfer`, body)))) {
        tell(moved.warning || `已${title.value}，客户保留原来的位置`, moved.warning ? "warning" : "success");
        shown.value = false;
        emit("done");
      }
    }
    return { shown, title, form, colleagues, groups, ready, submit, desk, word, GROUPS, STATUSES };
  },
  template: `
    <el-dialog v-model="shown" :title="title" width="520px" append-to-body>
      <el-radio-group v-model="form.kind"><el-radio-button value="group">转给技能组</el-radio-button><el-radio-button value="agent">转给同事</el-radio-button></el-radio-group>
      <ul class="choices" role="radiogroup">
        <template v-if="form.kind === 'group'"><li v-for="group in groups" :key="group.id"><label :class="{ chosen: form.group === group.id }"><input type="radio" name="group" :value="group.id" v-model="form.group"><span>{{ group.name }}</span><span class="spacer"></span><span class="small muted">{{ group.online ? group.online + '人在线' : '无人在线' }}</span></label></li></template>
        <template v-else><li v-for="agent in colleagues" :key="agent.id"><label :class="{ chosen: form.agent === agent.id }"><input type="radio" name="agent" :value="agent.id" v-model="form.agent"><i :class="['dot', 'dot-' + agent.status]"></i><span>{{ agent.display_name }}</span><span class="small muted grow">{{ agent.skill_groups.map((g) => word(GROUPS, g)).join('、') }}</span><span class="small muted num">{{ word(STATUSES, agent.status) }} {{ agent.load }}/{{ agent.capacity }}</span></label></li>
          <li v-if="!colleagues.length" class="empty">现在没有其他同事在线</li></template>
      </ul>
      <el-input v-model="form.note" type="textarea" :rows="3" maxlength="2000" placeholder="给下一位同事的备注（客户看不到）" aria-label="转接备注" />
      <template #footer><el-button @click="shown = false">取消</el-button><el-button type="primary" :disabled="!ready" :loading="desk.busy.transfer" @click="submit">{{ title }}</el-button></template>
    </el-dialog>`,
};

/** Gives a customer back to the bot. */
export const ReturnDialog = {
  ...dialog,
  setup(props, { emit }) {
    const shown = open(props, emit);
    const form = reactive({ note: "" });
    watch(shown, () => (form.note = ""));
    async function submit() {
      if (await act("return", () => api.post(`/handoffs/${props.row.handoff_id}/return`, { note: form.note.trim() }))) {
        tell("已交回机器人");
        shown.value = false;
        emit("done");
      }
    }
    return { shown, form, submit, desk };
  },
  template: `
    <el-dialog v-model="shown" title="交回机器人" width="460px" append-to-body>
      <p class="dialog-lead">客户会收到提示，之后由智能客服小畅继续服务，不需要写小结。</p>
      <el-input v-model="form.note" type="textarea" :rows="3" maxlength="2000" placeholder="备注（选填，客户看不到）" aria-label="交回备注" />
      <template #footer><el-button @click="shown = false">取消</el-button><el-button type="primary" :loading="desk.busy.return" @click="submit">交回机器人</el-button></template>
    </el-dialog>`,
};

/** Ends a conversation with its outcome and summary; the talk may end first and be written up later. */
export const CloseDialog = {
  ...dialog,
  setup(props, { emit }) {
    const shown = open(props, emit);
    const form = reactive({ disposition: "resolved", summary: "", options: [] });
    watch(shown, async (now) => {
      if (!now) return;
      Object.assign(form, { disposition: "resolved", summary: "", options: [] });
      await act("closing", async () => {
        const { closing } = await load(props.row.handoff_id);
        Object.assign(form, { disposition: closing.disposition || "resolved", summary: closing.summary, options: closing.dispositions });
      });
    });
    async function finish() {
      if (await act("finish", () => api.post(`/handoffs/${props.row.handoff_id}/finish`))) {
        tell("会话已结束，记得填写小结");
        shown.value = false;
      }
    }
    async function submit() {
      const body = { disposition: form.disposition, summary: form.summary.trim() || null };
      if (await act("close", () => api.post(`/handoffs/${props.row.handoff_id}/close`, body))) {
        tell("已结束并保存小结");
        shown.value = false;
        emit("done");
      }
    }
    return { shown, form, finish, submit, desk };
  },
  template: `
    <el-dialog v-model="shown" :title="row?.state === 'wrap_up' ? '填写小结' : '结束会话'" width="560px" append-to-body>
      <p class="field-name">处理结果</p>
      <el-radio-group v-model="form.disposition"><el-radio-button v-for="option in form.options" :key="option.value" :value="option.value">{{ option.title }}</el-radio-button></el-radio-group>
      <p class="field-name">小结</p>
      <el-input v-model="form.summary" type="textarea" :rows="8" maxlength="4000" aria-label="小结" />
      <template #footer>
        <el-button v-if="row?.state === 'active'" :loading="desk.busy.finish" @click="finish">先结束，稍后写小结</el-button>
        <el-button type="primary" :disabled="!form.options.length" :loading="desk.busy.close" @click="submit">{{ row?.state === 'wrap_up' ? '提交小结' : '结束并提交小结' }}</el-button>
      </template>
    </el-dialog>`,
};

/** A ticket from the chat. */
export const TicketDialog = {
  ...dialog,
  setup(props, { emit }) {
    const shown = open(props, emit);
    const form = reactive({ kind: "consultation", grade: "normal", title: "", text: "", group: "" });
    watch(shown, (now) => now && Object.assign(form, { kind: props.row.trigger === "complaint" ? "complaint" : "consultation", grade: props.row.complaint_grade || "normal", title: (props.row.request || "").slice(0, 100), text: "", group: "" }));
    async function submit() {
      const body = { kind: form.kind, grade: form.grade, title: form.title.trim(), text: form.text.trim(), skill_group: form.group || null };
      let id = "";
      const made = await act("ticket", async () => { id = (await api.post(`/handoffs/${props.row.handoff_id}/tickets`, body)).ticket.id; });
      if (!made) return;
      tell(`工单 ${id} 已建立`);
      shown.value = false;
      load(props.row.handoff_id).catch(() => {});
      emit("done", id);
    }
    return { shown, form, submit, desk, kinds: Object.entries(TICKET_KINDS) };
  },
  template: `
    <el-dialog v-model="shown" title="建立工单" width="520px" append-to-body>
      <div class="form-row"><el-select v-model="form.kind" aria-label="工单类型"><el-option v-for="[value, title] in kinds" :key="value" :value="value" :label="title" /></el-select>
        <el-select v-model="form.grade" aria-label="紧急程度"><el-option value="normal" label="普通" /><el-option value="high" label="紧急" /></el-select>
        <el-select v-model="form.group" placeholder="我来跟进" aria-label="负责人"><el-option value="" label="我来跟进" /><el-option v-for="group in desk.groups" :key="group.id" :value="group.id" :label="'转' + group.name + '组'" /></el-select></div>
      <el-input v-model="form.title" maxlength="100" show-word-limit placeholder="标题" aria-label="工单标题" />
      <el-input v-model="form.text" type="textarea" :rows="5" maxlength="2000" show-word-limit placeholder="需要处理什么、已经答应客户什么" aria-label="工单内容" />
      <template #footer><el-button @click="shown = false">取消</el-button><el-button type="primary" :disabled="!form.title.trim()" :loading="desk.busy.ticket" @click="submit">建立工单</el-button></template>
    </el-dialog>`,
};

const KEYS = [
  ["Alt + A", "接入下一位客户"], ["Alt + 1…9", "切换到第几个会话"], ["Alt + R", "回复客户"], ["Alt + N", "写内部备注"],
  ["Alt + K", "搜索知识库"], ["Alt + T", "转接"], ["Alt + I", "邀请同事一起服务"], ["Alt + E", "结束会话"], ["Alt + G", "在会话与工单之间切换"], ["Enter / Ctrl + Enter", "发送"],
  ["Shift + Enter", "换行"], ["/", "在空输入框里打开快捷语"], ["Esc", "关闭弹窗或快捷语"], ["?", "打开这份说明"],
];

export const HelpDialog = {
  props: { modelValue: Boolean },
  emits: ["update:modelValue"],
  setup(props, { emit }) {
    return { shown: open(props, emit), keys: KEYS };
  },
  template: `
    <el-dialog v-model="shown" title="键盘快捷键" width="440px" append-to-body>
      <dl class="keys"><template v-for="[key, what] in keys" :key="key"><dt><kbd>{{ key }}</kbd></dt><dd>{{ what }}</dd></template></dl>
    </el-dialog>`,
};
