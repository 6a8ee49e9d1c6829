// Where records and disk do not agree: repositories to take over, and those to bring back from a mirror.

const faults = "rest/api/latest/admin/repository-faults";
const FAULTS = {
  MISSING: "Missing",
  OTHER_REPOSITORY: "Another repository is in its place",
  OLDER: "Older than recorded",
  DAMAGED: "Damaged",
};

/** What is left out of a list that holds a part of all. */
const noteMore = (id, all, listed) => note(id, all > listed ? `${counted(all - listed, "more is", "more are")} not listed.` : "");

function actCell(text, about, act) {
  const cell = make("td", buttonOn(about, text, "quiet", act, refresh));
  cell.className = "acts";
  return cell;
}

function unservedRow({ repository, fault, message }) {
  const { project, slug } = repository;
  const name = `${project.key}/${slug}`;
  return row(
    headingsOf("unserved"),
    make("td", make("b", pageLink(at`projects/${project.key}/repos/${slug}`, name))),
    make("td", FAULTS[fault] ?? fault),
    make("td", message),
    actCell("Restore", name, () => restore(name, { projectKey: project.key, repositorySlug: slug })),
  );
}

function unrecordedRow(found) {
  const { number, defaultBranch, references, identity } = found;
  return row(
    headingsOf("unrecorded"),
    make("td", String(number)),
    make("td", defaultBranch ?? "not readable"),
    make("td", references === undefined ? "not readable" : String(references)),
    make("td", identity ? make("code", identity) : "none"),
    actCell("Adopt", String(number), () => adopt(found)),
  );
}

async function adopt({ number }) {
  const { project, name } = element("adopt-form").elements;
  const projects = await all("rest/api/latest/projects");
  if (projects.length === 0) throw new Error("There is no project yet that it could go to. The page of the repositories makes one.");
  project.replaceChildren(...projects.map(({ key, name: title }) => option(key, `${key} · ${title}`)));
  name.value = "";
  show("adopt-title", `Adopt repository ${number}`);
  if (!(await confirmed("adopt-dialog"))) return;
  const wanted = { number, projectKey: project.value, name: name.value };
  const adopted = await send("POST", `${faults}/adopt`, wanted);
  note("done", `Repository ${number} is served as ${adopted.project.key}/${adopted.slug} now.`);
}

/** Brings a repository back from a mirror, and lets what differs be looked at before it is lost. */
async function restore(name, repository) {
  const { mirror } = element("restore-form").elements;
  const mirrors = await all("rest/mirroring/latest/mirrorServers");
  if (mirrors.length === 0) throw new Error("No mirror has joined from which it could be restored.");
  mirror.replaceChildren(...mirrors.map((one) => option(one.id, one.name)));
  const from = () => mirror.selectedOptions[0].textContent;
  mirror.onchange = () => show("restore-confirm", `Restore from ${from()}`);
  mirror.onchange();
  show("restore-title", `Restore ${name} from a mirror`);
  if (!(await confirmed("restore-dialog"))) return;
  note("done", `Fetching ${name} from ${from()}.`);
  try {
    const wanted = { ...repository, mirror: mirror.value };
    let outcome = await send("POST", `${faults}/restore`, wanted);
    while (!outcome.restored) {
      showDifferences(name, from(), outcome);
      if (!(await confirmed("differs-dialog"))) {
        note("done", `Nothing of ${name} was replaced.`);
        return;
      }
      outcome = await send("POST", `${faults}/restore`, { ...wanted, contentHash: outcome.contentHash });
    }
    note("done", `${name} is served again, as ${from()} had it.`);
  } catch (error) {
    note("done", "");
    throw error;
  }
}

function showDifferences(name, mirror, { hereIsReadable, differences, differenceCount }) {
  show("differs-title", `What ${mirror} has of ${name} is not what is recorded`);
  const readable = "These references would be as they are at the mirror. Users who pushed what is lost can push it again.";
  const unreadable = "What is here cannot be read, so that all references of the copy are listed. Later pushes may be lost.";
  show("differs-about", hereIsReadable ? readable : unreadable);
  const headings = headingsOf("differences");
  const commit = (id) => make("td", id === undefined ? "none" : make("code", id.slice(0, 12)));
  element("differences").replaceChildren(
    ...differences.map(({ refId, here, atMirror }) => row(headings, make("td", refId), commit(here), commit(atMirror))),
  );
  noteMore("more-differences", differenceCount, differences.length);
}

const showFaults = newest(() => ask(faults), (found) => {
  refillTable("unserved", found.unserved.map((one) => {
    const { repository: { project, slug }, fault, message } = one;
    return { says: [project.key, slug, fault, message], row: () => unservedRow(one) };
  }));
  refillTable("unrecorded", found.unrecorded.map((one) => ({ says: one, row: () => unrecordedRow(one) })));
  noteMore("more-unserved", found.unservedCount, found.unserved.length);
  noteMore("more-unrecorded", found.unrecordedCount, found.unrecorded.length);
  element("unserved-card").hidden = element("unrecorded-card").hidden = false;
});

async function refresh() {
  if (username !== null) await showFaults();
}

withSession(async () => {
  element("unserved-card").hidden = element("unrecorded-card").hidden = true;
  note("problem", "");
  note("done", "");
  await refresh();
});
