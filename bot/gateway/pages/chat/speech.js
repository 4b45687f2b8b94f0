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

const FORBIDDEN = "没有麦克风权限，请在浏览器设置里允许使用麦克风。";
const UNHEARD = "没有听清，请再说一次，或者直接打字。";

/** Starts and stops listening; null without a recogniser. `hooks`: heard(text), changed(on), trouble(words). */
export function createDictation(hooks) {
	const Engine = globalThis.SpeechRecognition ?? globalThis.webkitSpeechRecognition;
	if (!Engine) return null;
	let engine = null;
	function start() {
		engine = Object.assign(new Engine(), { lang: "zh-CN", interimResults: true });
		engine.onresult = ({ results }) => hooks.heard(Array.from(results, ([best]) => best.transcript).join(""));
		engine.onerror = ({ error }) => error !== "aborted" && hooks.trouble(error === "not-allowed" ? FORBIDDEN : UNHEARD);
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
