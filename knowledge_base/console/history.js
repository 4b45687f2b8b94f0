// Every revision of an entry: who, when, what changed, and the way back.

import { moment } from "../common/format.js";
import { complain, tell } from "../common/page.js";
import { base } from "./base.js";
import { ChangeList } from "./changes.js";
import { ACTS, STATES, STATE_TAGS, word } from "./words.js";

const { computed, reactive, watch } = Vue;

export const History = {
  components: { ChangeList },
  props: { entry: Object },
  emits: ["restored"],
  setup(props, { emit }) {
    const view = reactive({ rows: [], acts: [], chosen: 0, against: "before", busy: false, trouble: "", loaded: false });
    const shown = computed(() => view.rows.find((row) => row.number === view.chosen));
    const latest = computed(() => view.rows.find((row) => row.number === props.entry.revision));
    const other = computed(() => {
      if (view.against === "latest") return latest.value;
      return view.rows.find((row) => row.number < view.chosen);
    });
    async function load() {
      view.trouble = "";
      try {
        const { revisions, acts } = await base.history(props.entry.id);
        Object.assign(view, { rows: revisions, acts });
        view.chosen = view.rows[0]?.number || 0;
        view.loaded = true;
      } catch (error) {
        view.trouble = error.message;
      }
    }
    watch(() => [props.entry.id, props.entry.version], load, { immediate: true });
    async function restore() {
      const number = view.chosen;
      try {
        await ElementPlus.ElMessageBox.confirm(`用第 ${number} 版的内容新建一份草稿？现在的内容仍留在历史里，发布后客户才会看到。`, "恢复旧版", { confirmButtonText: "恢复", cancelButtonText: "取消" });
      } catch {
        return;
      }
      view.busy = true;
      try {
        emit("restored", await base.rollBack(props.entry.id, number, props.entry.version));
        tell(`已恢复第 ${number} 版的内容，成为新的草稿。`);
      } catch (error) {
        complain(error);
      } finally {
        view.busy = false;
      }
    }
    /** Who saw it besides its author, and what they said. */
    const acts = computed(() => view.acts.filter((act) => act.revision === view.chosen));
    const alone = computed(() => shown.value?.published_at && !shown.value.approver && shown.value.author !== "seed");
    return { view, shown, latest, other, acts, alone, restore, load, moment, actName: (act) => word(ACTS, act), stateName: (s) => word(STATES, s), stateTag: (s) => STATE_TAGS[s] || "" };
  },
  template: `
    <div class="history">
      <p v-if="view.trouble" class="empty" role="alert">{{ view.trouble }} <button type="button" class="link" @click="load">重试</button></p>
      <ol class="revisions" aria-label="历史版本">
        <li v-for="row in view.rows" :key="row.number"><button type="button" :class="{ on: row.number === view.chosen }" :aria-pressed="row.number === view.chosen" @click="view.chosen = row.number">
          <span><b>第 {{ row.number }} 版</b> <span class="tag" :class="row.number === entry.published_revision ? 'tag-good' : stateTag(row.state)">{{ row.number === entry.published_revision ? '线上' : row.state === 'retired' ? '旧版' : stateName(row.state) }}</span></span>
          <span class="muted">{{ row.author_name }} · {{ moment(row.created_at) }}</span><span v-if="row.note" class="muted">{{ row.note }}</span><span v-if="row.approver_name" class="muted">{{ row.approver_name }} 审核</span></button></li>
      </ol>
      <section v-if="shown" class="revision">
        <header><el-radio-group v-model="view.against" size="small"><el-radio-button value="before">与上一版比</el-radio-button><el-radio-button value="latest" :disabled="shown === latest">与当前比</el-radio-button></el-radio-group>
          <span class="spacer"></span><el-button v-if="shown !== latest || entry.state === 'retired'" size="small" :loading="view.busy" @click="restore">恢复到这一版</el-button></header>
        <p class="muted"><template v-if="view.against === 'latest' && shown !== latest">从第 {{ shown.number }} 版到当前（第 {{ latest?.number }} 版）</template><template v-else-if="other">从第 {{ other.number }} 版到第 {{ shown.number }} 版</template><template v-else>最初的内容</template></p>
        <ul v-if="acts.length || alone" class="acts"><li v-if="alone"><span class="tag tag-warn">未经另一位编辑审核</span> {{ shown.published_by }} 发布 · {{ moment(shown.published_at) }}</li><li v-for="act in acts" :key="act.at + act.act"><b>{{ act.by_name }}</b> {{ actName(act.act) }} <span class="muted">{{ moment(act.at) }}</span><p v-if="act.comment" class="said-by">{{ act.comment }}</p></li></ul>
        <change-list v-if="view.against === 'latest' && latest && shown !== latest" :before="shown.content" :after="latest.content" />
        <change-list v-else :before="other?.content" :after="shown.content" />
      </section>
    </div>`,
};
