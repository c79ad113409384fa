// The order of trials and buttons: drawn for each person, and the same again after a reload.
"use strict";

// Numbers from 0 to 1 that a text alone determines: FNV-1a to begin, then mulberry32.
function randomNumbers(text) {
  let state = 0x811c9dc5;
  for (const character of text) state = Math.imul(state ^ character.codePointAt(0), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// Fisher and Yates.
function shuffled(things, random) {
  const made = [...things];
  for (let last = made.length - 1; last > 0; last--) {
    const chosen = Math.floor(random() * (last + 1));
    [made[last], made[chosen]] = [made[chosen], made[last]];
  }
  return made;
}

// Naming comes first: who has chosen between pictures of the classes has seen what they look like.
function orderFor(participant, experiment, trials) {
  const random = randomNumbers(participant + experiment.experiment);
  return {
    buttons: shuffled(experiment.classes.keys(), random),
    naming: shuffled(trials.filter((trial) => trial.kind === "naming"), random),
    choosing: shuffled(trials.filter((trial) => trial.kind !== "naming"), random),
    // Which picture of a pair stands on the left.
    sides: (trial) => (randomNumbers(participant + trial.id)() < 0.5 ? [0, 1] : [1, 0]),
  };
}
