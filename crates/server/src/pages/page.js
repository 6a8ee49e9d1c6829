// What all pages need: finding elements, showing text as text, reading answers,
// signing in, and asking again and again.

// The panel of a mirror's settings, which asks another server, has no root.
const root = document.body.dataset.root ?? "";

const element = (id) => document.getElementById(id);

function show(id, text) {
  const shown = element(id);
  shown.textContent = text ?? "";
}

function note(id, text) {
  show(id, text);
  element(id).hidden = !text;
}

for (const entry of document.querySelectorAll("nav a")) {
  const { pathname, origin } = new URL(entry.href);
  const isHere = origin === location.origin && (pathname === location.pathname || (pathname !== root && location.pathname.startsWith(`${pathname}/`)));
  if (isHere) entry.setAttribute("aria-current", "page");
}

/** Leads to the same page at the server's own address, where one can sign in. */
function showElsewhere() {
  const card = element("sign-in-card");
  if (!card || !isElsewhere()) return;
  card.hidden = true;
  tellElsewhere(element("elsewhere"));
}

showElsewhere();

const TITLE = document.title;
const HEADING = element("heading")?.textContent;

/** Says what the page is about, in its heading and in front of its title. */
function showHeading(text) {
  show("heading", text);
  document.title = `${text} · ${TITLE}`;
}

/** The page is about nothing that the present reader may know. */
function forgetHeading() {
  show("heading", HEADING);
  document.title = TITLE;
}

/** How a state is called on all pages, and how it is coloured. */
const named = (code) => STATES[code] ?? { word: code ?? "", mood: "wait" };

function showState(id, code, mood) {
  const { word, mood: usual } = named(code);
  // It is read out when it changes.
  if (element(id).textContent !== word) show(id, word);
  element(id).dataset.mood = mood ?? usual;
}

/** The word for a state, in its colour. */
function stateBadge(code) {
  const { word, mood } = named(code);
  const badge = make("span", word);
  badge.className = "state";
  badge.dataset.mood = mood;
  return badge;
}

/** A number with the words that go with it. */
const counted = (count, one, many) => `${count} ${count === 1 ? one : many}`;

const repositoryCount = (count) => counted(count, "repository", "repositories");

/** An element with children; strings become text and never markup. */
function make(tag, ...children) {
  const made = document.createElement(tag);
  made.append(...children);
  return made;
}

/** One of the choices of a select. */
function option(value, text) {
  const made = make("option", text);
  made.value = value;
  return made;
}

/** A link to a page of this server. */
function pageLink(path, text) {
  const made = make("a", text);
  made.href = root + path;
  return made;
}

/** The address of a thing whose name stands in it. */
const at = (strings, ...names) => String.raw({ raw: strings }, ...names.map((name) => encodeURIComponent(name)));

/** A row of a table; a small screen shows it as a card, with the headings of the table before its cells. */
function row(headings, ...cells) {
  const made = make("tr", ...cells);
  [...made.cells].forEach((cell, index) => {
    cell.dataset.label = headings[index] ?? "";
  });
  return made;
}

/** The headings of the table around a body. */
const headingsOf = (id) => [...element(id).closest("table").querySelectorAll("thead th")].map((heading) => heading.textContent);

/** Shows a table only if it has rows, and else what is said instead. */
function showTable(name, rows) {
  element(`no-${name}`).hidden = rows.length > 0;
  element(`${name}-table`).hidden = rows.length === 0;
}

/** Fills the body of a table. */
function fillTable(name, rows) {
  showTable(name, rows);
  element(name).replaceChildren(...rows);
}

// What rows say that may be asked for again.
const saidBy = new WeakMap();

/**
 * Fills the body of a table again. Rows that say what they said before stay: a button under a finger is not replaced, and
 * keeps the focus.
 */
function refillTable(name, shown) {
  const body = element(name);
  const before = new Map([...body.rows].map((made) => [saidBy.get(made), made]));
  const rows = shown.map(({ says, row: draw }) => {
    const said = JSON.stringify(says);
    const kept = before.get(said);
    // Two that say the same are two rows.
    before.delete(said);
    const made = kept ?? draw();
    // What stays tells how long ago something was as of now.
    for (const told of kept?.querySelectorAll("time") ?? []) told.textContent = ago(Date.parse(told.dateTime));
    saidBy.set(made, said);
    return made;
  });
  showTable(name, rows);
  const stays = new Set(rows);
  for (const made of [...body.rows]) if (!stays.has(made)) made.remove();
  // What leaves the page for a moment loses the focus: only what is not in its place is put there.
  rows.forEach((made, index) => {
    if (body.rows[index] !== made) body.insertBefore(made, body.rows[index] ?? null);
  });
}

const sizeOf = (bytes) => {
  const [unit, length] = [["GiB", 2 ** 30], ["MiB", 2 ** 20]].find(([, length]) => bytes >= length) ?? ["KiB", 2 ** 10];
  return `${(bytes / length).toFixed(1)} ${unit}`;
};

/** A point in time as people say it, with the exact one beneath. */
function time(millis) {
  if (millis === undefined || millis === null) return "never";
  const made = make("time", ago(millis));
  made.dateTime = new Date(millis).toISOString();
  made.title = new Date(millis).toLocaleString();
  return made;
}

/** A command to copy, with a button for it where the browser allows that. */
function command(text) {
  const shown = make("pre", text);
  shown.tabIndex = 0;
  if (!navigator.clipboard) return shown;
  const copy = make("button", "Copy");
  copy.type = "button";
  copy.className = "quiet copy";
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = "Copied";
  });
  const box = make("div", shown, copy);
  box.className = "command";
  return box;
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
  const days = Math.floor(seconds / 86400);
  if (days > 0) return counted(days, "day", "days");
  const [unit, length] = [["h", 3600], ["min", 60]].find(([, length]) => seconds >= length) ?? ["s", 1];
  return `${Math.floor(seconds / length)} ${unit}`;
}

/** The JSON answer to a request; an error carries the message of the server. */
async function ask(path, options = {}) {
  // What another server is asked goes without the marks of this one.
  const isOwn = !/^https?:/.test(path);
  const asker = username;
  const headers = isOwn ? { ...options.headers, "X-Heliostat-Page": "1" } : options.headers;
  const credentials = isOwn ? "same-origin" : "omit";
  const response = await fetch(isOwn ? root + path : path, { cache: "no-store", ...options, credentials, headers });
  const answer = await response.json().catch(() => null);
  if (response.ok || options.anyStatus) return answer;
  const error = new Error(answer?.errors?.[0]?.message ?? `The server answered ${response.status}.`);
  error.status = response.status;
  // What was shown at signing in does not hold any more: a changed password, a deleted token, a server that was restarted.
  if (isOwn && response.status === 401 && asker !== null && asker === username && !options.headers?.Authorization) {
    error.message = "Your session is over. Sign in again.";
    await endSession(error.message);
  }
  throw error;
}

function basic(username, password) {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return "Basic " + btoa(String.fromCharCode(...bytes));
}

/** Gives a password that is typed twice, so that a slip is noticed. */
function typedTwice({ password, passwordConfirm }) {
  if (password.value !== passwordConfirm.value) throw new Error("The two new passwords differ.");
  return { password: password.value, passwordConfirm: passwordConfirm.value };
}

/** A request that sends something, or nothing. */
const send = (method, path, sent) => {
  const json = { headers: { "Content-Type": "application/json" }, body: JSON.stringify(sent) };
  return ask(path, { method, ...(sent === undefined ? {} : json) });
};

/** All values of a list, up to what a page can show. */
async function all(path) {
  const values = [];
  let start = 0;
  while (start !== null && values.length < MAX_LISTED) {
    const page = await ask(`${path}${path.includes("?") ? "&" : "?"}limit=${PAGE_LENGTH}&start=${start}`);
    values.push(...page.values);
    start = page.isLastPage ? null : page.nextPageStart;
  }
  return values;
}

const PAGE_LENGTH = 100;
const MAX_LISTED = 1000;
const SESSION = "console/session";

// The user who is signed in; null if none is.
let username = null;

// Shows the page as without a session, and says why; a page without a sign-in form has no session to end.
let endSession = async () => {};

/** Begins a session of this browser in the place of the one before; answers who is signed in. */
const beginSession = (name, password) => ask(SESSION, { method: "POST", headers: { Authorization: basic(name, password) } });

/** Has the server forget the session of this browser. */
const leaveSession = () => ask(SESSION, { method: "DELETE" }).catch(() => null);

function showSession() {
  element("sign-in-card").hidden = username !== null || isElsewhere();
  element("signed-in").hidden = username === null;
  show("who", username);
  // How to get further by signing in is said to those who are not.
  for (const said of document.querySelectorAll("[data-for]")) said.hidden = (said.dataset.for === "signed-in") === (username === null);
}

/** Signs in and out by the form of the page, and calls back whenever who is signed in has changed, and at first. */
function withSession(changed) {
  const become = async (name) => {
    username = name ?? null;
    showSession();
    await changed();
  };
  endSession = async (why) => {
    // Before anything is waited for: other answers to the same session tell the same.
    username = null;
    // As long as its cookie is sent, the server refuses even what everybody may read.
    await leaveSession();
    await become(null);
    note("problem", why);
  };
  element("sign-in").addEventListener("submit", async (event) => {
    event.preventDefault();
    const { username: name, password } = event.target.elements;
    note("problem", "");
    // The answer to this must not come last.
    await asked;
    try {
      const session = await beginSession(name.value, password.value);
      password.value = "";
      await become(session.username);
    } catch (error) {
      note("problem", error.message);
    }
  });
  element("sign-out").addEventListener("click", async () => {
    await leaveSession();
    note("problem", "");
    await become(null);
  });
  const asked = ask(SESSION).then((session) => session.username, () => null);
  return asked.then(become);
}

/** A button that does something once at a time, and says what went wrong. */
function button(text, kind, act, after = async () => {}) {
  const made = make("button", text);
  made.type = "button";
  made.className = kind;
  made.addEventListener("click", async () => {
    made.disabled = true;
    // Before, and not after: the end of the session is told meanwhile.
    note("problem", "");
    try {
      await act();
    } catch (error) {
      note("problem", error.message);
    }
    made.disabled = false;
    // While it was disabled it could not keep the focus.
    if (document.activeElement === document.body) made.focus();
    await after();
  });
  return made;
}

/** A button in a row, which names to who has it read out what it acts on. */
function buttonOn(name, text, kind, act, after) {
  const made = button(text, kind, act, after);
  made.setAttribute("aria-label", `${text} ${name}`);
  return made;
}

/** Has a form do something once at a time when it is sent, and says what went wrong, on top of the page or in `place`. */
function onSubmit(id, act, place = "problem") {
  const form = element(id);
  let isBusy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    note(place, "");
    try {
      await act(form.elements, form);
    } catch (error) {
      note(place, error.message);
    }
    isBusy = false;
  });
}

/** Asks by a dialog of the page: whether its button with the value `yes` was chosen, and not another way out. */
function confirmed(id) {
  const dialog = element(id);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

/** What only some may see is left out for the others, and what does not exist for all. */
function tellUnlessRefused(error) {
  if (![401, 403, 404].includes(error.status)) note("problem", error.message);
}

/**
 * Asks, and then shows what was answered, each time that it is called. An older answer may come after a newer one, or
 * after another user has signed in: only the answer to the newest question is shown, and only to the user who has asked
 * it. The same holds for error messages.
 */
function newest(read, showAnswer, tell = (error) => note("problem", error.message)) {
  let asked = 0;
  return async (...given) => {
    const mine = ++asked;
    const reader = username;
    const isNewest = () => mine === asked && reader === username;
    try {
      const answer = await read(...given);
      if (isNewest()) await showAnswer(answer, ...given);
    } catch (error) {
      if (isNewest()) tell(error);
    }
  };
}

/** Runs a task now and a while after each of its ends, and only while the page is visible. */
function repeat(task, pauseMs) {
  const run = async () => {
    if (!document.hidden) await task();
    setTimeout(run, pauseMs);
  };
  run();
}
