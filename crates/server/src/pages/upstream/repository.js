// One repository: how to clone it and from where, its branches, its copies on mirrors, whom it follows and whom it tells, and
// who may do what.

const [, projectKey, , slug] = location.pathname.slice(root.length).split("/").map(decodeURIComponent);
const path = at`rest/api/latest/projects/${projectKey}/repos/${slug}`;
const BRANCHES = 25;
const CARDS = ["about", "branches", "mirrors", "following", "webhooks", "permissions"];
const base = document.body.dataset.baseUrl;
// The places from which it can be cloned; the primary is always the first.
let sources = [];
// Whether it is kept equal to one of another server, and takes no pushes.
let follows = false;

showHeading(`${projectKey}/${slug}`);

const cloneUrlAt = (server) => `${server.replace(/\/$/, "")}/scm/${projectKey.toLowerCase()}/${slug}.git`;

function showClone() {
  const chosen = sources[element("clone-from").elements.source.selectedIndex] ?? sources[0];
  const commands = [`git clone ${chosen.url}`];
  // What was cloned from a mirror pushes to the primary.
  if (chosen !== sources[0]) commands.push(`git -C ${slug} remote set-url --push origin ${sources[0].url}`);
  element("clone").replaceChildren(...commands.map(command));
  element("push-hint").hidden = chosen === sources[0];
  show("as-of", chosen.asOf);
}

/** Keeps what was chosen, as far as it is still there. */
function showSources(found) {
  const select = element("clone-from").elements.source;
  const chosen = sources[select.selectedIndex]?.url;
  sources = found;
  select.replaceChildren(...sources.map(({ name, url }) => {
    const option = make("option", name);
    option.selected = url === chosen;
    return option;
  }));
  showClone();
}

const primary = () => ({ name: "the primary", url: cloneUrlAt(base), asOf: "What is pushed is there at once." });

function definitions(id, pairs) {
  const shown = pairs.filter(([, value]) => value !== undefined && value !== null && value !== "");
  element(id).replaceChildren(...shown.flatMap(([term, value]) => [make("dt", term), make("dd", value)]));
}

function showAbout(repository, usage) {
  element("state").hidden = false;
  show("state", repository.state === "AVAILABLE" ? "Available" : named(repository.state).word);
  element("state").dataset.mood = repository.state === "AVAILABLE" ? "good" : "bad";
  note("description", repository.description);
  definitions("about", [
    ["Name", repository.name],
    ["Project", pageLink(at`projects/${repository.project.key}`, `${repository.project.key} · ${repository.project.name}`)],
    ["Default branch", repository.defaultBranch],
    ["Who may read", repository.public ? "everybody" : "who has the permission"],
    ["Hashes", repository.objectFormat],
    ["Last change of branches, tags or settings", time(usage.updatedDate)],
    ["Size", sizeOf(usage.sizeBytes)],
    ["Archived", repository.archived ? "yes" : undefined],
  ]);
  element("about-card").hidden = false;
}

function findBranches(start = 0) {
  const query = new URLSearchParams({ start, limit: BRANCHES, filterText: element("branch-search").elements.filter.value });
  return ask(`${path}/branches?${query}`);
}

const showBranches = newest(findBranches, (page, start = 0) => {
  const rows = page.values.map(({ displayId, latestCommit, isDefault }) => row(
    headingsOf("branches"),
    make("td", make("b", displayId), isDefault ? " (default)" : ""),
    make("td", make("code", latestCommit.slice(0, 12))),
  ));
  if (start === 0) fillTable("branches", rows);
  else element("branches").append(...rows);
  const isSearch = element("branch-search").elements.filter.value !== "";
  show("no-branches", isSearch ? "No branch is found." : "There is no branch yet.");
  element("branch-search").hidden = !isSearch && element("branches").rows.length === 0;
  element("first-push").hidden = isSearch || follows || username === null || element("branches").rows.length > 0;
  element("branches-card").hidden = false;
  element("more-branches").hidden = page.isLastPage;
  element("more-branches").onclick = () => showBranches(page.nextPageStart);
}, tellUnlessRefused);

/** How a repository stands on a mirror, as this server has been told. */
const copyState = ({ copy }) => copy?.standing ?? "UNKNOWN";

/**
 * How far what a mirror has is known. It reports when it has synchronized something, and is silent while there is nothing to
 * report: one that has reported the newest generation has it still, and more than its last contact is not to be asked for.
 */
function copyIsKnown({ copy, mirrorServer }) {
  const contact = `The mirror was last heard of ${ago(mirrorServer.lastSeenDate)}.`;
  if (copy?.reportedDate === undefined) return `It has not told yet how far it is. ${contact}`;
  const word = named(copy.standing).word;
  if (copy.standing === "UP_TO_DATE") return `${word}: it has what is here now. ${contact}`;
  return `${word}: it reported last ${ago(copy.reportedDate)}. ${contact}`;
}

const readMirrors = ({ id }) => all(`rest/mirroring/latest/repos/${id}/mirrors?preAuthorized=false`);

function copyRow(mirror) {
  const { mirrorServer } = mirror;
  return row(
    headingsOf("mirrors"),
    make("td", make("b", pageLink(at`mirrors/${mirrorServer.id}`, mirrorServer.name)), make("br"), link(mirrorServer.baseUrl)),
    make("td", stateBadge(copyState(mirror))),
    make("td", time(mirror.copy?.reportedDate)),
    make("td", time(mirrorServer.lastSeenDate)),
  );
}

const showMirrors = newest(readMirrors, (mirrors) => {
  refillTable("mirrors", mirrors.map((mirror) => {
    const { id, name, baseUrl, lastSeenDate } = mirror.mirrorServer;
    const says = [id, name, baseUrl, copyState(mirror), mirror.copy?.reportedDate, lastSeenDate];
    return { says, row: () => copyRow(mirror) };
  }));
  element("mirrors-card").hidden = false;
  showSources([primary(), ...mirrors.map((mirror) => {
    const { name, baseUrl } = mirror.mirrorServer;
    return { name: `mirror ${name}`, url: cloneUrlAt(baseUrl), asOf: copyIsKnown(mirror) };
  })]);
}, tellUnlessRefused);

const showFollowing = newest(() => ask(`${path}/following`), (following) => {
  const { url, intervalSeconds, state, inProgress, lastAttemptAt, lastSuccessAt, lastChangeAt, lag, error } = following;
  follows = true;
  element("first-push").hidden = true;
  definitions("following", [
    ["Source", link(url)],
    ["State", stateBadge(state)],
    ["Looked at", `every ${duration(intervalSeconds * 1000)}${inProgress ? ", right now" : ""}`],
    ["Last attempt", time(lastAttemptAt)],
    ["Last success", time(lastSuccessAt)],
    ["Lag", lag === undefined ? undefined : duration(lag)],
    ["Last change", time(lastChangeAt)],
  ]);
  note("following-error", error?.message);
  element("following-card").hidden = false;
}, tellUnlessRefused);

// Made once: a button that is drawn anew loses the focus.
element("following-acts").append(button("Look now", "quiet", () => send("POST", `${path}/following/now`), showFollowing));

const showPermissions = permissionsCard(`${path}/permissions/users`, "Permissions for this repository", levelsOf("REPO"));

const showAll = newest(
  () => Promise.all([ask(path), ask(`${path}/usage`)]),
  async ([repository, usage]) => {
    showAbout(repository, usage);
    const parts = username === null ? [] : [showMirrors(repository), showFollowing(), showWebhooks(), showPermissions()];
    await Promise.all([showBranches(), ...parts]);
  },
  (error) => {
    element("state").hidden = true;
    const isMissing = [401, 404].includes(error.status);
    element("missing-card").hidden = !isMissing;
    // Git shows credentials of its own, and may be given what this page is not.
    element("clone-card").hidden = isMissing && username !== null;
    note("problem", isMissing ? "" : error.message);
  },
);

async function refresh() {
  for (const card of [...CARDS, "missing"]) element(`${card}-card`).hidden = true;
  element("clone-card").hidden = false;
  follows = false;
  element("first-push-command").replaceChildren(command(`git push ${primary().url} HEAD`));
  showSources([primary()]);
  await showAll();
}

element("clone-from").addEventListener("change", showClone);
element("branch-search").addEventListener("submit", (event) => {
  event.preventDefault();
  showBranches();
});
withSession(async () => {
  note("problem", "");
  await refresh();
});
