/** Where the customer writes: grows with the text, is safe with input methods, takes dictation. */

import { tell } from "./dom.js";
import { createDictation } from "./speech.js";

const LIMIT = 2000;
const TELL_FROM = 1800;
const PREVIEW_EVERY = 1200;

/**
 * @param ui the page's parts: composer, input, send, count, mic
 * @param actions say(text), typing(text), notice(words)
 */
export function createComposer(ui, actions) {
	const { input } = ui;
	let composing = false;
	let previewTimer = null;
	let before = "";
	// The server counts characters, not the halves in which JavaScript keeps rare ones.
	const length = () => Array.from(input.value.trim()).length;
	const fits = () => length() > 0 && length() <= LIMIT;

	function changed() {
		input.style.height = "auto";
		input.style.height = `${input.scrollHeight}px`;
		const left = LIMIT - length();
		ui.send.disabled = !fits();
		ui.count.hidden = left > LIMIT - TELL_FROM;
		tell(ui.count, left < 0 ? `超出 ${-left} 字，请分几条发送` : `还可以输入 ${left} 字`);
	}

	function preview() {
		previewTimer ??= setTimeout(() => {
			previewTimer = null;
			actions.typing(input.value);
		}, PREVIEW_EVERY);
	}

	function submit(event) {
		event.preventDefault();
		if (!fits()) return;
		const text = input.value.trim();
		dictation?.stop();
		clearTimeout(previewTimer);
		previewTimer = null;
		input.value = "";
		changed();
		actions.say(text);
	}

	input.addEventListener("input", () => {
		changed();
		preview();
	});
	input.addEventListener("compositionstart", () => (composing = true));
	input.addEventListener("compositionend", () => (composing = false));
	input.addEventListener("keydown", (event) => {
		// 229 is what Safari reports for the Enter that ends a composition, after compositionend.
		const choosing = composing || event.isComposing || event.keyCode === 229;
		if (event.key === "Enter" && !event.shiftKey && !choosing) submit(event);
	});
	ui.composer.addEventListener("submit", submit);

	const dictation = createDictation({
		heard(text) {
			input.value = before + text;
			changed();
		},
		changed: (on) => ui.mic.setAttribute("aria-pressed", on),
		trouble: actions.notice,
	});
	ui.mic.hidden = !dictation;
	ui.mic.addEventListener("click", () => {
		before = input.value;
		dictation.toggle();
	});
	changed();
	/** Fits the field to its text again, after the type has changed. */
	return changed;
}
