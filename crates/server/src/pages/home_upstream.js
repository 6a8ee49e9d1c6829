// The administrator's part: requests to accept, mirrors, and how they stand.

const REFRESH_MS = 3000;
const LIST_LIMIT = 100;
const LISTS = ["requests", "mirrors", "followings"];
const mirroring = "rest/mirroring/latest";
let session = null;
// While a decision is on its way, the buttons stay as they are.
let deciding = false;
let lostContact = false;

const askSignedIn = (path, options = {}) =>
  ask(path, { ...options, headers: { ...options.headers, Authorization: session.authorization } });

/** A POST of what is given, or of nothing. */
const post = (path, sent) => {
  const json = { headers: { "Content-Type": "application/json" }, body: JSON.stringify(sent) };
  return askSignedIn(path, { method: "POST", ...(sent === undefined ? {} : json) });
};

function showSession() {
  element("sign-in").hidden = element("sign-in-hint").hidden = session !== null;
  element("signed-in").hidden = session === null;
  show("who", session?.username);
  for (const name of LISTS) element(`${name}-card`).hidden = session === null;
}

function signOut(reason) {
  session = null;
  for (const name of LISTS) {
    element(name).replaceChildren();
    delete element(name).dataset.says;
  }
  showSession();
  note("problem", reason);
}

function button(text, kind, act) {
  const made = make("button", text);
  made.type = "button";
  made.className = kind;
  made.addEventListener("click", async () => {
    if (deciding) return;
    deciding = made.disabled = true;
    try {
      await act();
      note("problem", "");
    } catch (error) {
      note("problem", error.message);
    }
    deciding = made.disabled = false;
    await refresh();
  });
  return made;
}

function requestRow(request) {
  const decide = (decision, sent) => () => post(`${mirroring}/requests/${request.id}/${decision}`, sent);
  // The server accepts only what was shown here.
  const accept = decide("accept", { mirrorBaseUrl: request.mirrorBaseUrl });
  const acts = make("td", button("Accept", "", accept), button("Reject", "quiet", decide("reject")));
  acts.className = "acts";
  return make(
    "tr",
    make("td", make("b", request.mirrorName), make("br"), request.mirrorId),
    make("td", link(request.mirrorBaseUrl)),
    make("td", runs(request)),
    acts,
  );
}

function mirrorRow(mirror, lastSeen, stands) {
  return make(
    "tr",
    make("td", make("b", mirror.name), make("br"), mirror.id),
    make("td", link(mirror.baseUrl)),
    make("td", runs(mirror)),
    make("td", mirror.enabled ? lastSeen : "disabled"),
    standingCell(stands),
  );
}

const STANDINGS = { UP_TO_DATE: "up to date", BEHIND: "behind", UNREACHABLE: "not reachable", UNKNOWN: "not known" };

/** What the mirror has told; of one that is not reachable, what it had when it last did. */
function standingCell(stands) {
  if (stands === null) return make("td");
  const cell = make("td", STANDINGS[stands.standing]);
  cell.className = stands.standing === "UNREACHABLE" ? "bad" : "";
  const add = (text) => cell.append(make("br"), text);
  if (stands.toldDate !== undefined) {
    const had = stands.standing === "UNREACHABLE" ? "had" : "has";
    add(`${had} ${stands.inStepRepos} of ${stands.mirroredRepos} repositories in step`);
  }
  if (stands.lagMillis !== undefined) add(`lacks a change for ${duration(stands.lagMillis)}`);
  if (stands.lastSyncDate !== undefined) add(`synchronized last ${ago(stands.lastSyncDate)}`);
  if (stands.failingRepos > 0) {
    const which = stands.failingRepos === 1 ? "" : `${stands.failingRepos} repositories could not be synchronized, `;
    add(`${which}${stands.failure ?? "it is not known why"}`);
  }
  if (stands.pendingEvents > 0) add(`${stands.pendingEvents} event${stands.pendingEvents === 1 ? "" : "s"} to deliver`);
  if (stands.lastError) add(stands.lastError);
  return cell;
}

const FOLLOWING_STATES = { NEW: "not looked at yet", IN_STEP: "in step", FAILING: "not in step" };

function followingRow({ repository, following }, lastSuccess) {
  const stands = make("td", FOLLOWING_STATES[following.state]);
  stands.className = following.state === "FAILING" ? "bad" : "";
  if (following.error) stands.append(make("br"), following.error.message);
  return make(
    "tr",
    make("td", make("b", `${repository.project.key}/${repository.slug}`)),
    make("td", link(following.url)),
    make("td", lastSuccess),
    stands,
  );
}

/** How a mirror stands; null if that cannot be asked, of one that was just removed for instance. */
const standingOf = (mirror) => askSignedIn(`${mirroring}/mirrorServers/${encodeURIComponent(mirror.id)}/standing`).catch(() => null);

const runs = (server) => [server.productType, server.productVersion].filter(Boolean).join(" ");

/** Shows rows, unless they say what they said before: a reader's focus in them would be lost. */
function showRows(name, rows) {
  const says = JSON.stringify(rows.map((row) => row.says));
  if (element(name).dataset.says === says) return;
  element(name).dataset.says = says;
  element(`no-${name}`).hidden = rows.length > 0;
  element(`${name}-table`).hidden = rows.length === 0;
  if (name === "requests") element("requests-all").hidden = rows.length === 0;
  element(name).replaceChildren(...rows.map(({ row }) => row()));
}

async function refresh() {
  const mine = session;
  if (mine === null || deciding) return;
  try {
    const [requests, mirrors, followings] = await Promise.all([
      askSignedIn(`${mirroring}/requests?state=PENDING&limit=${LIST_LIMIT}`),
      askSignedIn(`${mirroring}/mirrorServers?limit=${LIST_LIMIT}`),
      askSignedIn(`rest/api/latest/admin/following?limit=${LIST_LIMIT}`),
    ]);
    const standings = await Promise.all(mirrors.values.map(standingOf));
    if (mine !== session || deciding) return;
    if (lostContact) note("problem", "");
    lostContact = false;
    showSession();
    showRows("requests", requests.values.map((request) => ({ says: request, row: () => requestRow(request) })));
    showRows("mirrors", mirrors.values.map((mirror, index) => {
      const lastSeen = mirror.lastSeenDate ? ago(mirror.lastSeenDate) : "never";
      const stands = standings[index];
      const times = stands === null ? [] : [duration(stands.lagMillis ?? 0), ago(stands.lastSyncDate ?? 0)];
      const still = { ...stands, toldDate: null, lastSeenDate: null, lagMillis: null, lastSyncDate: null };
      const says = [{ ...mirror, lastSeenDate: null }, lastSeen, still, times];
      return { says, row: () => mirrorRow(mirror, lastSeen, stands) };
    }));
    showRows("followings", followings.values.map((followed) => {
      const { url, state, error, lastSuccessAt } = followed.following;
      const lastSuccess = lastSuccessAt === undefined ? "never" : ago(lastSuccessAt);
      const says = [followed.repository.id, followed.repository.slug, url, state, error, lastSuccess];
      return { says, row: () => followingRow(followed, lastSuccess) };
    }));
  } catch (error) {
    if (mine !== session) return;
    if (error.status === 401 || error.status === 403) signOut(error.message);
    else {
      lostContact = true;
      note("problem", error.message);
    }
  }
}

element("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  session = {
    username: form.elements.username.value,
    authorization: basic(form.elements.username.value, form.elements.password.value),
  };
  note("problem", "");
  await refresh();
  if (session !== null) form.elements.password.value = "";
});

element("requests-all").append(
  button("Delete all", "quiet", () => askSignedIn(`${mirroring}/requests`, { method: "DELETE" })),
);

element("sign-out").addEventListener("click", () => signOut(""));

repeat(async () => {
  try {
    const status = await ask("status", { anyStatus: true });
    showState("state", status.state, status.state === "RUNNING" && !status.reason ? "good" : "bad");
    note("reason", status.reason ?? "");
  } catch {
    showState("state", "UNREACHABLE", "bad");
  }
  await refresh();
}, REFRESH_MS);
