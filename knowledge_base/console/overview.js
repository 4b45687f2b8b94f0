// What the right side shows while no entry is open: the base at a glance, and where work waits.

import { base } from "./base.js";
import { go } from "./route.js";
import { shared } from "./shared.js";
import { count, KINDS } from "./words.js";

const { onActivated, onMounted, reactive } = Vue;

export const Overview = {
  emits: ["filter"],
  setup() {
    const numbers = reactive({ published: null, pending: null, in_review: null, upcoming: null, expired: null });
    async function load() {
      const names = Object.keys(numbers);
      const counts = await Promise.all(names.map((name) => base.countOf(name).catch(() => null)));
      names.forEach((name, i) => (numbers[name] = counts[i]));
    }
    onMounted(load);
    onActivated(load);
    return { numbers, shared, go, count, kinds: KINDS };
  },
  template: `
    <div class="overview">
      <h2>知识库一览</h2>
      <p v-if="shared.problem" class="hint hint-bad" role="alert">{{ shared.problem }}</p>
      <div class="tiles">
        <button type="button" class="tile" @click="$emit('filter', 'published')"><b class="num">{{ count(numbers.published) }}</b><span>已发布</span></button>
        <button type="button" class="tile" @click="$emit('filter', 'pending')"><b class="num">{{ count(numbers.pending) }}</b><span>有改动未发布</span></button>
        <button type="button" class="tile" @click="go('review')"><b class="num">{{ count(numbers.in_review) }}</b><span>待审核</span></button>
        <button v-for="(name, kind) in kinds" :key="kind" type="button" class="tile" :class="{ 'tile-warn': shared.work[kind] }" @click="go('inbox', kind === 'miss' ? '' : kind)"><b class="num">{{ count(shared.work[kind]) }}</b><span>{{ name }}</span></button>
        <button type="button" class="tile" @click="$emit('filter', 'upcoming')"><b class="num">{{ count(numbers.upcoming) }}</b><span>待生效</span></button>
        <button type="button" class="tile" @click="$emit('filter', 'expired')"><b class="num">{{ count(numbers.expired) }}</b><span>已过期</span></button>
      </div>
      <section class="starts"><h3>常用</h3>
        <button type="button" @click="go('entries', 'new')"><kbd>n</kbd> 新建词条</button>
        <button type="button" @click="go('bench')"><kbd>t</kbd> 看机器人会怎么答</button>
        <button type="button" @click="go('transfer')">从文件导入</button>
      </section>
      <section v-if="shared.categories.length"><h3>分类</h3>
        <ul class="bars"><li v-for="item in shared.categories" :key="item.name"><span>{{ item.name || '未分类' }}</span><i :style="{ '--share': item.count / Math.max(...shared.categories.map((c) => c.count)) }"></i><b class="num">{{ item.count }}</b></li></ul>
      </section>
    </div>`,
};
