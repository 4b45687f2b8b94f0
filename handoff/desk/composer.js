// Where staff write: to the customer, a note for colleagues, a whisper to the agent. "/" opens the canned replies.

import { hasRole } from "/static/common/login.js";
import { addCanned, fill, findCanned, placeholderNames, readCanned, removeCanned, unfilled } from "./canned.js";
import { onOtherTab, read, write } from "./storage.js";

const { computed, nextTick, onBeforeUnmount, reactive, ref, watch } = Vue;
const LIMITS = { reply: 2000, note: 4000, whisper: 4000 };
const MODES = {
  reply: { tab: "回复客户", hint: "输入回复，Enter 发送，Shift+Enter 换行，/ 快捷语", send: "发送", event: "say", key: "Alt+R" },
  note: { tab: "内部备注", hint: "写给同事的备注，客户看不到", send: "记下", event: "note", key: "Alt+N" },
  whisper: { tab: "悄悄提示坐席", hint: "只有坐席看得到，客户看不到", send: "提示", event: "whisper", key: "" },
};
const TYPING_EVERY_MS = 2500;

export const ChatComposer = {
  props: {
    handoffId: String, placeholders: Object, suggestions: Array, busy: Boolean, knowledge: Boolean,
    modes: { type: Array, default: () => ["reply", "note"] },
  },
  emits: ["say", "note", "whisper", "typing", "knowledge"],
  setup(props, { emit, expose }) {
    const input = ref(null);
    const mode = ref(props.modes[0]);
    const texts = reactive({ reply: "", note: "", whisper: "" });
    const menu = reactive({ open: false, at: 0, words: "" });
    const saving = reactive({ open: false, name: "", shared: false });
    let typedAt = 0;

    const text = computed({ get: () => texts[mode.value], set: (value) => (texts[mode.value] = value) });
    const over = computed(() => text.value.length - LIMITS[mode.value]);
    const found = computed(() => (menu.open ? findCanned(menu.words).slice(0, 50) : []));
    const open = computed(() => (mode.value === "reply" ? unfilled(text.value) : []));

    let stopListening = () => {};
    const textsOf = (kept) => ({ reply: kept?.text || "", note: kept?.note || "", whisper: kept?.whisper || "" });
    function load() {
      readCanned();
      Object.assign(texts, textsOf(read("draft", props.handoffId)));
      Object.assign(menu, { open: false, words: "" });
      stopListening();
      stopListening = onOtherTab((draft) => {
        // The tab one is typing in wins.
        if (!document.hasFocus()) Object.assign(texts, textsOf(draft));
      }, "draft", props.handoffId);
      nextTick(grow);
    }
    watch(() => props.handoffId, () => { mode.value = props.modes[0]; load(); focus(); }, { immediate: true });
    // Who joins or takes over wants to speak; who leaves can no longer.
    watch(() => props.modes, (modes, before) => { if (!modes.includes(mode.value) || modes[0] !== before[0]) mode.value = modes[0]; });
    watch(texts, () => {
      const { reply: text, note, whisper } = texts;
      const empty = !text && !note && !whisper;
      write(empty ? null : { id: props.handoffId, text, note, whisper, at: new Date().toISOString() }, "draft", props.handoffId);
    });
    onBeforeUnmount(() => stopListening());

    function grow() {
      if (!input.value) return;
      input.value.style.height = "auto";
      input.value.style.height = `${Math.min(input.value.scrollHeight + 2, 200)}px`;
    }
    function focus(wanted) {
      if (wanted && props.modes.includes(wanted)) mode.value = wanted;
      nextTick(() => { grow(); if (matchMedia("(hover: hover)").matches || wanted) input.value?.focus(); });
    }
    function typed() {
      grow();
      const slash = mode.value === "reply" && /^\/([^\n]{0,20})$/.exec(text.value);
      Object.assign(menu, { open: Boolean(slash), words: slash ? slash[1] : "", at: 0 });
      if (mode.value !== "reply" || slash || Date.now() - typedAt < TYPING_EVERY_MS) return;
      typedAt = Date.now();
      emit("typing");
    }
    function send() {
      const value = text.value.trim();
      if (!value || over.value > 0 || props.busy) return;
      if (open.value.length) {
        ElementPlus.ElMessage({ type: "warning", message: `还有未填写的内容：${open.value.join("、")}`, grouping: true });
        return;
      }
      text.value = "";
      typedAt = 0;
      emit(MODES[mode.value].event, value);
      mode.value = props.modes[0];
      focus();
    }
    function put(value) {
      if (!props.modes.includes("reply")) return;
      mode.value = "reply";
      const before = /^\/[^\n]*$/.test(texts.reply) ? "" : texts.reply.trimEnd();
      texts.reply = before ? `${before}\n${value}` : value;
      menu.open = false;
      focus("reply");
    }
    const choose = (reply) => reply && put(fill(reply.text, props.placeholders || {}));
    function key(event) {
      if (event.isComposing || event.keyCode === 229) return;
      if (menu.open && menuKey(event)) return;
      if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
        event.preventDefault();
        send();
      }
    }
    function menuKey(event) {
      const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (move) menu.at = (menu.at + move + found.value.length) % Math.max(1, found.value.length);
      else if (event.key === "Escape") menu.open = false;
      else if ((event.key === "Enter" || event.key === "Tab") && found.value.length) choose(found.value[menu.at]);
      else return false;
      event.preventDefault();
      event.stopPropagation();
      if (move) nextTick(() => document.querySelector(".canned [aria-selected=true]")?.scrollIntoView({ block: "nearest" }));
      return true;
    }
    function toggleMenu() {
      readCanned(true);
      Object.assign(menu, { open: !menu.open, words: "", at: 0 });
      focus("reply");
    }
    function startSaving() {
      if (texts.reply.trim()) Object.assign(saving, { open: true, name: texts.reply.trim().slice(0, 6), shared: false });
      else ElementPlus.ElMessage({ message: "先写好内容，再存为快捷语。", grouping: true });
    }
    async function save() {
      if (!saving.name.trim() || await addCanned(saving.name, texts.reply, saving.shared)) saving.open = false;
    }
    /** Gives back a line that was refused, unless another has been begun. */
    function giveBack(kind, value) {
      texts[kind] ||= value;
      focus(kind);
    }
    const short = (hit) => hit.question || hit.answer || "";
    const supervisor = hasRole("supervisor");
    const mayRemove = (reply) => !reply.shared || supervisor;
    expose({ put, focus, giveBack });
    return {
      input, mode, text, over, found, open, menu, saving, LIMITS, MODES, typed, send, put, choose, key, toggleMenu, startSaving, save,
      removeCanned, mayRemove, supervisor, short, focus, placeholderNames,
    };
  },
  template: `
    <div :class="['composer', 'composer-' + mode]">
      <div v-if="suggestions?.length && mode === 'reply'" class="suggestions" aria-label="建议回复">
        <span class="muted">建议</span>
        <button v-for="hit in suggestions" :key="hit.entry_id || hit.answer" type="button" :class="['suggestion', { data: hit.kind === 'data' }]" :title="hit.answer" @click="put(hit.answer)">{{ short(hit) }}</button>
      </div>
      <div class="composer-bar">
        <div class="tabs" role="tablist">
          <button v-for="one in modes" :key="one" type="button" role="tab" :aria-selected="mode === one" :title="MODES[one].key" @click="focus(one)">{{ MODES[one].tab }}</button>
        </div>
        <span class="spacer"></span>
        <template v-if="modes.includes('reply')"><button type="button" class="link" :aria-expanded="menu.open" @click="toggleMenu" title="在输入框里输入 /">快捷语</button>
          <button type="button" class="link" @click="startSaving">存为快捷语</button></template>
        <button v-if="knowledge" type="button" class="link" @click="$emit('knowledge')" title="Alt+K">知识库</button>
      </div>
      <ul v-if="menu.open" class="canned" role="listbox" aria-label="快捷语">
        <li v-for="(reply, i) in found" :key="reply.id" role="option" :aria-selected="i === menu.at" @mousedown.prevent="choose(reply)" @mouseenter="menu.at = i">
          <strong>{{ reply.name }}</strong><span>{{ reply.text }}</span><i v-if="!reply.shared" class="tag">我的</i>
          <button v-if="mayRemove(reply)" type="button" class="link" aria-label="删除" @mousedown.stop.prevent="removeCanned(reply)">删除</button>
        </li>
        <li v-if="!found.length" class="empty">没有匹配的快捷语</li>
      </ul>
      <div v-if="saving.open" class="saving">
        <el-input v-model="saving.name" size="small" maxlength="20" placeholder="快捷语名称" @keydown.enter.prevent="save" />
        <el-checkbox v-if="supervisor" v-model="saving.shared" size="small">全员可用</el-checkbox>
        <el-button size="small" type="primary" @click="save">保存</el-button><el-button size="small" @click="saving.open = false">取消</el-button>
        <p class="small muted">可用占位：<span v-for="name in placeholderNames()" :key="name">{{ '{' + name + '}' }} </span></p>
      </div>
      <div class="composer-field">
        <textarea ref="input" v-model="text" rows="2" :aria-label="MODES[mode].tab" :placeholder="MODES[mode].hint" @input="typed" @keydown="key" @blur="menu.open = false"></textarea>
        <div class="composer-send">
          <span v-if="text.length > LIMITS[mode] * 0.9" :class="['num', over > 0 ? 'over' : 'muted']">{{ text.length }}/{{ LIMITS[mode] }}</span>
          <el-button :type="mode === 'reply' ? 'primary' : 'warning'" :disabled="!text.trim() || over > 0" @click="send">{{ MODES[mode].send }}</el-button>
        </div>
      </div>
    </div>`,
};
