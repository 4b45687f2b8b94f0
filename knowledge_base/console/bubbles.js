// What customers will see: the WeChat bubble (plain text) and the app bubble (rich text with buttons).

import { RichText } from "./markdown.js";

const HIDDEN = "（具体以办理页面显示为准）";

const WechatBubble = {
  props: { question: String, text: String, buttons: Array },
  template: `
    <div class="phone phone-wechat" aria-label="微信里的样子">
      <div class="phone-bar">微信 · 公众号</div>
      <div class="phone-body">
        <div v-if="question" class="said said-me"><span class="bubble bubble-me">{{ question }}</span></div>
        <div class="said"><span class="face" aria-hidden="true">畅</span>
          <div class="bubble safe-text"><span>{{ text || '（还没有答案）' }}</span><template v-if="buttons.length"><br><br>您可能还想了解：<template v-for="(title, i) in buttons" :key="title"><br><span class="as-link">{{ title }}</span></template></template></div></div>
      </div>
    </div>`,
};

const AppBubble = {
  components: { RichText },
  props: { question: String, text: String, buttons: Array },
  template: `
    <div class="phone phone-app" aria-label="App 里的样子">
      <div class="phone-bar">App · 在线客服</div>
      <div class="phone-body">
        <div v-if="question" class="said said-me"><span class="bubble bubble-me">{{ question }}</span></div>
        <div class="said"><span class="face" aria-hidden="true">畅</span>
          <div class="bubble"><rich-text :text="text || '（还没有答案）'" /></div></div>
        <div v-if="buttons.length" class="said-buttons"><span v-for="title in buttons" :key="title">{{ title }}</span></div>
      </div>
    </div>`,
};

/** Both bubbles of one answer. `unknown` are the figures the catalogue does not have. */
export const BubblePreview = {
  components: { WechatBubble, AppBubble },
  props: { question: String, answer: String, rich: String, buttons: Array, unknown: Array, trouble: String },
  setup: () => ({ hidden: HIDDEN }),
  template: `
    <div class="preview">
      <p v-if="trouble" class="hint hint-warn" role="status">{{ trouble }}</p>
      <p v-if="unknown && unknown.length" class="hint hint-warn" role="alert">产品目录里没有 <code v-for="name in unknown" :key="name">{{ name }}</code>，客户会看到「{{ hidden }}」。</p>
      <wechat-bubble :question="question" :text="answer" :buttons="buttons" />
      <app-bubble :question="question" :text="rich || answer" :buttons="buttons" />
      <p v-if="!rich" class="hint">没有单独写 App 版时，App 也显示微信版的文字。</p>
    </div>`,
};
