/** Puts the chat together on every element marked data-changda-chat. */

import { Api } from "./api.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Frame } from "./frame.js";
import { Log } from "./log.js";
import { Reader } from "./speech.js";
import { store } from "./store.js";

const PERSON = "转人工";

/** Starts the chat in `root`, configured by its data attributes (api, channel, bot, appToken). */
export function mount(root) {
  const choice = new URLSearchParams(location.search).get("elderly");
  if (choice !== null) store.set("elderly", choice !== "0");
  let elderly = store.get("elderly") ?? false;
  let aloud = store.get("aloud") ?? false;

  const setElderly = (on) => {
    elderly = on;
    frame.elderly(on);
  };
  const setAloud = (on) => {
    aloud = on;
    store.set("aloud", on);
    frame.aloud(on);
    if (!on) reader.hush();
  };
  const read = (text) => reader.read(text, elderly ? 0.85 : 1);
  const say = (text, event) => {
    reader.hush();
    conversation.say(text);
    // A button pressed by keyboard goes out of use, so the focus moves on; by touch it would open the keyboard.
    if (event?.detail === 0) composer.focus();
  };
  const leave = () =>
    conversation.cancelWait().catch((problem) => frame.notice(problem.message));

  const conversation = new Conversation(new Api(root.dataset.api), heard, () => ({
    channel: root.dataset.channel,
    ...(elderly && { elderly }),
    ...(root.dataset.appToken && { app_token: root.dataset.appToken }),
  }));
  const frame = new Frame(root, {
    person: () => say(PERSON),
    elderly: () => {
      store.set("elderly", !elderly);
      setElderly(!elderly);
    },
    aloud: () => setAloud(!aloud),
    renew: () => conversation.restart(),
    leave,
  });
  const reader = new Reader((able) => frame.speaks(able));
  const log = new Log(root, {
    say, read,
    retry: (id) => conversation.retry(id),
    drop: (id) => conversation.drop(id),
    rate: (score, comment) => conversation.rate(score, comment),
  });
  const composer = new Composer(root, {
    say,
    typing: (text) => conversation.typing(text),
    notice: (text) => frame.notice(text),
  });

  const title = document.title;
  let unread = 0;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    unread = 0;
    document.title = title;
  });

  function arrived({ message, live }) {
    log.show(message, live);
    if (!live || !["bot", "agent"].includes(message.sender)) return;
    if (aloud && message.text) read(message.text.replace(/[*#]/g, ""));
    if (document.hidden) document.title = `(${(unread += 1)}) ${title}`;
  }

  function heard(name, detail) {
    const handlers = {
      message: () => arrived(detail),
      entry: () => log.entry(detail.entry),
      dropped: () => log.drop(detail.id),
      typing: () => log.typing(detail.sender),
      caughtup: () => log.goLive(),
      renewed: () => log.begin(detail.notice),
      state: () => frame.state(detail),
      queue: () => frame.queue(detail),
      link: () => frame.link(detail.status),
      notice: () => frame.notice(detail.text),
      // What the customer chose here counts more than what the server knows.
      profile: () => detail.elderly && store.get("elderly") === null && setElderly(true),
    };
    handlers[name]();
  }

  setElderly(elderly);
  setAloud(aloud);
  frame.state(conversation);
  conversation.start();
  if (matchMedia("(pointer: fine)").matches) composer.focus();
}

for (const root of document.querySelectorAll("[data-changda-chat]")) mount(root);
