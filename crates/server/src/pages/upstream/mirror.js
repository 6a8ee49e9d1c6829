// One mirror as this server knows it: how it stands, what it has not been told, what is behind there; and its removal.

const REFRESH_MS = 3000;
const id = decodeURIComponent(location.pathname.slice(root.length).split("/")[1]);
const path = at`rest/mirroring/latest/mirrorServers/${id}`;
const CARDS = ["standing", "error", "behind", "remove"];
let asking = true;

element("settings").href = `${root}${path}/webPanels/config`;

function hideAll() {
  for (const card of CARDS) element(`${card}-card`).hidden = true;
  element("state").hidden = true;
}

function showStanding(mirror, stands) {
  showHeading(mirror.name);
  element("state").hidden = false;
  showState("state", mirror.enabled ? stands.standing : "DISABLED");
  const bar = element("bar");
  bar.hidden = stands.mirroredRepos === undefined;
  bar.max = Math.max(stands.mirroredRepos ?? 0, 1);
  bar.value = stands.mirroredRepos === 0 ? 1 : stands.inStepRepos ?? 0;
  const pairs = [
    ["Address", link(mirror.baseUrl)],
    ["Id", mirror.id],
    ["Runs", [mirror.productType, mirror.productVersion].filter(Boolean).join(" ")],
    ["Last heard of", time(stands.lastSeenDate ?? mirror.lastSeenDate)],
    ["Last told how it stands", time(stands.toldDate)],
    ["Synchronized", stands.mirroredRepos === undefined ? "not known" : stands.mirroredRepos === 0 ? "there is nothing to synchronize" : `${stands.inStepRepos} of ${repositoryCount(stands.mirroredRepos)}`],
    ["Last synchronization", time(stands.lastSyncDate)],
    ["Behind for", stands.lagMillis === undefined ? "not behind" : duration(stands.lagMillis)],
    ["Could not be synchronized", stands.failingRepos > 0 ? `${stands.failingRepos}: ${stands.failure ?? "it is not known why"}` : "none"],
    ["Events to deliver", String(stands.pendingEvents)],
  ];
  element("standing").replaceChildren(...pairs.flatMap(([term, value]) => [make("dt", term), make("dd", value)]));
  element("standing-card").hidden = element("remove-card").hidden = false;
  element("error-card").hidden = !stands.lastError;
  show("pending", `${counted(stands.pendingEvents, "event waits", "events wait")}. What the last attempt said:`);
  if (element("delivery-error").textContent !== (stands.lastError ?? "")) show("delivery-error", stands.lastError);
}

function behindRow({ projectKey, repositorySlug, generation, upstreamGeneration, outcome, reportedDate }) {
  return row(
    headingsOf("behind"),
    make("td", make("b", pageLink(at`projects/${projectKey}/repos/${repositorySlug}`, `${projectKey}/${repositorySlug}`))),
    make("td", stateBadge(outcome === "SYNCHRONIZED" ? "BEHIND" : "FAILING")),
    make("td", `${generation ?? "none"} of ${upstreamGeneration}`),
    make("td", time(reportedDate)),
  );
}

function showBehind(behind) {
  refillTable("behind", behind.map((one) => ({ says: one, row: () => behindRow(one) })));
  element("behind-card").hidden = false;
}

const refreshBehind = newest(() => all(`${path}/delayed-sync`), showBehind);

const refreshStanding = newest(
  () => Promise.all([ask(path), ask(`${path}/standing`)]),
  async ([mirror, stands]) => {
    showStanding(mirror, stands);
    note("problem", "");
    await refreshBehind();
  },
  (error) => {
    hideAll();
    note("problem", error.message);
    asking = error.status === undefined || error.status >= 500;
  },
);

async function refresh() {
  if (username !== null && asking) await refreshStanding();
}

element("remove").addEventListener("click", async () => {
  show("remove-title", `Remove ${element("heading").textContent}?`);
  if (!(await confirmed("remove-dialog"))) return;
  try {
    await send("DELETE", path);
    location.assign(root);
  } catch (error) {
    note("problem", error.message);
  }
});

withSession(async () => {
  asking = true;
  hideAll();
  forgetHeading();
  note("problem", "");
  await refresh();
});
repeat(refresh, REFRESH_MS);
