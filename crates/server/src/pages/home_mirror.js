// Keeps the state and the progress bar up to date, and lets an administrator see and confirm what is held back.

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
    showState("state", status.state, status.state === "SYNCHRONIZED" ? "good" : "wait");
    showProgress(status);
    note("reason", status.reason);
    show("upstream-state", status.upstream.state);
    show("available", status.availableRepos);
    show("in-error", status.repositoriesInError);
    show("lag", lag(status.lagMillis));
    show("members", status.memberCount);
    element("held-back").hidden = !status.heldRepos;
  } catch {
    showState("state", "UNREACHABLE", "bad");
  }
}, REFRESH_MS);
