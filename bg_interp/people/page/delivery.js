// Answers wait here until the host has confirmed them, through dead servers and lost connections.
"use strict";

const waiting = [];
let delivering = false;

function pause(milliseconds) {
  return new Promise((go) => setTimeout(go, milliseconds));
}

function notice(text) {
  const place = document.getElementById("notice");
  place.textContent = text;
  place.hidden = !text;
}

async function deliver() {
  if (delivering) return;
  delivering = true;
  for (let failures = 0; waiting.length; ) {
    try {
      await host.send(waiting[0]);
      waiting.shift();
      failures = 0;
      notice("");
    } catch {
      failures++;
      if (failures > 1) {
        notice("No connection. Your answers are kept on this page; please leave it open.");
      }
      await pause(Math.min(200 * 2 ** failures, 8000));
    }
  }
  delivering = false;
}

function keepAnswer(answer) {
  waiting.push(answer);
  deliver();
}

async function allDelivered() {
  while (waiting.length) await pause(100);
}

addEventListener("beforeunload", (event) => {
  if (waiting.length) event.preventDefault();
});
