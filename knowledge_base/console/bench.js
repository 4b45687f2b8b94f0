// 机器人会怎么答: one question in detail, or many at once.

import { complain, tell } from "../common/page.js";
import { base } from "./base.js";
import { BubblePreview } from "./bubbles.js";
import { replace, route } from "./route.js";
import { shared, startEntryFrom } from "./shared.js";
import { DECISIONS, DECISION_NOTES, DECISION_TAGS, percent, SIGNALS, word } from "./words.js";

const { computed, nextTick, onMounted, reactive, ref } = Vue;
const MOST = 200;
const AT_ONCE = 3;

export const Bench = {
  components: { BubblePreview },
  setup() {
    const view = reactive({ mode: "one", q: route.query.q || "", busy: false, asked: "", result: null, chosen: 0, trouble: "", ms: 0 });
    const many = reactive({ text: "", rows: [], busy: false, only: "" });
    const box = ref(null);
    const hit = computed(() => view.result?.hits[view.chosen] || null);
    const rows = computed(() => many.rows.filter((row) => !many.only || row.decision === many.only));
    const sums = computed(() => Object.keys(DECISIONS).map((name) => [name, many.rows.filter((row) => row.decision === name).length]));

    async function ask() {
      const q = view.q.trim();
      if (!q || view.busy) return;
      Object.assign(view, { busy: true, trouble: "" });
      replace("bench", "", { q });
      const began = performance.now();
      try {
        const result = await base.search(q, 8, true);
        Object.assign(view, { result, asked: q, chosen: 0, ms: Math.round(performance.now() - began) });
      } catch (error) {
        Object.assign(view, { trouble: error.message, result: null });
      } finally {
        view.busy = false;
      }
    }
    async function askMany() {
      const texts = [...new Set(many.text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean))].slice(0, MOST);
      Object.assign(many, { rows: texts.map((text) => ({ text, decision: "", hit: null, trouble: "" })), busy: true, only: "" });
      const waiting = [...many.rows];
      async function work() {
        for (let row = waiting.shift(); row; row = waiting.shift()) {
          try {
            const result = await base.search(row.text, 1);
            Object.assign(row, { decision: result.decision, hit: result.hits[0] || null, reason: result.reason });
          } catch (error) {
            row.trouble = error.message;
          }
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      many.busy = false;
    }
    async function keep(entryId) {
      try {
        await base.addGolden(view.asked, entryId);
        tell(entryId ? "已加为必过问题：以后发布前都会检查它还命中这一条。" : "已加为必过问题：以后发布前都会检查它仍不回答。");
      } catch (error) {
        complain(error);
      }
    }
    /** The two probabilities behind the decision, with what each had to reach. */
    const chances = computed(() => {
      const why = view.result?.explanation;
      if (!why || why.exact) return [];
      return [
        { name: "像是库里的问题", value: why.known, marks: [["不回答", why.none_below], ["直接回答", why.answer_from]] },
        { name: "首条就是答案", value: why.sure, marks: [["直接回答", why.sure_from]] },
      ];
    });
    function open(row) {
      Object.assign(view, { mode: "one", q: row.text });
      ask();
    }
    function onKey(event) {
      if (event.key === "Enter" && !event.isComposing) {
        event.preventDefault();
        ask();
      }
    }
    onMounted(() => {
      nextTick(() => box.value?.focus());
      if (view.q) ask();
    });
    return {
      view, many, rows, sums, box, hit, chances, ask, askMany, keep, open, onKey, shared, startEntryFrom, percent, MOST,
      decision: (d) => word(DECISIONS, d), decisionTag: (d) => DECISION_TAGS[d], decisionNote: (d) => DECISION_NOTES[d],
      signal: (name) => SIGNALS[name] || [name, ""], figure: (value) => Number(value).toFixed(3),
      share: (value) => Math.max(0, Math.min(1, Number(value) || 0)),
    };
  },
  template: `
    <div class="page bench">
      <header class="page-head"><h2>测试台：机器人会怎么答</h2><p class="muted">用的是客户正在用的线上版本和同一套判断<template v-if="shared.pending">；还有 {{ shared.pending }} 处改动没发布，这里看不到</template>。</p>
        <el-radio-group v-model="view.mode" size="small"><el-radio-button value="one">一个问题</el-radio-button><el-radio-button value="many">一批问题</el-radio-button></el-radio-group></header>
      <template v-if="view.mode === 'one'">
        <form class="ask" @submit.prevent="ask"><input ref="box" v-model="view.q" class="text" maxlength="2000" aria-label="客户的话" placeholder="像客户那样问一句，例如：出国前要办什么" @keydown="onKey"><el-button type="primary" size="large" native-type="submit" :loading="view.busy">问一问</el-button></form>
        <p v-if="view.trouble" class="hint hint-bad" role="alert">{{ view.trouble }}</p>
        <div v-if="view.result" class="verdict-grid">
          <section class="card verdict" :class="'verdict-' + view.result.decision" aria-live="polite">
            <div class="verdict-line"><span class="tag" :class="decisionTag(view.result.decision)">{{ decision(view.result.decision) }}</span><span class="verdict-note">{{ decisionNote(view.result.decision) }}</span><span class="muted num">{{ view.ms }} 毫秒</span></div>
            <p class="verdict-why"><b>为什么：</b>{{ view.result.reason }}</p>
            <dl v-if="chances.length" class="chances"><template v-for="chance in chances" :key="chance.name"><dt>{{ chance.name }}</dt><dd><span class="chance-bar"><i :style="{ '--share': chance.value }"></i><em v-for="[name, at] in chance.marks" :key="name" :style="{ '--at': at }" :title="name + '线 ' + figure(at)"></em></span><span class="num">{{ figure(chance.value) }}</span><small class="muted"><template v-for="([name, at], i) in chance.marks" :key="name">{{ i ? '，' : '' }}{{ at > chance.value ? '低于' : '高于' }}{{ name }}线 {{ at.toFixed(2) }}</template></small></dd></template></dl>
            <div class="verdict-do"><el-button v-if="hit" size="small" @click="keep(hit.entry_id)">加为必过问题（命中所选）</el-button><el-button v-if="view.result.decision !== 'answer'" size="small" @click="keep(null)">加为必过问题（不该回答）</el-button><el-button size="small" @click="startEntryFrom({ question: view.asked })">据此新建词条</el-button></div>
            <ol class="hits" aria-label="命中">
              <li v-for="(item, i) in view.result.hits" :key="item.entry_id" :class="{ on: i === view.chosen }"><button type="button" :aria-pressed="i === view.chosen" @click="view.chosen = i">
                <span class="hit-score num">{{ percent(item.score) }}<i :style="{ '--share': item.score }"></i></span>
                <span class="hit-text"><b>{{ item.question }}</b><small>命中问法：{{ item.matched_question }}</small></span><span class="tag">{{ item.category || '未分类' }}</span></button></li>
              <li v-if="!view.result.hits.length" class="empty">没有相近的词条。</li>
            </ol>
          </section>
          <section v-if="hit" class="card hit-detail">
            <header><h3>{{ hit.question }}</h3><a :href="'#/entries/' + encodeURIComponent(hit.entry_id)">编辑这一条</a></header>
            <dl class="signals"><template v-for="(value, name) in hit.signals" :key="name"><dt :title="signal(name)[1]">{{ signal(name)[0] }}</dt><dd><i :style="{ '--share': share(value) }"></i><span class="num">{{ figure(value) }}</span></dd></template></dl>
            <bubble-preview :question="view.asked" :answer="hit.answer" :rich="hit.rich || ''" :buttons="hit.follow_ups" />
          </section>
        </div>
        <p v-else-if="!view.trouble && !view.busy" class="empty">输入一句客户的话，看看机器人会直接回答、请客户确认，还是不回答，以及为什么。</p>
      </template>
      <template v-else>
        <form class="card many" @submit.prevent="askMany"><label class="field"><span class="field-name">每行一个问题<em>最多 {{ MOST }} 个</em></span><textarea v-model="many.text" rows="6" class="grow" placeholder="流量用完了怎么办&#10;出国前要办什么&#10;今天天气怎么样"></textarea></label><el-button type="primary" native-type="submit" :loading="many.busy" :disabled="!many.text.trim()">逐个问一遍</el-button></form>
        <section v-if="many.rows.length" class="card">
          <div class="sums"><button v-for="[name, number] in sums" :key="name" type="button" :class="{ on: many.only === name }" @click="many.only = many.only === name ? '' : name"><span class="tag" :class="decisionTag(name)">{{ decision(name) }}</span><b class="num">{{ number }}</b></button></div>
          <div class="table-box"><table class="table"><thead><tr><th>客户的话</th><th>判断</th><th>首条</th><th>得分</th></tr></thead><tbody>
            <tr v-for="row in rows" :key="row.text"><td><button type="button" class="link" @click="open(row)">{{ row.text }}</button></td><td><span v-if="row.decision" class="tag" :class="decisionTag(row.decision)" :title="row.reason">{{ decision(row.decision) }}</span><span v-else class="muted">{{ row.trouble || '…' }}</span></td><td>{{ row.hit?.question || '—' }}</td><td class="num">{{ row.hit ? percent(row.hit.score) : '—' }}</td></tr></tbody></table></div>
        </section>
      </template>
    </div>`,
};
