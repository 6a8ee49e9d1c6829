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
  note("counts", inStepOf(total, inStepRepos, discovering, notKnownSince));
}

/** What is in step, and nothing about now while that is not known. */
function inStepOf(total, inStep, discovering, notKnownSince) {
  const all = inStep === total;
  if (notKnownSince !== undefined) {
    if (total === 0) return "Nothing is synchronized yet.";
    const several = all ? `All ${total} repositories were` : `${inStep} of ${repositoryCount(total)} ${inStep === 1 ? "was" : "were"}`;
    const were = all && total === 1 ? "The one repository was" : several;
    return `${were} in step with the upstream ${ago(notKnownSince)}. What it has gained since then is not known.`;
  }
  if (total === 0) return "There is nothing to synchronize.";
  if (all && !discovering) return `Everything is in step with the upstream: ${total} of ${repositoryCount(total)}.`;
  return `${inStep} of ${repositoryCount(total)} ${inStep === 1 ? "is" : "are"} in step with the upstream${discovering ? ", still counting" : ""}.`;
}

function lag({ lagMillis, lagLimitMillis, notKnownSince }) {
  const limit = lagLimitMillis === undefined ? "" : `, of ${duration(lagLimitMillis)} that are allowed`;
  if (lagMillis !== undefined) return (lagMillis < 1000 ? "under a second" : duration(lagMillis)) + limit;
  return notKnownSince === undefined ? "none" : `not known since ${exactly(notKnownSince)}${limit}`;
}

function clock(skewMillis) {
  if (skewMillis === undefined) return "not known";
  if (skewMillis === 0) return "agrees with the upstream's";
  return `${duration(Math.abs(skewMillis))} ${skewMillis > 0 ? "behind" : "ahead of"} the upstream's`;
}

const exactly = (millis) => new Date(millis).toLocaleString();
const when = (millis) => (millis === undefined ? "never" : ago(millis));

// Whether who is signed in may see more; each is asked until it is refused.
let watchesBehind = false;
let watchesHeld = false;

function behindRow({ projectKey, repositorySlug, behindSince, generation, upstreamGeneration, failedSyncCount, lastError }) {
  const generations = `${generation ?? "none"} of ${upstreamGeneration ?? "an unknown one"}`;
  return row(
    headingsOf("behind-list"),
    make("td", make("b", pageLink(`projects/${encodeURIComponent(projectKey)}/repos/${encodeURIComponent(repositorySlug)}`, `${projectKey}/${repositorySlug}`))),
    make("td", ago(behindSince)),
    make("td", generations),
    make("td", String(failedSyncCount ?? 0)),
    make("td", lastError ?? ""),
  );
}

const refreshBehind = newest(
  () => ask("rest/mirroring/latest/mirrorRepos/delayed-sync?delayThreshold=0"),
  (behind) => {
    element("behind-list").replaceChildren(...behind.map(behindRow));
    element("behind-seen").hidden = behind.length === 0;
    note("behind-problem", "");
  },
  (error) => {
    watchesBehind = false;
    note("behind-problem", error.message);
  },
);

async function showBehind() {
  if (watchesBehind) await refreshBehind();
}

const HELD_BECAUSE = {
  MISSING: "the upstream does not know it, and has not announced that it was deleted",
  FELL_BACK: "the upstream has less of it than it had",
  REPLACED: "the upstream has another repository with its id",
};
// The list that was shown. What is confirmed is that list and no other.
let seen = null;

function heldRow({ projectKey, slug, reason, since }) {
  return row(headingsOf("held-back-list"), make("td", make("b", `${projectKey}/${slug}`)), make("td", HELD_BECAUSE[reason] ?? reason), make("td", ago(since)));
}

function showHeld({ count, repositories, unrecordedCount }) {
  element("held-back-list").replaceChildren(...repositories.map(heldRow));
  const unnamed = count - repositories.length;
  const more = unnamed > 0 ? `${counted(unnamed, "more is", "more are")} not named. ` : "";
  note("held-back-more", more + (unrecordedCount > 0 ? `No record tells of ${repositoryCount(unrecordedCount)} on its disk.` : ""));
  element("held-back-seen").hidden = count + unrecordedCount === 0;
}

function stopWatchingHeld(error) {
  watchesHeld = false;
  note("held-back-problem", error.message);
}

async function readHeld() {
  const upstreams = await ask("rest/mirroring/latest/upstreamServers");
  const path = `rest/mirroring/latest/upstreamServers/${upstreams.values[0].id}/heldBack`;
  return { path, list: await ask(path) };
}

const refreshHeld = newest(readHeld, ({ path, list }) => {
  seen = { path, token: list.token };
  showHeld(list);
  note("held-back-problem", "");
}, stopWatchingHeld);

/** Shows the list once; a list that changed under the eyes of who confirms it would be another one. */
async function listHeld() {
  if (watchesHeld && seen === null) await refreshHeld();
}

element("held-back-confirm").addEventListener("click", async () => {
  const reader = username;
  try {
    const left = await send("POST", `${seen.path}/confirmation`, { token: seen.token });
    if (username !== reader) return;
    seen = left.count + left.unrecordedCount === 0 ? null : { ...seen, token: left.token };
    showHeld(left);
    note("held-back-problem", "");
  } catch (error) {
    if (username === reader) stopWatchingHeld(error);
  }
});

withSession(async () => {
  watchesBehind = watchesHeld = username !== null;
  seen = null;
  element("behind-seen").hidden = element("held-back-seen").hidden = true;
  note("behind-problem", "");
  note("held-back-problem", "");
  if (!element("behind").hidden) await showBehind();
  if (!element("held-back").hidden) await listHeld();
});

repeat(async () => {
  try {
    const status = await ask("status", { anyStatus: true });
    const mood = status.health === "GREEN" ? "good" : "wait";
    // What balancers read as a state to serve in is none to be content with.
    const isFailing = status.state === "SYNCHRONIZED" && status.repositoriesInError > 0;
    showState("state", isFailing ? "FAILING" : status.state, isFailing || status.state === "LAGGING" ? "bad" : mood);
    showProgress(status);
    note("reason", status.reason);
    const link = named(status.upstream.state).word;
    show("upstream-state", status.upstream.reachable ? link : `${link}, does not answer`);
    const joins = ["PENDING", "INITIALIZING", "REMOVED"].includes(status.state);
    element("clone-here").hidden = element("use-here").hidden = joins;
    element("join-here").hidden = !joins;
    show("available", status.availableRepos);
    show("in-error", status.repositoriesInError);
    show("lag", lag(status));
    show("clock", clock(status.upstream.clockSkewMillis));
    show("last-contact", when(status.upstream.lastContactDate));
    show("last-comparison", when(status.upstream.lastComparisonDate));
    show("last-sync", when(status.lastSyncDate));
    show("members", status.memberCount);
    element("held-back").hidden = !status.heldRepos;
    if (status.heldRepos) await listHeld();
    const isBehind = status.inStepRepos < status.mirroredRepos || status.repositoriesInError > 0;
    if (isBehind) await showBehind();
    // What is only held back has a card of its own.
    element("behind").hidden = !isBehind || (watchesBehind && element("behind-list").rows.length === 0);
  } catch {
    showState("state", "UNREACHABLE", "bad");
  }
}, REFRESH_MS);
