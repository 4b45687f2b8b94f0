// Two people changed one entry: shows what each of them changed and lets this one choose.

import { moment } from "../common/format.js";
import { contentOf } from "./base.js";
import { ChangeList } from "./changes.js";
import { changedIn } from "./draft.js";
import { FIELDS, word } from "./words.js";

const { computed } = Vue;

export const ConflictDialog = {
  components: { ChangeList },
  props: { origin: Object, mine: Object, theirs: Object, busy: Boolean },
  emits: ["merge", "keep-mine", "take-theirs", "close"],
  setup(props, { emit }) {
    const other = computed(() => contentOf(props.theirs));
    const both = computed(() => {
      const ours = changedIn(props.origin, props.mine);
      return changedIn(props.origin, other.value).filter((name) => ours.includes(name));
    });
    function merge() {
      const mine = Object.fromEntries(changedIn(props.origin, props.mine).map((name) => [name, props.mine[name]]));
      emit("merge", { ...other.value, ...mine });
    }
    return { other, both, merge, moment, names: computed(() => both.value.map((name) => word(FIELDS, name)).join("、")) };
  },
  template: `
    <el-dialog :model-value="true" title="有人先保存了这条知识" width="880px" class="conflict" :close-on-click-modal="false" @close="$emit('close')">
      <p class="conflict-lead">您编辑期间，<b>{{ theirs.updated_by_name }}</b> 在 {{ moment(theirs.updated_at) }} 保存了新的内容。您写的都还在，请选择怎么处理。</p>
      <p v-if="both.length" class="hint hint-warn">两边都改了：{{ names }}。这些内容不能自动合并，请二选一，或回去手工整理。</p>
      <p v-else class="hint">两边改的是不同的内容，可以放心合并。</p>
      <div class="conflict-sides">
        <section><h3>{{ theirs.updated_by_name }} 的改动</h3><change-list :before="origin" :after="other" /></section>
        <section><h3>您的改动</h3><change-list :before="origin" :after="mine" /></section>
      </div>
      <template #footer>
        <div class="dialog-buttons">
          <el-button @click="$emit('close')">回去继续编辑</el-button>
          <el-button :disabled="busy" @click="$emit('take-theirs')">放弃我的改动</el-button>
          <el-button :type="both.length ? 'danger' : ''" :plain="both.length > 0" :loading="busy && both.length > 0" @click="$emit('keep-mine')">用我的整条覆盖</el-button>
          <el-button v-if="!both.length" type="primary" :loading="busy" @click="merge">合并两边的改动</el-button>
        </div>
      </template>
    </el-dialog>`,
};
