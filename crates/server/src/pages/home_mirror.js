// Keeps the state and the progress bar up to date, and lets an administrator see what is behind and why, and see and confirm
// what is held back.

const REFRESH_MS = 2000;

function showProgress({ discovering, totalRepos, mirroredRepos, inStepRepos, notKnownSince }) {
  const bar = element("bar");
  bar.hidden = false;
  const total = Math.max(totalRepos, mirroredRepos);
  if (discovering && total === 0) {
    bar.removeAttribute("value");
    note("counts", "Finding out what there is to synchronize.");
    return;
  }
  bar.max = Math.max(total, 1);
  bar.value = total === 0 && notKnownSince === undefined ? 1 : inStepRepos;
  note("counts", counted(total, inStepRepos, discovering, notKnownSince));
}

/** What is in step, and nothing about now while that is not known. */
function counted(total, inStep, discovering, notKnownSince) {
  const all = inStep === total;
  if (notKnownSince !== undefined) {
    if (total === 0) return "Nothing is synchronized yet.";
    const were = all ? (total === 1 ? "The one repository was" : `All ${total} repositories were`) : `${inStep} of ${total} repositories were`;
    return `${were} in step with the upstream ${ago(notKnownSince)}. What it has gained since then is not known.`;
  }
  if (total === 0) return "There is nothing to synchronize.";
  if (all && !discovering) return `Everything is in step with the upstream: ${total} of ${total} repositories.`;
  return `${inStep} of ${total} repositories are in step with the upstream${discovering ? ", still counting" : ""}.`;
}

function lag({ lagMillis, lagLimitMillis, notKnownSince }) {
  const limit = lagLimitMillis === undefined ? "" : `, of ${duration(lagLimitMillis)} that are allowed`;
  if (lagMillis !== undefined) return (lagMillis < 1000 ? "under a second" : duration(lagMillis)) + limit;
  return notKnownSince === undefined ? "none" : `not known since ${at(notKnownSince)}${limit}`;
}

function clock(skewMillis) {
  if (skewMillis === undefined) return "not known";
  if (skewMillis === 0) return "agrees with the upstream's";
  return `${duration(Math.abs(skewMillis))} ${skewMillis > 0 ? "behind" : "ahead of"} the upstream's`;
}

const at = (time) => new Date(time).toLocaleString();
const when = (time) => (time === undefined ? "never" : ago(time));

// Who has signed in to see what is behind.
let watching = null;

function behindRow({ projectKey, repositorySlug, behindSince, generation, upstreamGeneration, failedSyncCount, lastError }) {
  const generations = `${generation ?? "none"} of ${upstreamGeneration ?? "an unknown one"}`;
  return make(
    "tr",
    make("td", make("b", `${projectKey}/${repositorySlug}`)),
    make("td", ago(behindSince)),
    make("td", generations),
    make("td", String(failedSyncCount ?? 0)),
    make("td", lastError ?? ""),
  );
}

async function showBehind() {
  if (watching === null) return;
  try {
    const behind = await ask("rest/mirroring/latest/mirrorRepos/delayed-sync?delayThreshold=0", { headers: watching });
    element("behind-list").replaceChildren(...behind.map(behindRow));
    element("behind-seen").hidden = behind.length === 0;
    note("behind-problem", "");
  } catch (error) {
    watching = null;
    note("behind-problem", error.message);
  }
}

element("behind-sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { username, password } = event.target.elements;
  watching = { Authorization: basic(username.value, password.value) };
  password.value = "";
  await showBehind();
});

const HELD_BECAUSE = {
  MISSING: "the upstream does not know it, and has not announced that it was deleted",
  FELL_BACK: "the upstream has less of it than it had",
  REPLACED: "the upstream has another repository with its id",
};
// Who has signed in, and the list that was shown. What is confirmed is that list and no other.
let seen = null;

function heldRow({ projectKey, slug, reason, since }) {
  return make("tr", make("td", make("b", `${projectKey}/${slug}`)), make("td", HELD_BECAUSE[reason] ?? reason), make("td", ago(since)));
}

function showHeld({ count, repositories, unrecordedCount }) {
  element("held-back-list").replaceChildren(...repositories.map(heldRow));
  const unnamed = count - repositories.length;
  const more = unnamed > 0 ? `${unnamed} more are not named. ` : "";
  note("held-back-more", more + (unrecordedCount > 0 ? `No record tells of ${unrecordedCount} repositories on its disk.` : ""));
  element("held-back-seen").hidden = count + unrecordedCount === 0;
}

async function actOnHeld(act) {
  try {
    await act();
    note("held-back-problem", "");
  } catch (error) {
    note("held-back-problem", error.message);
  }
}

element("held-back-sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const { username, password } = event.target.elements;
  const Authorization = basic(username.value, password.value);
  actOnHeld(async () => {
    const upstreams = await ask("rest/mirroring/latest/upstreamServers", { headers: { Authorization } });
    const path = `rest/mirroring/latest/upstreamServers/${upstreams.values[0].id}/heldBack`;
    const list = await ask(path, { headers: { Authorization } });
    seen = { Authorization, path, token: list.token };
    password.value = "";
    showHeld(list);
  });
});

element("held-back-confirm").addEventListener("click", () => actOnHeld(async () => {
  const { Authorization, path, token } = seen;
  const headers = { Authorization, "Content-Type": "application/json" };
  const left = await ask(`${path}/confirmation`, { method: "POST", headers, body: JSON.stringify({ token }) });
  seen = { Authorization, path, token: left.token };
  showHeld(left);
}));

repeat(async () => {
  try {
    const status = await ask("status", { anyStatus: true });
    const mood = status.health === "GREEN" ? "good" : "wait";
    showState("state", status.state, status.state === "LAGGING" ? "bad" : mood);
    showProgress(status);
    note("reason", status.reason);
    show("upstream-state", status.upstream.reachable ? status.upstream.state : `${status.upstream.state}, does not answer`);
    show("available", status.availableRepos);
    show("in-error", status.repositoriesInError);
    show("lag", lag(status));
    show("clock", clock(status.upstream.clockSkewMillis));
    show("last-contact", when(status.upstream.lastContactDate));
    show("last-comparison", when(status.upstream.lastComparisonDate));
    show("last-sync", when(status.lastSyncDate));
    show("members", status.memberCount);
    element("held-back").hidden = !status.heldRepos;
    const isBehind = status.inStepRepos < status.mirroredRepos || status.repositoriesInError > 0;
    element("behind").hidden = !isBehind;
    if (isBehind) await showBehind();
  } catch {
    showState("state", "UNREACHABLE", "bad");
  }
}, REFRESH_MS);
