// All that is mirrored, and what of it is behind.

const filter = element("search").elements.filter;
const [place, project] = location.pathname.slice(root.length).split("/").map(decodeURIComponent);
if (place === "projects" && project) filter.value = `${project.toLowerCase()}/`;
let served = [];
let behind = new Map();

/** Key and slug, as they stand in a path or in a clone URL. */
const nameOf = (path) => path.replace(/^.*\/scm\//, "").replace(/^\//, "").replace(/\.git$/, "");

function repositoryRow({ path, cloneUrl }) {
  const name = nameOf(path);
  const [key, slug] = name.split("/");
  const late = behind.get(name.toLowerCase());
  const state = make("td", stateBadge(late ? (late.lastError ? "FAILING" : "BEHIND") : "SYNCHRONIZED"));
  if (late) state.append(make("br"), `behind since ${ago(late.behindSince)}`);
  if (late?.lastError) {
    const error = make("div", late.lastError);
    error.className = "error";
    state.append(error);
  }
  const title = make("b", pageLink(at`projects/${key.startsWith("~") ? key : key.toUpperCase()}/repos/${slug}`, name));
  return row(headingsOf("repositories"), make("td", title), state, make("td", make("code", cloneUrl)));
}

function showFound() {
  // Nothing is known of what is here.
  if (username === null) return;
  const wanted = filter.value.toLowerCase();
  const found = served.filter(({ path }) => path.toLowerCase().includes(wanted));
  fillTable("repositories", found.map(repositoryRow));
  show("no-repositories", served.length === 0 ? "Nothing is here." : "No path contains this.");
  show("found", `${found.length} of ${repositoryCount(served.length)}`);
}

element("search").addEventListener("submit", (event) => event.preventDefault());
filter.addEventListener("input", showFound);

async function readServed() {
  const found = await all("rest/mirroring/latest/servedRepos");
  return { found, late: await ask("rest/mirroring/latest/mirrorRepos/delayed-sync?delayThreshold=0") };
}

const showServed = newest(readServed, ({ found, late }) => {
  served = found;
  behind = new Map(late.map((one) => [`${one.projectKey}/${one.repositorySlug}`.toLowerCase(), one]));
  showFound();
});

withSession(async () => {
  served = [];
  element("repositories").replaceChildren();
  element("repositories-table").hidden = element("no-repositories").hidden = true;
  show("found", "");
  note("problem", "");
  if (username !== null) await showServed();
});
