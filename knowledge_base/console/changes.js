// <change-list :before :after>: the differing fields of two contents, insertions and deletions marked.

import { changedFields } from "./diff.js";
import { FIELDS, word } from "./words.js";

const { computed } = Vue;

export const ChangeList = {
  props: { before: Object, after: Object },
  setup(props) {
    const changes = computed(() => changedFields(props.before, props.after, Object.keys(FIELDS)));
    return { changes, name: (field) => word(FIELDS, field) };
  },
  template: `
    <div class="changes" :class="{ 'changes-first': !before }">
      <p v-if="!changes.length" class="muted">内容完全相同。</p>
      <section v-for="change in changes" :key="change.field" class="change">
        <h4>{{ name(change.field) }}</h4>
        <ul v-if="change.list">
          <li v-for="text in change.removed" :key="'-' + text"><del>{{ text }}</del></li>
          <li v-for="text in change.added" :key="'+' + text"><ins>{{ text }}</ins></li>
          <li v-if="change.reordered" class="muted">只是调整了顺序</li>
        </ul>
        <p v-else class="change-text"><template v-for="(run, i) in change.runs" :key="i"><del v-if="run.kind === 'gone'">{{ run.text }}</del><ins v-else-if="run.kind === 'new'">{{ run.text }}</ins><span v-else>{{ run.text }}</span></template></p>
      </section>
    </div>`,
};
