// Sound and title for what an agent must not miss. Sound is made here (no file), and can be muted.

const { ref, watch } = Vue;
const KEY = "changda-desk-muted";

export const muted = ref(localStorage.getItem(KEY) === "1");
watch(muted, (now) => localStorage.setItem(KEY, now ? "1" : "0"));

let audio = null;
// Browsers allow sound only after the person has touched the page.
const unlock = () => {
  audio ??= new AudioContext();
  if (audio.state === "suspended") audio.resume().catch(() => {});
};
addEventListener("pointerdown", unlock, { passive: true });
addEventListener("keydown", unlock, { passive: true });

function note(frequency, at, length, loudness) {
  const tone = audio.createOscillator();
  const gain = audio.createGain();
  tone.type = "sine";
  tone.frequency.value = frequency;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(loudness, at + 0.015);
  gain.gain.exponentialRampToValueAtTime(0.0001, at + length);
  tone.connect(gain).connect(audio.destination);
  tone.start(at);
  tone.stop(at + length + 0.02);
}

const TUNES = { waiting: [[660, 0], [880, 0.16]], message: [[740, 0]], lost: [[330, 0], [247, 0.2]] };

/** Plays one of the tunes; silent when muted or not yet allowed. */
export function beep(kind) {
  if (muted.value || audio?.state !== "running") return;
  for (const [frequency, delay] of TUNES[kind]) note(frequency, audio.currentTime + delay, 0.22, kind === "message" ? 0.08 : 0.16);
}

const plainTitle = document.title;

/** Puts what waits for the agent before the page's title: (3) 坐席工作台. */
export function titleBadge(count) {
  document.title = count > 0 ? `(${count > 99 ? "99+" : count}) ${plainTitle}` : plainTitle;
}

/** Ticks once a second for all running clocks of the page. */
export const tick = ref(Date.now());
setInterval(() => (tick.value = Date.now()), 1000);
