/** Where the customer writes: grows with the text, takes dictation. */

import { tell } from "./dom.js";
import { createDictation } from "./speech.js";

const LIMIT = 2000;
const PREVIEW_EVERY = 1200;

/** `actions`: say(text), typing(text), notice(words). */
export function createComposer(ui, actions) {
	const { input } = ui;
	let composing = false;
	let previewTimer = null;
	let before = "";
	// Characters as the server counts them, not UTF-16 units.
	const length = () => Array.from(input.value.trim()).length;
	const fits = () => length() > 0 && length() <= LIMIT;

	function changed() {
		input.style.height = "auto";
		input.style.height = `${input.scrollHeight}px`;
		const over = length() - LIMIT;
		ui.send.disabled = !fits();
		tell(ui.count, over > 0 ? `超出 ${over} 字，请分几条发送` : "");
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
		// Safari reports 229 for the Enter that ends a composition, after compositionend.
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
	return { fit: changed };
}
