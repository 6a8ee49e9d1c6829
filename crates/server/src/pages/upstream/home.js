// The administrator's part: requests to accept, mirrors, and how they stand.

const REFRESH_MS = 3000;
const LISTS = ["requests", "mirrors", "followings"];
const mirroring = "rest/mirroring/latest";
// While a decision is on its way, the buttons stay as they are.
let deciding = false;
let lostContact = false;
// Whether who is signed in may see this; it is asked once.
let administers = true;

function forget() {
  for (const name of LISTS) {
    element(name).replaceChildren();
    element(`${name}-card`).hidden = true;
  }
  element("rejected").replaceChildren();
}

const decision = (name, text, kind, act) => buttonOn(name, text, kind, async () => {
  if (deciding) return;
  deciding = true;
  try {
    await act();
  } finally {
    deciding = false;
  }
}, refresh);

/** Shows which address is accepted, and lets projects be chosen. */
async function openAcceptance(request) {
  const form = element("accept-form");
  form.reset();
  note("accept-problem", "");
  show("accept-title", `Accept ${request.mirrorName}`);
  // Where this server sends the secret stands first.
  show("accept-address", request.mirrorInternalUrl ?? request.mirrorBaseUrl);
  show("accept-base", request.mirrorBaseUrl);
  element("accept-public").hidden = !request.mirrorInternalUrl;
  const projects = await all("rest/api/latest/projects");
  element("accept-projects").replaceChildren(...projects.map(({ id, key, name }) => {
    const box = make("input");
    box.type = "checkbox";
    box.value = id;
    box.disabled = true;
    const label = make("label", box, make("b", key), ` ${name}`);
    label.className = "choice";
    return label;
  }));
  form.onchange = () => {
    for (const box of element("accept-projects").querySelectorAll("input")) box.disabled = form.elements.scope.value === "all";
  };
  element("accept-confirm").onclick = async (event) => {
    event.preventDefault();
    if (deciding) return;
    deciding = element("accept-confirm").disabled = true;
    const chosen = [...element("accept-projects").querySelectorAll("input:checked")].map((box) => box.value);
    // The server accepts only what was shown here.
    const acceptance = { mirrorBaseUrl: request.mirrorBaseUrl, mirrorInternalUrl: request.mirrorInternalUrl };
    if (form.elements.scope.value === "chosen") acceptance.projectIds = chosen;
    try {
      if (acceptance.projectIds?.length === 0) throw new Error("Select at least one project, or all.");
      await send("POST", `${mirroring}/requests/${request.id}/accept`, acceptance);
      element("accept-dialog").close();
    } catch (error) {
      note("accept-problem", error.message);
    }
    deciding = element("accept-confirm").disabled = false;
    await refresh();
  };
  element("accept-dialog").showModal();
}

/** The address at which this server would call the mirror, where that is not its base URL. */
const calledAt = ({ mirrorInternalUrl }) => mirrorInternalUrl ? [make("br"), `called at ${mirrorInternalUrl}`] : [];

function requestRow(request) {
  const reject = () => send("POST", `${mirroring}/requests/${request.id}/reject`);
  const accept = buttonOn(request.mirrorName, "Accept", "", () => openAcceptance(request));
  const acts = make("td", accept, decision(request.mirrorName, "Reject", "quiet", reject));
  acts.className = "acts";
  return row(
    headingsOf("requests"),
    make("td", make("b", request.mirrorName), make("br"), request.mirrorId),
    make("td", link(request.mirrorBaseUrl), ...calledAt(request)),
    make("td", runs(request)),
    acts,
  );
}

const mirrorPage = (id) => at`mirrors/${id}`;

function mirrorRow(mirror, lastSeen, stands) {
  return row(
    headingsOf("mirrors"),
    make("td", make("b", pageLink(mirrorPage(mirror.id), mirror.name)), make("br"), mirror.id),
    make("td", link(mirror.baseUrl)),
    make("td", runs(mirror)),
    make("td", mirror.enabled ? lastSeen : named("DISABLED").word),
    standingCell(stands),
  );
}

/** What the mirror has told; of one that is not reachable, what it had when it last did. */
function standingCell(stands) {
  if (stands === null) return make("td");
  const cell = make("td", stateBadge(stands.standing));
  const isBad = stands.standing === "UNREACHABLE";
  cell.className = isBad ? "bad" : "";
  const add = (text) => cell.append(make("br"), text);
  if (stands.toldDate !== undefined) {
    const counts = `${isBad ? "had" : "has"} ${stands.inStepRepos} of ${repositoryCount(stands.mirroredRepos)} synchronized`;
    add(stands.mirroredRepos === 0 ? "there is nothing to synchronize" : counts);
  }
  if (stands.lagMillis !== undefined) add(`behind for ${duration(stands.lagMillis)}`);
  if (stands.lastSyncDate !== undefined) add(`synchronized last ${ago(stands.lastSyncDate)}`);
  if (stands.failingRepos > 0) {
    const which = stands.failingRepos === 1 ? "" : `${repositoryCount(stands.failingRepos)} could not be synchronized, `;
    add(`${which}${stands.failure ?? "it is not known why"}`);
  }
  if (stands.pendingEvents > 0) add(`${counted(stands.pendingEvents, "event", "events")} to deliver`);
  if (stands.lastError) {
    const error = make("div", stands.lastError);
    error.className = "error";
    cell.append(error);
  }
  return cell;
}

function followingRow({ repository, following }, times) {
  const stands = make("td", stateBadge(following.state));
  if (following.error) {
    const error = make("div", following.error.message);
    error.className = "error";
    stands.append(error);
  }
  const name = `${repository.project.key}/${repository.slug}`;
  return row(
    headingsOf("followings"),
    make("td", make("b", pageLink(at`projects/${repository.project.key}/repos/${repository.slug}`, name))),
    make("td", link(following.url)),
    ...times.map((told) => make("td", told)),
    stands,
  );
}

/** How a mirror stands; null if that cannot be asked, of one that was just removed for instance. */
const standingOf = (mirror) => ask(at`rest/mirroring/latest/mirrorServers/${mirror.id}/standing`).catch(() => null);

const runs = (server) => [server.productType, server.productVersion].filter(Boolean).join(" ");

function showRows(name, rows) {
  element(`${name}-card`).hidden = false;
  if (name === "requests") element("requests-all").hidden = rows.length === 0;
  refillTable(name, rows);
}

function showRejected(requests) {
  element("rejected-card").hidden = requests.length === 0;
  if (element("rejected").childElementCount === requests.length) return;
  element("rejected").replaceChildren(...requests.map((request) => {
    const remove = () => send("DELETE", `${mirroring}/requests/${request.id}`);
    return make("li", `${request.mirrorName} at ${request.mirrorBaseUrl} `, decision(request.mirrorName, "Delete", "quiet", remove));
  }));
}

async function readLists() {
  const [requests, rejected, mirrors, followings] = await Promise.all([
    all(`${mirroring}/requests?state=PENDING`),
    all(`${mirroring}/requests?state=REJECTED`),
    all(`${mirroring}/mirrorServers`),
    all("rest/api/latest/admin/following"),
  ]);
  return { requests, rejected, mirrors, followings, standings: await Promise.all(mirrors.map(standingOf)) };
}

function showLists({ requests, rejected, mirrors, followings, standings }) {
  if (deciding) return;
  if (lostContact) note("problem", "");
  lostContact = false;
  showRows("requests", requests.map((request) => ({ says: request, row: () => requestRow(request) })));
  showRejected(rejected);
  showRows("mirrors", mirrors.map((mirror, index) => {
    const lastSeen = mirror.lastSeenDate ? ago(mirror.lastSeenDate) : "never";
    const stands = standings[index];
    const times = stands === null ? [] : [duration(stands.lagMillis ?? 0), ago(stands.lastSyncDate ?? 0)];
    const still = { ...stands, toldDate: null, lastSeenDate: null, lagMillis: null, lastSyncDate: null };
    const says = [{ ...mirror, lastSeenDate: null }, lastSeen, still, times];
    return { says, row: () => mirrorRow(mirror, lastSeen, stands) };
  }));
  showRows("followings", followings.map((followed) => {
    const { id, slug, project } = followed.repository;
    const { url, state, error, lastAttemptAt, lastSuccessAt, lag } = followed.following;
    const since = (at) => at === undefined ? "never" : ago(at);
    const times = [since(lastAttemptAt), since(lastSuccessAt), lag === undefined ? "" : duration(lag)];
    const says = [id, slug, project.key, url, state, error, times];
    return { says, row: () => followingRow(followed, times) };
  }));
}

const refreshLists = newest(readLists, showLists, (error) => {
  if (error.status === 403) {
    // A user who administers nothing has the pages of repositories and of their account.
    administers = false;
    forget();
    note("not-administrator", "Mirrors are for administrators. Your repositories, and your password and tokens, have pages of their own.");
  } else {
    lostContact = true;
    note("problem", error.message);
  }
});

async function refresh() {
  if (username !== null && !deciding && administers) await refreshLists();
}

element("requests-all").append(decision("requests", "Delete all", "quiet", () => send("DELETE", `${mirroring}/requests`)));

withSession(async () => {
  administers = true;
  forget();
  note("not-administrator", "");
  await refresh();
});

repeat(async () => {
  try {
    const status = await ask("status", { anyStatus: true });
    // A mirror that is away, or a source, is something to look at. What this server does not serve of its own is worse.
    const isFaulty = status.unservedRepos > 0 || status.unrecordedRepos > 0;
    const running = status.health === "GREEN" ? "good" : isFaulty ? "bad" : "wait";
    showState("state", status.state, status.state === "RUNNING" ? running : undefined);
    note("reason", status.reason ?? "");
    element("faults").hidden = !isFaulty;
  } catch {
    showState("state", "UNREACHABLE", "bad");
  }
  await refresh();
}, REFRESH_MS);
