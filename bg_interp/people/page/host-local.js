// Where the page runs: on the server of tools/people.py. It gives numbers and keeps answers.
// A page on another host differs in this file alone.
"use strict";

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", keepalive: true,
    headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  return fetch(path, options);
}

const host = {
  // Where somebody stands who comes back, by the number in the address; null for who is new.
  async resume() {
    const number = new URLSearchParams(location.search).get("p");
    if (!number) return null;
    const found = await ask("api/state/" + encodeURIComponent(number));
    if (found.status >= 500) throw new Error("the server is in trouble");
    return found.ok ? found.json() : null;
  },

  async start(simulated) {
    const made = await ask("api/start", { simulated });
    if (!made.ok) throw new Error((await made.json()).error);
    const state = await made.json();
    // A reload finds the number in the address; nothing is stored on the computer.
    const address = new URL(location.href);
    address.searchParams.set("p", state.participant);
    history.replaceState(null, "", address);
    return state;
  },

  // Resolves when the answer is stored, or refused for good; fails when it is worth another try.
  async send(answer) {
    const done = await ask("api/answer", answer);
    if (done.status >= 500 || done.status === 429) throw new Error("the server is in trouble");
    if (!done.ok) console.error("refused", await done.text());
  },

  async finish() {},
};
