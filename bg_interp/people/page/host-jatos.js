// Where the page runs: inside JATOS, which keeps the answers, one line of JSON each.
"use strict";

// Asked for at once: JATOS may be ready before the experiment is loaded.
const jatosIsReady = new Promise((ready) => jatos.onLoad(ready));

const host = {
  state: null,

  async resume() {
    await jatosIsReady;
    this.state = jatos.studySessionData.people ?? null;  // It is there after a reload.
    return this.state;
  },

  async start(simulated) {
    const lists = (await (await fetch("experiment.json")).json()).lists.length;
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    const participant = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    this.state = { participant, simulated, list: jatos.studyResultId % lists, done: [] };
    await this.keep();
    return this.state;
  },

  async keep() {
    jatos.studySessionData.people = this.state;
    await jatos.setStudySessionData(jatos.studySessionData);
  },

  async send(answer) {
    const { list, simulated } = this.state;
    await jatos.appendResultData(JSON.stringify({ ...answer, list, simulated }) + "\n");
    this.state.done.push(answer.trial);
    await this.keep();
  },

  async finish() {
    await jatos.endStudyWithoutRedirect();
  },
};
