// Knowledge search beside the conversation: read, put into the composer, send at once, or tell the editors what is
// wrong with it.

import { api } from "/static/common/api.js";
import { complain, tell } from "/static/common/page.js";

const { onMounted, reactive, ref, watch } = Vue;
const WAIT_MS = 250;

export const KnowledgePanel = {
  props: { suggested: Array, active: Boolean, canSend: Boolean, question: String },
  emits: ["put", "send"],
  setup(props, { expose }) {
    const input = ref(null);
    const state = reactive({ words: "", busy: false, problem: "", hits: null, decision: "" });
    let timer = 0;
    let asked = 0;

    async function search() {
      clearTimeout(timer);
      const words = state.words.trim().slice(0, 200);
      const mine = ++asked;
      if (!words) {
        Object.assign(state, { hits: null, busy: false, problem: "" });
        return;
      }
      state.busy = true;
      try {
        const found = await api.get("/knowledge/search", { q: words, k: 6 });
        if (mine === asked) Object.assign(state, { hits: found.hits, decision: found.decision, problem: "" });
      } catch (error) {
        if (mine === asked) Object.assign(state, { hits: null, problem: error.message });
      } finally {
        if (mine === asked) state.busy = false;
      }
    }
    watch(() => state.words, () => { clearTimeout(timer); timer = setTimeout(search, WAIT_MS); });
    const focus = () => input.value?.focus();
    function fromCustomer() {
      state.words = (props.question || "").slice(0, 200);
      search();
    }
    const fix = reactive({ id: "", note: "", proposal: "", before: "", busy: false });
    const begin = (hit) => Object.assign(fix, { id: fix.id === hit.entry_id ? "" : hit.entry_id, note: "", proposal: hit.answer, before: hit.answer });
    const changed = () => (fix.proposal.trim() !== fix.before.trim() ? fix.proposal.trim() : null);
    async function report() {
      fix.busy = true;
      try {
        await api.post("/knowledge/corrections", { entry_id: fix.id, note: fix.note, proposal: changed(), query: props.question || "" });
        fix.id = "";
        tell("已告诉知识编辑，谢谢。");
      } catch (error) {
        complain(error);
      } finally {
        fix.busy = false;
      }
    }
    onMounted(() => props.active && focus());
    expose({ focus });
    return { input, state, search, fromCustomer, fix, begin, changed, report };
  },
  template: `
    <div class="knowledge">
      <div class="knowledge-search">
        <el-input ref="input" v-model="state.words" placeholder="搜索知识库" clearable maxlength="200" aria-label="搜索知识库" @keydown.enter="(event) => !event.isComposing && search()" />
        <button v-if="question" type="button" class="link" @click="fromCustomer">搜客户刚才的话</button>
      </div>
      <p v-if="state.busy && !state.hits" class="small muted pad" role="status">正在搜索…</p>
      <p v-if="state.problem" class="empty" role="alert">{{ state.problem }}</p>
      <p v-else-if="state.hits && !state.hits.length" class="empty">没有找到相关知识，换个说法试试</p>
      <p v-else-if="state.hits && state.decision === 'none'" class="small muted pad">没有很确定的答案，以下供参考</p>
      <ul v-if="state.hits || suggested?.length" class="hits" :aria-busy="state.busy">
        <li v-if="!state.hits" class="small muted pad">机器人为这位客户找到的</li>
        <li v-for="hit in state.hits || suggested" :key="hit.entry_id || hit.answer" class="hit">
          <h4>{{ hit.question }} <span v-if="hit.score" class="small muted num">{{ Math.round(hit.score * 100) }}%</span></h4>
          <p v-if="hit.matched_question && hit.matched_question !== hit.question" class="small muted">匹配：{{ hit.matched_question }}</p>
          <p class="answer"><safe-text :text="hit.answer" open /></p>
          <p class="hit-actions"><template v-if="canSend"><el-button size="small" @click="$emit('put', hit.answer)">填入</el-button><el-button size="small" type="primary" plain @click="$emit('send', hit.answer)">直接发送</el-button></template><el-button size="small" text :aria-expanded="fix.id === hit.entry_id" @click="begin(hit)">更正</el-button></p>
          <form v-if="fix.id === hit.entry_id" class="hit-fix" @submit.prevent="report">
            <el-input v-model="fix.note" size="small" maxlength="500" placeholder="哪里不对？例如：日包已经改名" aria-label="哪里不对" />
            <el-input v-model="fix.proposal" type="textarea" :autosize="{ minRows: 3, maxRows: 10 }" maxlength="4000" aria-label="更好的说法" />
            <p class="hit-actions"><el-button size="small" type="primary" native-type="submit" :loading="fix.busy" :disabled="!fix.note.trim() && !changed()">告诉编辑</el-button><el-button size="small" text @click="fix.id = ''">取消</el-button></p>
          </form>
        </li>
      </ul>
      <p v-else-if="!state.problem && !state.hits" class="empty">输入关键词，例如“国际漫游怎么收费”</p>
    </div>`,
};
