// Keeps the state and the progress bar up to date.

const REFRESH_MS = 2000;

function showProgress({ state, discovering, syncedRepos, totalRepos }) {
  const bar = element("bar");
  bar.hidden = false;
  if (totalRepos > 0) {
    bar.max = totalRepos;
    bar.value = syncedRepos;
    const still = discovering ? ", still counting" : "";
    note("counts", `${syncedRepos} of ${totalRepos} repositories are in step with the upstream${still}.`);
  } else if (discovering) {
    bar.removeAttribute("value");
    note("counts", "Finding out what there is to synchronize.");
  } else {
    bar.max = 1;
    bar.value = state === "SYNCHRONIZED" ? 1 : 0;
    note("counts", state === "SYNCHRONIZED" ? "Everything is in step with the upstream." : "Nothing is synchronized yet.");
  }
}

function lag(millis) {
  if (millis === undefined) return "none";
  return millis < 1000 ? "under a second" : `${Math.round(millis / 1000)} s`;
}

repeat(async () => {
  try {
    const status = await ask("status", { anyStatus: true });
    showState("state", status.state, status.state === "SYNCHRONIZED" ? "good" : "wait");
    showProgress(status);
    note("reason", status.reason);
    show("upstream-state", status.upstream.state);
    show("available", status.availableRepos);
    show("in-error", status.repositoriesInError);
    show("lag", lag(status.lagMillis));
    show("members", status.memberCount);
  } catch {
    showState("state", "UNREACHABLE", "bad");
  }
}, REFRESH_MS);
