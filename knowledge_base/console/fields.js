// Fields for lists of short texts: one line each (questions), or chips (tags, buttons).

const { ref, nextTick, computed } = Vue;

const linesOf = (text) => text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);

/** Questions, one per line. Enter adds one, pasting many lines adds many, Backspace in an empty one removes it. */
export const LineList = {
  props: { modelValue: Array, label: String, placeholder: String, max: Number, maxLength: Number, marks: Object, disabled: Boolean },
  emits: ["update:modelValue"],
  setup(props, { emit }) {
    const box = ref(null);
    const set = (items) => emit("update:modelValue", items.slice(0, props.max));
    const focus = (row) => nextTick(() => box.value?.querySelectorAll("input")[Math.max(0, row)]?.focus());
    function change(row, text) {
      set(props.modelValue.map((item, i) => (i === row ? text : item)));
    }
    function add(after = props.modelValue.length - 1) {
      if (props.modelValue.length >= props.max) return;
      set([...props.modelValue.slice(0, after + 1), "", ...props.modelValue.slice(after + 1)]);
      focus(after + 1);
    }
    function remove(row) {
      set(props.modelValue.filter((_, i) => i !== row));
      focus(row - 1);
    }
    function paste(event, row) {
      const lines = linesOf(event.clipboardData?.getData("text") || "");
      if (lines.length < 2) return;
      event.preventDefault();
      const before = props.modelValue.slice(0, row);
      const own = props.modelValue[row].trim() ? [props.modelValue[row]] : [];
      set([...before, ...own, ...lines, ...props.modelValue.slice(row + 1)]);
      focus(row + lines.length - (own.length ? 0 : 1));
    }
    function backspace(event, row) {
      if (props.modelValue[row] !== "") return;
      event.preventDefault();
      remove(row);
    }
    function enter(event, row) {
      if (event.isComposing) return;
      event.preventDefault();
      add(row);
    }
    const step = (event, row) => {
      event.preventDefault();
      focus(row);
    };
    return { box, change, add, remove, paste, backspace, enter, step };
  },
  template: `
    <div ref="box" class="lines" role="group" :aria-label="label">
      <div v-for="(text, row) in modelValue" :key="row" class="line" :class="{ 'line-marked': marks && marks[text] }">
        <span class="line-number num" aria-hidden="true">{{ row + 1 }}</span>
        <input :value="text" :aria-label="label + ' ' + (row + 1)" :maxlength="maxLength" :disabled="disabled" :placeholder="placeholder" spellcheck="false"
          @input="change(row, $event.target.value)" @keydown.enter="enter($event, row)" @keydown.backspace="backspace($event, row)"
          @keydown.up="step($event, row - 1)" @keydown.down="step($event, row + 1)" @paste="paste($event, row)">
        <span v-if="marks && marks[text]" class="line-mark">{{ marks[text] }}</span>
        <button type="button" class="line-remove" :aria-label="'删除第 ' + (row + 1) + ' 条' + label" :disabled="disabled" tabindex="-1" @click="remove(row)"><el-icon><svg viewBox="0 0 1024 1024"><path fill="currentColor" d="M764 288 540 512l224 224-28 28-224-224-224 224-28-28 224-224-224-224 28-28 224 224 224-224z"/></svg></el-icon></button>
      </div>
      <button type="button" class="line-add" :disabled="disabled || modelValue.length >= max" @click="add()">＋ 添加{{ label }}</button>
    </div>`,
};

/** Chips: Enter, comma or leaving the field adds one. `options` are suggested. */
export const ChipList = {
  props: { modelValue: Array, label: String, placeholder: String, max: Number, maxLength: Number, options: Array, disabled: Boolean },
  emits: ["update:modelValue"],
  setup(props, { emit }) {
    const typed = ref("");
    const listId = `chips-${Math.random().toString(36).slice(2)}`;
    const open = computed(() => (props.options || []).filter((option) => !props.modelValue.includes(option)).slice(0, 60));
    function add() {
      const fresh = typed.value.split(/[，,；;\n]/).map((text) => text.trim()).filter(Boolean);
      typed.value = "";
      const all = [...props.modelValue];
      for (const text of fresh) if (!all.includes(text)) all.push(text);
      if (fresh.length) emit("update:modelValue", all.slice(0, props.max));
    }
    const remove = (row) => emit("update:modelValue", props.modelValue.filter((_, i) => i !== row));
    function key(event) {
      if (event.isComposing) return;
      if (event.key === "Enter" || event.key === "，" || event.key === ",") {
        event.preventDefault();
        add();
      } else if (event.key === "Backspace" && !typed.value && props.modelValue.length) remove(props.modelValue.length - 1);
    }
    return { typed, listId, open, add, remove, key };
  },
  template: `
    <div class="chips" role="group" :aria-label="label" @click.self="$refs.input.focus()">
      <span v-for="(text, row) in modelValue" :key="text" class="chip">{{ text }}<button type="button" :aria-label="'移除 ' + text" :disabled="disabled" @click="remove(row)">×</button></span>
      <input ref="input" v-model="typed" :aria-label="label" :placeholder="modelValue.length ? '' : placeholder" :maxlength="maxLength" :disabled="disabled" :list="listId" @keydown="key" @blur="add">
      <datalist :id="listId"><option v-for="option in open" :key="option" :value="option"></option></datalist>
    </div>`,
};
