// Projects and repositories that the reader may read: all, or those of the project in the address.

const PAGE = 50;
const [, projectInAddress] = location.pathname.slice(root.length).split("/").map(decodeURIComponent);
const form = element("search");
let next = 0;

function repositoryRow({ project, slug, name, description, public: isPublic, archived, defaultBranch, state, links }) {
  const title = make("b", pageLink(at`projects/${project.key}/repos/${slug}`, name));
  const about = [isPublic ? "public" : "", archived ? "archived" : ""].filter(Boolean).join(", ");
  const first = make("td", title, ...(about ? [` ${about}`] : []), ...(description ? [make("br"), description] : []));
  const standing = make("td", state === "AVAILABLE" ? "Available" : stateBadge(state));
  const clone = make("code", links.clone[0].href);
  return row(headingsOf("repositories"), first, make("td", pageLink(at`projects/${project.key}`, project.key)), make("td", defaultBranch ?? ""), standing, make("td", clone));
}

function findRepositories(start = 0) {
  const query = new URLSearchParams({ start, limit: PAGE });
  if (form.elements.name.value) query.set("name", form.elements.name.value);
  if (form.elements.project.value) query.set("projectkey", form.elements.project.value);
  return ask(`rest/api/latest/repos?${query}`);
}

const search = newest(findRepositories, (page, start = 0) => {
  const rows = page.values.map(repositoryRow);
  if (start === 0) fillTable("repositories", rows);
  else element("repositories").append(...rows);
  const count = element("repositories").rows.length;
  show("found", count === 0 ? "No repository is found." : `${count}${page.isLastPage ? "" : " or more"} ${count === 1 ? "repository" : "repositories"}`);
  const isSearch = form.elements.name.value !== "" || form.elements.project.value !== "";
  element("no-repositories").hidden = count > 0 || isSearch;
  element("first-steps").hidden = count > 0 || isSearch || username === null;
  next = page.nextPageStart;
  element("more").hidden = page.isLastPage;
  note("problem", "");
});

/** Whether the reader sees no project at the address, as far as that can be said: a list that is cut may lack some. */
function isMissing(listed) {
  if (!projectInAddress || listed === null || listed.length >= MAX_LISTED) return false;
  return !listed.some(({ key }) => key.toLowerCase() === projectInAddress.toLowerCase());
}

const showProjects = newest(() => all("rest/api/latest/projects").catch(() => null), (listed) => {
  element("missing-card").hidden = !isMissing(listed);
  const projects = listed ?? [];
  const select = form.elements.project;
  const chosen = select.value || projectInAddress || "";
  select.replaceChildren(option("", "All projects"), ...projects.map(({ key, name }) => option(key, `${key} · ${name}`)));
  const known = projects.find(({ key }) => key.toLowerCase() === chosen.toLowerCase());
  // One that cannot be read is still what the address is about.
  if (chosen && !known) select.append(option(chosen, chosen));
  select.value = known?.key ?? chosen;
  if (projectInAddress) {
    showHeading(known?.name ?? projectInAddress);
    note("description", known?.description);
  }
});

/** Only those who administer a project make repositories in it. Who may make projects is not told before they do. */
const administered = async () => (username === null ? [] : all("rest/api/latest/projects?permission=PROJECT_ADMIN").catch(() => []));

const showCreation = newest(administered, (mine) => {
  element("create-project-card").hidden = username === null;
  element("create-repository-card").hidden = mine.length === 0;
  const { project } = element("create-repository").elements;
  const chosen = form.elements.project.value;
  project.replaceChildren(...mine.map(({ key, name }) => option(key, `${key} · ${name}`)));
  if (mine.some(({ key }) => key === chosen)) project.value = chosen;
});

/** What a form says of something new, without what was left empty. */
function described({ name, description, public: isPublic }) {
  const wanted = { name: name.value, public: isPublic.checked };
  if (description.value) wanted.description = description.value;
  return wanted;
}

onSubmit("create-repository", async (fields) => {
  const wanted = { ...described(fields), defaultBranch: fields.defaultBranch.value };
  const { project, slug } = await send("POST", at`rest/api/latest/projects/${fields.project.value}/repos`, wanted);
  location.assign(root + at`projects/${project.key}/repos/${slug}`);
});

onSubmit("create-project", async (fields) => {
  const { key } = await send("POST", "rest/api/latest/projects", { ...described(fields), key: fields.key.value });
  location.assign(root + at`projects/${key}`);
});

const showPermissions = projectInAddress
  ? permissionsCard(at`rest/api/latest/projects/${projectInAddress}/permissions/users`, "Permissions for this project", levelsOf("PROJECT"))
  : async () => {};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
element("more").addEventListener("click", () => search(next));

withSession(async () => {
  element("permissions-card").hidden = true;
  await showProjects();
  await Promise.all([search(), showCreation(), showPermissions()]);
});
