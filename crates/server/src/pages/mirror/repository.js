// One repository on a mirror: by project and name, or by the id that the upstream calls it by.

const parts = location.pathname.slice(root.length).split("/").map(decodeURIComponent);
const base = document.body.dataset.baseUrl;
const upstream = element("repository").dataset.upstream;

/** How to clone it, as far as its name is known. */
function showClone(key, slug) {
  const at = (server) => `${server}/scm/${key.toLowerCase()}/${slug}.git`;
  showHeading(`${key}/${slug}`);
  const commands = [`git clone ${at(base)}`, `git -C ${slug} remote set-url --push origin ${at(upstream)}`];
  element("clone").replaceChildren(...commands.map(command));
  element("on-upstream").href = `${upstream}/projects/${encodeURIComponent(key)}/repos/${encodeURIComponent(slug)}`;
  element("clone-card").hidden = false;
}

/** How far what is here is known to be what the upstream has. */
function copyIsKnown(copy, state, contact) {
  if (copy.lastSyncDate === undefined) return "It is not here yet.";
  const word = named(state).word;
  const answered = contact === undefined ? "" : ` The upstream answered last ${ago(contact)}.`;
  if (copy.notKnownSince !== undefined) {
    const compared = Math.max(copy.lastSyncDate, copy.lastComparisonDate ?? 0);
    return `${word}: it is what the upstream had ${ago(compared)}.${answered}`;
  }
  if (copy.behindSince !== undefined) return `${word}: a change that was announced ${ago(copy.behindSince)} is not here yet.${answered}`;
  return `${word}: nothing newer is known of.${answered}`;
}

function showCopy(copy, contact) {
  const isBehind = copy.behindSince !== undefined;
  const state = copy.notKnownSince !== undefined ? "UNVERIFIED" : isBehind ? "BEHIND" : copy.status;
  element("state").hidden = false;
  showState("state", state);
  show("as-of", copyIsKnown(copy, state, contact));
  const pairs = [
    ["State", stateBadge(state)],
    ["Last synchronization", time(copy.lastSyncDate)],
    ["Last comparison", time(copy.lastComparisonDate)],
    ["Last contact with the upstream", time(contact)],
    ["Generation", `${copy.generation ?? "none"} of ${copy.upstreamGeneration ?? "an unknown one"}`],
    ["Behind since", isBehind ? time(copy.behindSince) : "not behind"],
    ["Failures", String(copy.failedSyncCount ?? 0)],
  ];
  element("copy").replaceChildren(...pairs.flatMap(([term, value]) => [make("dt", term), make("dd", value)]));
  note("copy-error", copy.lastError);
  element("copy-card").hidden = false;
}

const isById = parts[0] === "repositories";

/** The copy and what the mirror says of itself; neither if who asks is not told which copy it is. */
async function readCopy() {
  const id = isById ? parts[1] : await findId();
  if (id === null) return [];
  return Promise.all([
    ask(`rest/mirroring/latest/mirrorRepos/${encodeURIComponent(id)}`),
    ask("status", { anyStatus: true }).catch(() => null),
  ]);
}

const refreshCopy = newest(
  readCopy,
  ([copy, status]) => {
    if (copy === undefined) return;
    const place = /\/scm\/([^/]+)\/([^/]+)\.git$/.exec([...copy.cloneUrls, ...copy.pushUrls][0]?.href ?? "");
    if (isById && place) showClone(place[1].startsWith("~") ? place[1] : place[1].toUpperCase(), place[2]);
    showCopy(copy, status?.upstream?.lastContactDate);
  },
  (error) => note("problem", username === null ? "Sign in to see how it stands here, if you may read it." : error.message),
);

async function refresh() {
  element("copy-card").hidden = element("state").hidden = true;
  show("as-of", "");
  await refreshCopy();
}

/** Its id, which a mirror tells administrators only. */
async function findId() {
  if (username === null) return null;
  const [, key, , slug] = parts;
  const path = `rest/mirroring/latest/supportInfo/projects/${encodeURIComponent(key)}/repos/${encodeURIComponent(slug)}/repoSyncStatus`;
  return ask(path).then(({ externalRepoId }) => externalRepoId, (error) => {
    if (error.status === 403) return null;
    throw error;
  });
}

if (parts[0] === "projects") showClone(parts[1], parts[3]);
withSession(async () => {
  note("problem", "");
  await refresh();
});
