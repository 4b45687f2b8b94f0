/** Reading aloud and voice input, where the browser has them (Web Speech API). */

const LANGUAGE = "zh-CN";

/** Reads Chinese aloud; `onChange(able)` tells when a Chinese voice is there. */
export class Reader {
  #voice = null;

  constructor(onChange) {
    this.engine = globalThis.speechSynthesis;
    if (!this.engine) return;
    const look = () => {
      this.#voice = this.engine.getVoices().find((voice) => /^zh[-_]?(CN|Hans)?/i.test(voice.lang));
      onChange(Boolean(this.#voice));
    };
    this.engine.addEventListener?.("voiceschanged", look);
    look();
  }

  /** Says `text` instead of whatever is being said; `rate` 1 is normal speed. */
  read(text, rate = 1) {
    if (!this.#voice) return;
    const speech = new SpeechSynthesisUtterance(text);
    Object.assign(speech, { voice: this.#voice, lang: LANGUAGE, rate });
    this.engine.cancel();
    this.engine.speak(speech);
  }

  hush() {
    this.engine?.cancel();
  }
}

const TROUBLE = {
  "not-allowed": "没有麦克风权限，请在浏览器设置里允许使用麦克风。",
  "service-not-allowed": "这个浏览器暂时不能语音输入，请打字告诉我。",
  "audio-capture": "没有找到麦克风。",
  network: "语音识别暂时连不上，请打字告诉我。",
  "no-speech": "没有听到声音，请再说一次。",
};

/** Turns speech into text, one utterance at a time. */
export class Dictation {
  static get available() {
    return Boolean(engineClass());
  }

  #engine = null;

  /** @param {object} hooks heard(text), changed(listening), trouble(words) */
  constructor(hooks) {
    this.hooks = hooks;
  }

  toggle() {
    if (this.#engine) this.stop();
    else this.#start();
  }

  stop() {
    this.#engine?.stop();
  }

  #start() {
    const engine = new (engineClass())();
    Object.assign(engine, { lang: LANGUAGE, interimResults: true });
    engine.onresult = (event) => {
      this.hooks.heard(Array.from(event.results, (result) => result[0].transcript).join(""));
    };
    engine.onerror = (event) => {
      if (event.error !== "aborted") this.hooks.trouble(TROUBLE[event.error] ?? TROUBLE.network);
    };
    engine.onend = () => {
      this.#engine = null;
      this.hooks.changed(false);
    };
    this.#engine = engine;
    engine.start();
    this.hooks.changed(true);
  }
}

function engineClass() {
  return globalThis.SpeechRecognition ?? globalThis.webkitSpeechRecognition;
}
