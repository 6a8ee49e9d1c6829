// Keeps the state up to date.

const REFRESH_MS = 2000;

const when = (time) => (time === undefined ? "never" : ago(time));

function contact({ reachable, awaySince }) {
  if (reachable === undefined) return "not asked yet";
  return reachable ? "answers" : `has not answered since ${new Date(awaySince).toLocaleString()}`;
}

function size(bytes) {
  const [unit, length] = [["GiB", 2 ** 30], ["MiB", 2 ** 20]].find(([, length]) => bytes >= length) ?? ["KiB", 2 ** 10];
  return `${(bytes / length).toFixed(1)} ${unit}`;
}

const ofMost = (now, most) => (most === undefined ? now : `${now} of ${most}`);

repeat(async () => {
  try {
    const status = await ask("status", { anyStatus: true });
    showState("state", status.state, status.health === "GREEN" ? "good" : "wait");
    note("reason", status.reason);
    show("origin", contact(status.origin));
    show("last-contact", when(status.origin.lastContactDate));
    show("repositories", ofMost(status.repositories, status.maxRepositories));
    show("size", ofMost(size(status.sizeBytes), status.maxSizeBytes && size(status.maxSizeBytes)));
  } catch {
    showState("state", "UNREACHABLE", "bad");
  }
}, REFRESH_MS);
