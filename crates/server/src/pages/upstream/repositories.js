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

async function search(start = 0) {
  const query = new URLSearchParams({ start, limit: PAGE });
  if (form.elements.name.value) query.set("name", form.elements.name.value);
  if (form.elements.project.value) query.set("projectkey", form.elements.project.value);
  try {
    const page = await ask(`rest/api/latest/repos?${query}`);
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
  } catch (error) {
    note("problem", error.message);
  }
}

async function showProjects() {
  const select = form.elements.project;
  const chosen = select.value || projectInAddress || "";
  const projects = await all("rest/api/latest/projects").catch(() => []);
  const option = (value, text) => {
    const made = make("option", text);
    made.value = value;
    return made;
  };
  select.replaceChildren(option("", "All projects"), ...projects.map(({ key, name }) => option(key, `${key} · ${name}`)));
  const known = projects.find(({ key }) => key.toLowerCase() === chosen.toLowerCase());
  // One that cannot be read is still what the address is about.
  if (chosen && !known) select.append(option(chosen, chosen));
  select.value = known?.key ?? chosen;
  if (projectInAddress) {
    show("heading", known?.name ?? projectInAddress);
    note("description", known?.description);
    document.title = `${known?.name ?? projectInAddress} · ${document.title}`;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
element("more").addEventListener("click", () => search(next));

withSession(async () => {
  await showProjects();
  await search();
});
