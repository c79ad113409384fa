// The experiment: consent, practice, naming, choosing, thanks. All text from data is set as text.
"use strict";

const KEYS = "123456789abcdefghijklmno";
// No double click goes through two trials.
const BUTTONS_WAKE_MS = 250, BETWEEN_TRIALS_MS = 250;
// A driver of simulated participants sets this: (trial, what stands on each button) => {button, rt}.
window.simulate ??= null;

const stage = document.getElementById("stage");

function element(kind, properties = {}, ...children) {
  const made = Object.assign(document.createElement(kind), properties);
  made.append(...children);
  return made;
}

function picture(name, role) {
  // A text for those who can't see it would tell the answer.
  const image = element("img", { src: `images/${name}.png`, alt: "", draggable: false });
  return element("div", { className: `mat ${role}` }, image);
}

function progress(share) {
  const bar = document.getElementById("bar");
  bar.firstElementChild.style.width = `${100 * share}%`;
  bar.setAttribute("aria-valuenow", Math.round(100 * share));
}

// Shows a screen and waits for a press: which button, and after how many milliseconds.
function screen({ kind, content, buttons, keys = "", columns = 1, answer = null }) {
  const group = element("div", { className: "buttons" }, ...buttons);
  group.style.setProperty("--columns", columns);
  stage.className = kind;
  const hint = element("p", { className: "hint" }, "If you are not sure, guess. ",
    element("span", { className: "keys" }, keys));
  stage.replaceChildren(...content, group, ...(keys ? [hint] : []));
  stage.querySelector("h1")?.scrollIntoView({ block: "nearest" });
  const isTrial = kind === "naming" || kind === "choosing";
  const able = (yes) => buttons.forEach((button) => { button.disabled = !yes; });
  able(false);
  return new Promise((pressed) => requestAnimationFrame((shown) => {
    setTimeout(() => {
      able(true);
      if (!isTrial) buttons[0].focus({ preventScroll: true });
    }, isTrial ? BUTTONS_WAKE_MS : 0);
    buttons.forEach((button, place) => button.addEventListener("click", (event) => {
      able(false);
      const rt = Math.max(0, Math.round(event.timeStamp - shown));
      if (isTrial) stage.replaceChildren();
      setTimeout(() => pressed({ button: place, rt }), isTrial && !answer ? BETWEEN_TRIALS_MS : 0);
    }, { once: true }));
    if (answer) setTimeout(() => { able(true); buttons[answer.button].click(); }, answer.rt);
  }));
}

function page(title, paragraphs, button = "Go on") {
  const text = element("div", { className: "text" }, element("h1", {}, title),
    ...paragraphs.map((paragraph) => element("p", {}, paragraph)));
  return screen({ kind: "page", content: [text],
    buttons: [element("button", { className: "primary" }, button)],
    answer: window.simulate && { button: 0, rt: 5 } });
}

// Number keys and arrows press the button that stands there.
function pressByKey(event) {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const place = stage.className === "naming" ? KEYS.indexOf(event.key.toLowerCase())
    : stage.className === "choosing" ? ["ArrowLeft", "ArrowRight"].indexOf(event.key) : -1;
  const button = event.key.length && stage.querySelectorAll(".buttons button")[place];
  if (button && !button.disabled) {
    event.preventDefault();
    button.click();
  }
}

// All pictures are there before the first one is shown.
async function load(names) {
  let loaded = 0;
  await Promise.all(names.map(async (name) => {
    for (let tries = 1; ; tries++) {
      const image = new Image();
      image.src = `images/${name}.png`;
      try {
        await image.decode();
        break;
      } catch {
        if (tries === 6) throw new Error("a picture could not be loaded");
        await pause(300 * 2 ** tries);
      }
    }
    stage.textContent = `Loading pictures: ${++loaded} of ${names.length}`;
  }));
}

async function nameIt(trial, classes, places) {
  const buttons = places.map((place, at) => element("button", {},
    element("kbd", {}, KEYS[at] ?? ""), classes[place]));
  const pressed = await screen({ kind: "naming", buttons,
    content: [element("h1", {}, "What does this picture show?"), picture(trial.image, "shown")],
    columns: buttons.length > 5 ? Math.ceil(buttons.length / Math.ceil(buttons.length / 6)) : buttons.length,
    keys: "The keys on the buttons work too.",
    answer: window.simulate?.(trial, places) });
  return { ...pressed, response: places[pressed.button] };
}

async function choose(trial, places) {
  const buttons = places.map((place, at) => {
    const button = element("button", { className: "choice" },
      picture(trial.pair[place], "offered"), element("kbd", {}, at ? "→" : "←"));
    button.setAttribute("aria-label", at ? "right picture" : "left picture");
    return button;
  });
  const pressed = await screen({ kind: "choosing", buttons, columns: 2,
    content: [element("h1", {}, "Which of the two belongs to the picture above?"),
      picture(trial.image, "shown")],
    keys: "The arrow keys work too.",
    answer: window.simulate?.(trial, places) });
  return { ...pressed, response: places[pressed.button] };
}

class Session {
  constructor(experiment, state) {
    this.experiment = experiment;
    this.participant = state.participant;
    this.trials = experiment.lists[state.list];
    this.done = new Set(state.done);
    this.order = orderFor(state.participant, experiment, this.trials);
  }

  put(trial, places) {
    return trial.kind === "naming"
      ? nameIt(trial, this.experiment.classes, this.order.buttons) : choose(trial, places);
  }

  async practise(trial) {
    const { response } = await this.put(trial, [0, 1]);
    const isRight = response === trial.right, isNaming = trial.kind === "naming";
    const told = isNaming ? `“${this.experiment.classes[trial.right]}”` : "this one";
    const title = element("h1", { className: isRight ? "good" : "bad" },
      `${isRight ? "Right" : "Not quite"}: it is ${told}.`);
    await screen({ kind: "feedback",
      content: [title, picture(trial.image, "shown"),
        ...(isNaming ? [] : [picture(trial.pair[trial.right], "offered")])],
      buttons: [element("button", { className: "primary" }, "Go on")],
      answer: window.simulate && { button: 0, rt: 5 } });
  }

  async block(trials, first) {
    for (const [at, trial] of trials.entries()) {
      if (this.done.has(trial.id)) continue;
      const pressed = await this.put(trial, trial.kind === "naming" ? null : this.order.sides(trial));
      this.done.add(trial.id);
      progress(this.done.size / this.trials.length);
      keepAnswer({ participant: this.participant, trial: trial.id, place: first + at, ...pressed });
    }
  }

  async naming() {
    const { practice, classes } = this.experiment;
    if (!this.done.size) {
      await page("How it works", [
        "Each picture was made by a computer that was asked to draw one thing. Say which thing: "
          + `press one of ${classes.length} buttons, or the key that stands on it.`,
        "Many pictures are strange. There is no trick: go by your first impression, and guess when you can’t tell.",
        "We start with a few ordinary drawings or photographs, and tell you whether you were right.",
      ], "Start practice");
      for (const trial of practice.filter((one) => one.kind === "naming")) await this.practise(trial);
      await page("Now the real ones", [
        `${this.order.naming.length} pictures. From now on you aren’t told what was right.`]);
    }
    await this.block(this.order.naming, 0);
  }

  async choosing() {
    const { naming, choosing } = this.order;
    if (!choosing.some((trial) => this.done.has(trial.id))) {
      await page("Second part", [
        "You see a picture that the computer made and, below it, two ordinary ones.",
        "Choose the one that shows the thing that the computer was asked to draw.",
      ], "One for practice");
      for (const trial of this.experiment.practice.filter((one) => one.kind !== "naming")) await this.practise(trial);
    }
    await this.block(choosing, naming.length);
  }
}

function end({ participant, preview }) {
  progress(1);
  stage.className = "page";
  stage.replaceChildren(element("div", { className: "text", id: "end" },
    element("h1", {}, "Thank you."),
    element("p", {}, preview ? "This was a preview: nothing is stored."
      : "All answers are stored. You can close this page."),
    element("p", {}, "Your number, by which your answers can be deleted if you ask for it: ",
      element("code", {}, participant))));
}

async function main() {
  const found = await fetch("experiment.json");
  if (!found.ok) throw new Error("the experiment could not be loaded");
  const experiment = await found.json();
  document.title = experiment.title;
  let state = await host.resume();  // Who comes back has agreed already.
  if (!state) {
    await page(experiment.title, experiment.consent, "I agree, start");
    state = await host.start(Boolean(window.simulate));
  }
  const mode = document.getElementById("mode");
  mode.hidden = !(state.preview || window.simulate);
  mode.textContent = window.simulate ? "A simulated participant." : "Preview: nothing is stored.";
  const session = new Session(experiment, state);
  progress(session.done.size / session.trials.length);
  const shown = session.trials.concat(experiment.practice);
  await load([...new Set(shown.flatMap((trial) => [trial.image, ...(trial.pair ?? [])]))]);
  addEventListener("keydown", pressByKey);
  if (session.done.size < session.trials.length) {
    await session.naming();
    await session.choosing();
  }
  stage.textContent = "Saving …";
  await allDelivered();
  await host.finish();
  end(state);
}

main().catch((error) => {
  console.error(error);
  stage.className = "page";
  stage.textContent = `This did not work: ${error.message}. Please reload the page.`;
});
