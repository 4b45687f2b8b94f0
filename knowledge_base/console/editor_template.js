// What the editor looks like; its behaviour is in editor.js.

const HEAD = `
  <header class="entry-head">
    <button type="button" class="icon-button back" aria-label="回到列表" @click="go('entries')">‹</button>
    <div class="entry-title"><template v-if="entry"><span class="tag" :class="stateTag(entry.state)">{{ stateName(entry.state) }}</span><span v-if="effectName(entry.effect)" class="tag tag-warn" title="发布后也只在有效期内给客户">{{ effectName(entry.effect) }}</span><code class="entry-id" title="编号">{{ entry.id }}</code>
        <span class="muted entry-by">{{ entry.updated_by_name }} · {{ moment(entry.updated_at) }}</span></template><b v-else>新建词条</b></div>
    <span class="spacer"></span>
    <span v-if="dirty" class="unsaved" role="status">未保存</span>
    <el-dropdown v-if="entry" trigger="click" @command="$event()">
      <el-button aria-label="更多操作">更多</el-button>
      <template #dropdown><el-dropdown-menu>
        <el-dropdown-item v-if="entry.state === 'draft'" :disabled="dirty" :command="() => move('submit', '已送审，等另一位编辑通过。')">送审</el-dropdown-item>
        <el-dropdown-item v-if="entry.state === 'in_review' && !mine" :disabled="dirty" :command="() => move('approve', '已通过，随下次发布上线。')">审核通过</el-dropdown-item>
        <el-dropdown-item v-if="['in_review', 'approved'].includes(entry.state)" :disabled="dirty" :command="() => move('return')">{{ mine ? '撤回为草稿' : '退回修改…' }}</el-dropdown-item>
        <el-dropdown-item :command="() => go('bench', '', { q: entry.question })">到测试台试试</el-dropdown-item>
        <el-dropdown-item v-if="entry.state !== 'retired'" :disabled="dirty" divided :command="retire">下线</el-dropdown-item>
      </el-dropdown-menu></template>
    </el-dropdown>
    <el-button v-if="entry && !dirty && entry.state === 'draft' && shared.fourEyes !== 'off'" class="wide-only" @click="move('submit', '已送审，等另一位编辑通过。')">送审</el-button>
    <el-button v-if="entry && !dirty && entry.state === 'in_review' && !mine" class="wide-only" type="success" plain @click="move('approve', '已通过，随下次发布上线。')">审核通过</el-button>
    <el-button type="primary" :disabled="!dirty" :loading="view.busy" title="Ctrl + S" @click="save()">保存</el-button>
  </header>
  <nav class="entry-tabs" role="tablist" aria-label="词条">
    <button v-for="[tab, name] in [['edit', '编辑'], ['preview', '预览'], ['history', '历史']]" :key="tab" type="button" role="tab" :class="['tab-' + tab, { on: view.tab === tab }]" :aria-selected="view.tab === tab" :disabled="tab === 'history' && !entry" @click="view.tab = tab">{{ name }}</button>
  </nav>`;

const QUESTIONS = `
  <label class="field"><span class="field-name">标准问题 <i>*</i><em class="num">{{ form.question.length }} / {{ LIMITS.question }}</em></span>
    <textarea v-model="form.question" rows="1" class="big" :maxlength="LIMITS.question" placeholder="客户最常用的一种问法，例如：国际漫游怎么开通？" :aria-invalid="draft.problems.question ? 'true' : null" @keydown.enter.prevent></textarea>
    <span v-if="draft.problems.question" class="problem" role="alert">{{ draft.problems.question }}</span></label>
  <ul v-if="near3.length" class="near" aria-live="polite" aria-label="意思相近的词条">
    <li v-for="item in near3" :key="item.entry_id" :class="'near-' + item.level">
      <span><b>{{ levelName(item.level) }} {{ percent(item.score) }}</b> {{ item.question }}<span v-if="!item.published" class="tag tag-warn">草稿</span><small v-if="item.matched_question !== item.question">命中问法：{{ item.matched_question }}</small><small v-if="item.conflict" class="near-conflict">答案打架：{{ item.conflict }}</small></span>
      <span class="near-do"><a :href="'#/entries/' + encodeURIComponent(item.entry_id)" target="_blank" rel="noopener">查看</a><button v-if="item.level !== 'same' && !form.negative.includes(item.matched_question)" type="button" class="link" @click="addNegative(item.matched_question)">写进反例</button></span></li>
  </ul>
  <div class="field"><span class="field-name">相似问题<em class="num">{{ form.similar.length }} / {{ LIMITS.forms }}</em></span>
    <p class="hint">客户还会怎么问？说法越不一样越好；可以一次粘贴多行。</p>
    <line-list v-model="form.similar" label="相似问题" :max="LIMITS.forms" :max-length="LIMITS.question" :marks="lineMarks" /></div>
  <div class="field"><span class="field-name">反例<em class="num">{{ form.negative.length }} / {{ LIMITS.forms }}</em></span>
    <p class="hint">看着像、其实该由别的词条回答的问法。</p>
    <line-list v-model="form.negative" label="反例" :max="LIMITS.forms" :max-length="LIMITS.question" /></div>`;

const ANSWERS = `
  <label class="field"><span class="field-name">答案（微信） <i>*</i><em class="num">{{ form.answer.length }} / {{ LIMITS.answer }}</em></span>
    <textarea v-model="form.answer" rows="5" class="grow answer" :maxlength="LIMITS.answer" placeholder="纯文字，直接回答在第一句。金额请用目录里的数，例如 \${offer.plan-59.price}" :aria-invalid="draft.problems.answer ? 'true' : null"></textarea>
    <span v-if="draft.problems.answer" class="problem" role="alert">{{ draft.problems.answer }}</span></label>
  <div class="field"><span class="field-name"><label for="rich">答案（App）</label><em class="num">{{ form.rich.length }} / {{ LIMITS.answer }}</em></span>
    <div class="rich-tools" role="toolbar" aria-label="格式"><button type="button" @click="mark('bold')"><b>B</b> 加粗</button><button type="button" @click="mark('list')">• 列表</button><button type="button" @click="mark('link')">链接</button><span class="hint">不写时用微信版</span></div>
    <textarea id="rich" ref="richBox" v-model="form.rich" rows="5" class="grow" :maxlength="LIMITS.answer" placeholder="可以用 **加粗**、- 列表、[链接](https://…)"></textarea></div>
  <p v-for="text in view.warnings" :key="text" class="hint hint-warn" role="status">{{ text }}</p>`;

const DETAILS = `
  <div class="field-row">
    <label class="field"><span class="field-name">分类</span>
      <el-select v-model="form.category" filterable allow-create default-first-option clearable placeholder="选择，或输入新分类" aria-label="分类" @clear="form.category = ''"><el-option v-for="item in shared.categories.filter((c) => c.name)" :key="item.name" :label="item.name" :value="item.name" /></el-select></label>
    <div class="field"><span class="field-name">标签</span><chip-list v-model="form.tags" label="标签" placeholder="回车添加" :max="LIMITS.shorts" :max-length="LIMITS.short" :options="shared.tags" /></div>
  </div>
  <div class="field"><span class="field-name">后续按钮</span>
    <p class="hint">答案下面的快捷按钮，客户点一下等于说了这句话。</p>
    <chip-list v-model="form.follow_ups" label="后续按钮" placeholder="例如：漫游怎么收费" :max="LIMITS.shorts" :max-length="LIMITS.short" /></div>
  <div class="field-row field-row-dates">
    <div class="field"><span class="field-name">生效日期</span><el-date-picker v-model="form.valid_from" type="date" value-format="YYYY-MM-DD" placeholder="立即" aria-label="生效日期" /></div>
    <div class="field"><span class="field-name">失效日期</span><el-date-picker v-model="form.valid_to" type="date" value-format="YYYY-MM-DD" placeholder="长期有效" aria-label="失效日期" /><span v-if="draft.problems.valid_to" class="problem" role="alert">{{ draft.problems.valid_to }}</span></div>
    <div class="field"><span class="field-name">启用</span><el-switch v-model="form.enabled" inline-prompt active-text="是" inactive-text="否" aria-label="启用" /></div>
  </div>
  <label v-if="!entry" class="field"><span class="field-name">编号<em>可不填</em></span><input v-model="draft.id" class="text" maxlength="80" placeholder="自动生成；例如 roam-open" :aria-invalid="draft.problems.id ? 'true' : null"><span v-if="draft.problems.id" class="problem" role="alert">{{ draft.problems.id }}</span></label>`;

export const EDITOR_TEMPLATE = `
  <article class="entry" :class="'show-' + view.tab" :aria-busy="view.loading">
    ${HEAD}
    <p v-if="view.trouble" class="empty" role="alert">{{ view.trouble }}<br><button type="button" class="link" @click="load">重试</button> · <button type="button" class="link" @click="go('entries')">回到列表</button></p>
    <div v-else class="entry-body">
      <history v-if="view.tab === 'history' && entry" :entry="entry" @restored="restored" />
      <form v-show="view.tab !== 'history'" ref="box" class="entry-form" novalidate @submit.prevent>
        <usage-strip v-if="entry" :id="entry.id" />
        <p v-if="entry && entry.effect === 'upcoming'" class="hint">待生效：发布以后，到生效日期自动给客户看，不用再发布。</p>
        <p v-if="entry && entry.effect === 'expired'" class="hint hint-warn">已过期：客户已经得不到这个答案。要恢复请改失效日期并重新发布。</p>
        <p v-if="entry && entry.state === 'retired'" class="hint hint-warn">这条知识已下线。改动并保存，或在「历史」里恢复，就会回到草稿。</p>
        ${QUESTIONS}${ANSWERS}${DETAILS}
      </form>
      <aside v-show="view.tab !== 'history'" class="entry-preview" aria-label="预览"><bubble-preview :question="form.question" :answer="filled.answer" :rich="filled.rich" :buttons="form.follow_ups" :unknown="filled.unknown" :trouble="filled.trouble" /></aside>
    </div>
    <conflict-dialog v-if="view.conflict" v-bind="view.conflict" :busy="view.busy" @merge="merge" @keep-mine="keepMine" @take-theirs="takeTheirs" @close="view.conflict = null" />
  </article>`;
