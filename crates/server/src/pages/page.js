"use strict";

// What all pages need: finding elements, showing text as text, reading answers,
// signing in, and asking again and again.

const element = (id) => document.getElementById(id);

function show(id, text) {
  const shown = element(id);
  shown.textContent = text ?? "";
}

function note(id, text) {
  show(id, text);
  element(id).hidden = !text;
}

function showState(id, state, mood) {
  show(id, state);
  element(id).dataset.mood = mood;
}

/** An element with children; strings become text and never markup. */
function make(tag, ...children) {
  const made = document.createElement(tag);
  made.append(...children);
  return made;
}

/** A link if the address is one that a browser may follow, else its text. */
function link(address) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return String(address);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return String(address);
  const made = make("a", address);
  made.href = url.href;
  made.rel = "noopener noreferrer";
  return made;
}

const ago = (() => {
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  return (time) => {
    const seconds = Math.round((time - Date.now()) / 1000);
    const steps = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [Infinity, "day", 86400]];
    const [, unit, length] = steps.find(([limit]) => Math.abs(seconds) < limit);
    return words.format(Math.round(seconds / length), unit);
  };
})();

/** A length of time in the largest unit of which it holds one. */
function duration(millis) {
  const seconds = Math.round(millis / 1000);
  const [unit, length] = [["days", 86400], ["h", 3600], ["min", 60]].find(([, length]) => seconds >= length) ?? ["s", 1];
  return `${Math.floor(seconds / length)} ${unit}`;
}

/** The JSON answer to a request; an error carries the message of the server. */
async function ask(path, options = {}) {
  // Without "omit", browsers answer a 401 with a dialog of their own.
  const response = await fetch(path, { credentials: "omit", cache: "no-store", ...options });
  const answer = await response.json().catch(() => null);
  if (response.ok || options.anyStatus) return answer;
  const error = new Error(answer?.errors?.[0]?.message ?? `The server answered ${response.status}.`);
  error.status = response.status;
  throw error;
}

function basic(username, password) {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return "Basic " + btoa(String.fromCharCode(...bytes));
}

/** Runs a task now and a while after each of its ends, and only while the page is visible. */
function repeat(task, pauseMs) {
  const run = async () => {
    if (!document.hidden) await task();
    setTimeout(run, pauseMs);
  };
  run();
}
