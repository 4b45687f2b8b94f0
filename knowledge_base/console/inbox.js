// 收件箱: what customers and colleagues tell editors to work on. Misses by meaning, unhelpful answers by entry,
// corrections one by one.

import { moment } from "../common/format.js";
import { complain, tell } from "../common/page.js";
import { session } from "../common/login.js";
import { base } from "./base.js";
import { EntryPicker } from "./picker.js";
import { go, replace, route } from "./route.js";
import { mendEntry, shared, startEntryFrom } from "./shared.js";
import { KINDS, percent } from "./words.js";

const { computed, onMounted, reactive, watch } = Vue;
const SHOWN = 5;
const SIMILAR = 30;
const NOTES = {
  miss: "客户问了、没答上，按意思归类，问得多的在前。",
  unhelpful: "客户看了答案说没解决，按词条归类。",
  correction: "坐席和同事指出的错误、提的更好说法。",
};
const EMPTY = {
  miss: "没有待处理的问题。机器人答不上的提问会自动归到这里。",
  unhelpful: "没有待处理的反馈。客户点「没解决」的回答会归到这里。",
  correction: "没有待处理的更正。坐席在工作台可以对任何一条知识提更正。",
};

export const Inbox = {
  components: { EntryPicker },
  setup() {
    const kindOf = () => (Object.hasOwn(KINDS, route.id) ? route.id : "miss");
    const view = reactive({ kind: kindOf(), mine: false, groups: [], loaded: false, trouble: "", open: new Set(), answering: null, busy: false });
    const total = computed(() => view.groups.reduce((sum, group) => sum + group.count, 0));
    let latest = 0;

    async function load() {
      const turn = (latest += 1);
      view.trouble = "";
      try {
        const { groups, counts } = await base.inbox(view.kind, view.mine);
        if (turn !== latest) return;
        Object.assign(view, { groups, open: new Set(), answering: null });
        shared.work = counts;
      } catch (error) {
        if (turn === latest) view.trouble = error.message;
      } finally {
        if (turn === latest) view.loaded = true;
      }
    }
    function choose(kind) {
      Object.assign(view, { kind, groups: [], loaded: false });
      replace("inbox", kind === "miss" ? "" : kind);
    }
    watch(() => [view.kind, view.mine], load);
    watch(() => route.id, () => route.view === "inbox" && kindOf() !== view.kind && choose(kindOf()));

    const textsOf = (group) => [...new Set(group.findings.map((finding) => finding.text))].filter((text) => text && text !== group.text);
    const write = (group) => startEntryFrom({ question: group.text, similar: textsOf(group).slice(0, SIMILAR), findings: group.ids });
    const mend = (group, answer = "") => mendEntry(group.entry_id, { answer, findings: group.ids });

    async function work(act, said) {
      view.busy = true;
      try {
        await act();
        tell(said);
        await load();
      } catch (error) {
        complain(error);
      } finally {
        view.busy = false;
      }
    }
    const done = (group, entryId, said) => work(() => base.resolve(group.ids, entryId), said);
    const assign = (group, mine) => work(() => base.assign(group.ids, mine), mine ? "已归到您名下。" : "已放回给大家。");
    /** The existing entry learns the customers' own words as similar questions, as a draft. */
    async function teach(group, entry) {
      await work(async () => {
        const fresh = await base.get(entry.id);
        const similar = [...new Set([...fresh.similar, group.text, ...textsOf(group)])].slice(0, 200);
        await base.save(fresh.id, { ...fresh, similar }, fresh.version);
        await base.resolve(group.ids, fresh.id);
      }, "问法已加进这条知识，成为草稿。");
    }
    /** The same words once, with how often and the last time. */
    function lines(group) {
      const byText = new Map();
      for (const { text, at } of group.findings) {
        const line = byText.get(text) || { text, at, times: 0 };
        byText.set(text, { ...line, times: line.times + 1 });
      }
      return [...byText.values()];
    }
    const key = (group) => group.ids[0];
    const shown = (group) => (view.open.has(key(group)) ? lines(group) : lines(group).slice(0, SHOWN));
    const toggle = (group) => (view.open.has(key(group)) ? view.open.delete(key(group)) : view.open.add(key(group)));
    onMounted(load);
    return {
      view, total, shared, session, load, choose, write, mend, done, assign, teach, lines, shown, toggle, key, go, moment, percent, SHOWN,
      kinds: KINDS, notes: NOTES, empty: EMPTY,
    };
  },
  template: `
    <div class="page inbox">
      <header class="page-head"><h2>收件箱</h2><p class="muted">{{ notes[view.kind] }}<template v-if="view.groups.length"> 共 {{ total }} 件，{{ view.groups.length }} 组。</template></p>
        <el-checkbox v-model="view.mine" label="只看归我的" /></header>
      <div class="kinds" role="tablist" aria-label="类别"><button v-for="(name, kind) in kinds" :key="kind" type="button" role="tab" :aria-selected="view.kind === kind" :class="{ on: view.kind === kind }" @click="choose(kind)">{{ name }}<b class="num">{{ shared.work[kind] }}</b></button></div>
      <p v-if="view.trouble" class="empty" role="alert">{{ view.trouble }} <button type="button" class="link" @click="load">重试</button></p>
      <p v-else-if="view.loaded && !view.groups.length" class="empty">{{ view.mine ? '没有归到您名下的。' : empty[view.kind] }}</p>
      <ul class="clusters">
        <li v-for="group in view.groups" :key="key(group)" class="card cluster">
          <header><span v-if="view.kind !== 'correction'" class="cluster-count num" :title="group.count + ' 次'">{{ group.count }}<small>次</small></span>
            <div><h3 v-if="view.kind === 'miss'">{{ group.text }}</h3><h3 v-else><a :href="'#/entries/' + encodeURIComponent(group.entry_id)" @click.exact.prevent="go('entries', group.entry_id)">{{ group.question || group.entry_id }}</a></h3>
              <p class="muted">{{ view.kind === 'correction' ? group.findings[0].created_by_name + ' · ' : '最近一次 ' }}{{ moment(group.last_at) }}<template v-if="view.kind === 'miss' && group.question"> · 最接近的词条 <a :href="'#/entries/' + encodeURIComponent(group.entry_id)" @click.exact.prevent="go('entries', group.entry_id)">{{ group.question }}</a>（{{ percent(group.findings[0].best_score) }}）</template></p></div>
            <span class="spacer"></span><span v-if="group.assignee" class="tag tag-info">{{ group.assignee === session.staff.id ? '归我' : group.assignee_name }}</span></header>
          <template v-if="view.kind === 'correction'">
            <p v-if="group.findings[0].note" class="said-by">{{ group.findings[0].note }}</p>
            <blockquote v-if="group.findings[0].proposal" class="proposal"><b>建议改成</b>{{ group.findings[0].proposal }}</blockquote>
            <p v-if="/\\d元/.test(group.findings[0].proposal || '')" class="hint">建议里的金额是当时的数，改的时候请换回目录里的占位符。</p>
            <p v-if="group.text" class="muted">客户当时问：{{ group.text }}</p>
          </template>
          <ul v-else class="cluster-lines"><li v-for="line in shown(group)" :key="line.text"><span>{{ line.text }}<span v-if="line.times > 1" class="muted"> × {{ line.times }}</span></span><span class="muted">{{ moment(line.at) }}</span></li></ul>
          <button v-if="view.kind !== 'correction' && lines(group).length > SHOWN" type="button" class="link" @click="toggle(group)">{{ view.open.has(key(group)) ? '收起' : '全部 ' + lines(group).length + ' 种说法' }}</button>
          <div class="cluster-do">
            <template v-if="view.kind === 'miss'"><el-button type="primary" size="small" @click="write(group)">用这些新建条目</el-button><el-button size="small" @click="view.answering = view.answering === group ? null : group">已有词条能回答…</el-button></template>
            <template v-else><el-button type="primary" size="small" @click="mend(group, group.findings[0].proposal || '')">{{ group.findings[0].proposal ? '按建议改答案' : '去改这一条' }}</el-button><el-button v-if="view.kind === 'unhelpful'" size="small" @click="write(group)">问的是另一件事，新建条目</el-button></template>
            <el-button v-if="group.assignee !== session.staff.id" size="small" :disabled="view.busy" @click="assign(group, true)">归我处理</el-button><el-button v-else size="small" :disabled="view.busy" @click="assign(group, false)">放回</el-button>
            <el-button size="small" text :disabled="view.busy" @click="done(group, view.kind === 'miss' ? null : group.entry_id, '已处理。')">{{ view.kind === 'miss' ? '忽略' : '不用改' }}</el-button></div>
          <entry-picker v-if="view.answering === group" :start="group.text" :busy="view.busy" action="把这些问法加进去" @pick="teach(group, $event)" />
        </li>
      </ul>
    </div>`,
};
