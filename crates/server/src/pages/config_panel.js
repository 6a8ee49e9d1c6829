// The settings of one mirror: asked of the mirror itself, with signatures that the upstream has put into this page.

const PROGRESS_MS = 3000;
const panel = element("panel");
const form = element("settings");
const projects = JSON.parse(panel.dataset.projects);
let boxes = [];
let unlisted = [];

const progressCall = () => ({ url: panel.dataset.progressUrl, token: panel.dataset.progressToken });
const readCall = () => ({ url: panel.dataset.settingsUrl, token: panel.dataset.readToken });
const writeCall = (settings) => () => ({
  url: panel.dataset.settingsUrl,
  token: panel.dataset.writeToken,
  options: { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(settings) },
});

/** A signature holds for a few minutes only. This page, asked for again, brings fresh ones. */
async function renewSignatures() {
  const response = await fetch(location.origin + location.pathname, { cache: "no-store" });
  if (!response.ok) throw new Error("The signatures of this page have expired. Load it again.");
  // Only this part of it: the policy of this page knows nothing of the styles of that one.
  const [part] = (await response.text()).match(/<main[^]*<\/main>/);
  const fresh = new DOMParser().parseFromString(part, "text/html").getElementById("panel");
  Object.assign(panel.dataset, { ...fresh.dataset });
}

async function askMirror(call, mayRenew = true) {
  const { url, token, options } = call();
  if (!url) throw new Error("This mirror has not told where its settings are.");
  const headers = { ...options?.headers, Authorization: `JWT ${token}` };
  try {
    return await ask(url, { ...options, headers });
  } catch (error) {
    if (error.status === undefined) throw new Error("This browser cannot reach the mirror.");
    if (error.status !== 401 || !mayRenew) throw error;
  }
  await renewSignatures();
  return askMirror(call, false);
}

function showProgress({ discovering, mirroredRepos, inStepRepos, notKnownSince }) {
  const bar = element("bar");
  bar.max = Math.max(mirroredRepos, 1);
  if (discovering) bar.removeAttribute("value");
  else bar.value = mirroredRepos === 0 ? 1 : inStepRepos;
  const told = `${inStepRepos} of ${repositoryCount(mirroredRepos)} ${inStepRepos === 1 ? "is" : "are"} synchronized.`;
  show("progress", discovering ? "Counting repositories." : mirroredRepos === 0 ? "Nothing to synchronize." : told);
  if (notKnownSince !== undefined) {
    showState("state", "UNVERIFIED");
    show("progress", `${told} What the upstream has is not known to the mirror since ${new Date(notKnownSince).toLocaleString()}.`);
    return;
  }
  const inStep = inStepRepos === mirroredRepos && !discovering;
  showState("state", inStep ? "SYNCHRONIZED" : "SYNCHRONIZING");
}

async function watch() {
  show("last-seen", ago(Number(element("last-seen").dataset.at)));
  try {
    showProgress(await askMirror(progressCall));
  } catch (error) {
    element("bar").value = 0;
    show("progress", error.message);
    showState("state", "UNREACHABLE");
  }
}

const mode = () => form.elements.mode.value;

function boxesFollowMode() {
  for (const box of boxes) box.disabled = mode() !== "SELECTED_PROJECTS";
}

function projectRow({ id, key, name }) {
  const box = make("input");
  box.type = "checkbox";
  box.value = id;
  boxes.push(box);
  return make("label", box, make("b", key), ` ${name}`);
}

function showSettings(settings) {
  const selected = new Set(settings.projectIds);
  form.elements.mode.value = settings.mode;
  for (const box of boxes) box.checked = selected.delete(box.value);
  unlisted = [...selected];
  note("unlisted", unlisted.length > 0 ? `Selected as well, and kept: ${counted(unlisted.length, "project that is", "projects that are")} not listed here.` : "");
  boxesFollowMode();
  element("fields").disabled = element("save").disabled = false;
}

/** What a mirror loses is fetched anew when it is wanted again. */
const empties = (chosen) => mode() === "SELECTED_PROJECTS" && chosen.length + unlisted.length === 0;

async function save() {
  const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
  if (empties(chosen) && !confirm("No project is selected: the mirror deletes all that it has. Go on?")) return;
  element("save").disabled = true;
  note("saved", "");
  note("problem", "");
  try {
    showSettings(await askMirror(writeCall({ mode: mode(), projectIds: [...chosen, ...unlisted] })));
    note("saved", "Saved. The mirror is adjusting to it.");
  } catch (error) {
    note("problem", error.message);
  }
  element("save").disabled = false;
}

element("projects").replaceChildren(...projects.map(projectRow));
form.addEventListener("change", boxesFollowMode);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
askMirror(readCall).then(showSettings, (error) => note("problem", error.message));
repeat(watch, PROGRESS_MS);
