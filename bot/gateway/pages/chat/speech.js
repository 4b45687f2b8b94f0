/** Reading aloud and voice input, where the browser has them (Web Speech API). */

/** Reads Chinese aloud; `onAble` is called once there is a Chinese voice. */
export function createReader(onAble) {
	const engine = globalThis.speechSynthesis;
	let voice;
	const look = () => {
		voice = engine.getVoices().find(({ lang }) => /^(zh|cmn)/i.test(lang));
		if (voice) onAble();
	};
	engine?.addEventListener?.("voiceschanged", look);
	if (engine) look();
	return {
		/** Says `text` instead of whatever is being said; `rate` 1 is normal speed. */
		read(text, rate) {
			if (!voice) return;
			engine.cancel();
			engine.speak(Object.assign(new SpeechSynthesisUtterance(text), { voice, lang: voice.lang, rate }));
		},
		hush: () => engine?.cancel(),
	};
}

const TROUBLE = {
	"not-allowed": "没有麦克风权限，请在浏览器设置里允许使用麦克风。",
	"audio-capture": "没有找到麦克风。",
	"no-speech": "没有听到声音，请再说一次。",
	network: "语音识别暂时不可用，请打字告诉我。",
};

/** Starts and stops listening, or null without a recogniser. `hooks`: heard(text), changed(listening), trouble(words). */
export function createDictation(hooks) {
	const Engine = globalThis.SpeechRecognition ?? globalThis.webkitSpeechRecognition;
	if (!Engine) return null;
	let engine = null;
	function start() {
		engine = Object.assign(new Engine(), { lang: "zh-CN", interimResults: true });
		engine.onresult = ({ results }) => hooks.heard(Array.from(results, ([best]) => best.transcript).join(""));
		engine.onerror = ({ error }) => error !== "aborted" && hooks.trouble(TROUBLE[error] ?? TROUBLE.network);
		engine.onend = () => {
			engine = null;
			hooks.changed(false);
		};
		engine.start();
		hooks.changed(true);
	}
	const stop = () => engine?.stop();
	return { stop, toggle: () => (engine ? stop() : start()) };
}
