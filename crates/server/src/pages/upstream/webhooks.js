// The webhooks of a repository: what they were told lately, and new ones.

const LOG = 20;

function invocationRow({ start, event, attempt, result, duration: took }) {
  const shown = make("td", result.outcome, result.statusCode === undefined ? "" : ` ${result.statusCode}`, make("br"), result.description);
  if (result.outcome !== "SUCCESS") shown.className = "bad";
  return row(headingsOf("log"), make("td", time(start)), make("td", event), make("td", String(attempt)), shown, make("td", `${took} ms`));
}

const readLog = ({ id }) => ask(`${path}/webhooks/${id}/invocations?limit=${LOG}`);

const showLog = newest(readLog, (page, webhook) => {
  show("log-title", `The last calls of ${webhook.name}`);
  fillTable("log", page.values.map(invocationRow));
  element("log-card").hidden = false;
}, (error) => {
  // The button tells it.
  throw error;
});

async function test(webhook) {
  const { result, duration: took } = await send("POST", `${path}/webhooks/test?webhookId=${webhook.id}`);
  const answered = result.statusCode === undefined ? result.description : `${result.statusCode} ${result.description}`;
  note("test-result", `${webhook.name}: ${result.outcome}, ${answered}, after ${took} ms.`);
}

/** The last call of a webhook, if there was one. */
function lastCallOf({ statistics }) {
  const { lastSuccess, lastFailure, lastError } = statistics ?? {};
  return [lastSuccess, lastFailure, lastError].filter(Boolean).sort((a, b) => b.start - a.start)[0];
}

function webhookRow(webhook, last) {
  const lastCell = make("td", ...(last ? [time(last.start), make("br"), `${last.outcome} ${last.description}`] : ["never"]));
  if (last && last.outcome !== "SUCCESS") lastCell.className = "bad";
  const actOn = (text, kind, act, after) => buttonOn(webhook.name, text, kind, act, after);
  const removal = actOn("Delete", "danger", () => removeWebhook(webhook), showWebhooks);
  const acts = make("td", actOn("Test", "quiet", () => test(webhook)), actOn("Log", "quiet", () => showLog(webhook)), removal);
  acts.className = "acts";
  return row(
    headingsOf("webhooks"),
    make("td", make("b", webhook.name), webhook.active ? "" : " (not active)", make("br"), webhook.url),
    make("td", webhook.events.join(", ")),
    lastCell,
    acts,
  );
}

const showWebhooks = newest(() => all(`${path}/webhooks?statistics=true`), (webhooks) => {
  refillTable("webhooks", webhooks.map((webhook) => {
    const { id, name, active, url, events } = webhook;
    const last = lastCallOf(webhook);
    const says = [id, name, active, url, events, last?.outcome, last?.description, last?.start];
    return { says, row: () => webhookRow(webhook, last) };
  }));
  element("webhooks-card").hidden = false;
}, tellUnlessRefused);

async function removeWebhook(webhook) {
  show("delete-webhook-title", `Delete ${webhook.name}?`);
  show("delete-webhook-url", webhook.url);
  if (!(await confirmed("delete-webhook-dialog"))) return;
  await send("DELETE", `${path}/webhooks/${webhook.id}`);
  element("log-card").hidden = true;
  note("test-result", "");
}

onSubmit("create-webhook", async ({ name, url, secret }, form) => {
  const events = [...form.querySelectorAll("[name=event]:checked")].map((box) => box.value);
  if (events.length === 0) throw new Error("Select one event at least.");
  const wanted = { name: name.value, url: url.value, events };
  if (secret.value) wanted.configuration = { secret: secret.value };
  await send("POST", `${path}/webhooks`, wanted);
  form.reset();
  note("test-result", `${wanted.name} is called from now on. Test sends it a first call.`);
  await showWebhooks();
});
