// Keeps the state up to date.

const REFRESH_MS = 2000;

const when = (millis) => (millis === undefined ? "never" : ago(millis));

function contact({ reachable, awaySince }) {
  if (reachable === undefined) return "not asked yet";
  return reachable ? "answers" : `has not answered since ${new Date(awaySince).toLocaleString()}`;
}

const ofMost = (now, most) => (most === undefined ? now : `${now} of ${most}`);

/** A clone URL that was opened in the browser leads here, with its path behind the `#`. */
function showClone() {
  const path = decodeURI(location.hash.slice(1));
  const isPath = /^\/[^/\s].*\.git$/.test(path);
  element("clone-card").hidden = !isPath;
  if (!isPath) return;
  const origin = element("origin-page").dataset.origin;
  show("clone-title", `Clone ${path.slice(1)}`);
  const push = `git -C ${path.split("/").at(-1).replace(/\.git$/, "")} remote set-url --push origin ${origin}${path}`;
  element("clone").replaceChildren(command(`git clone ${document.body.dataset.baseUrl}${path}`), command(push));
  element("on-origin").href = `${origin}${path}`;
}

addEventListener("hashchange", showClone);
showClone();

repeat(async () => {
  try {
    const status = await ask("status", { anyStatus: true });
    showState("state", status.state, status.health === "GREEN" ? "good" : "wait");
    note("reason", status.reason);
    show("origin", contact(status.origin));
    show("last-contact", when(status.origin.lastContactDate));
    show("repositories", ofMost(status.repositories, status.maxRepositories));
    show("size", ofMost(sizeOf(status.sizeBytes), status.maxSizeBytes && sizeOf(status.maxSizeBytes)));
  } catch {
    showState("state", "UNREACHABLE", "bad");
  }
}, REFRESH_MS);
