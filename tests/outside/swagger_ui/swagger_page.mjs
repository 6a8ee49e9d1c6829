// Swagger UI as its reader uses it: groups, the dialog for credentials, and operations to try out.

import assert from "node:assert/strict";

import { accessible } from "../browser/accessible.mjs";
import { inBrowser } from "../browser/browser.mjs";

// What Swagger UI and the reader break of axe's rules, each with the reason why it stays: their elements are made by their own
// components.
const RULES = {
  "button-name": "buttons that close or copy show a picture alone",
  "color-contrast": "numbers in answers are paler than asked for",
  "heading-order": "its headings skip ranks",
  "label-content-name-mismatch": "names for screen readers are not what is shown",
  "landmark-unique": "the tables of two operations have the same name",
  "nested-interactive": "the row of an operation is a button around buttons",
  "scrollable-region-focusable": "long examples scroll by mouse and touch alone",
  "select-name": "choices of examples have no name",
};
const broken = (...ids) => Object.fromEntries(ids.map((id) => [id, RULES[id]]));

/** By what is open. */
export const BROKEN = {
  closed: broken("heading-order"),
  // Above an operation that is open.
  credentials: broken("button-name", "heading-order", "label-content-name-mismatch", "nested-interactive", "select-name"),
  operation: broken("button-name", "heading-order", "nested-interactive", "select-name"),
  // Two operations are open, and both have been answered.
  answered: broken("button-name", "color-contrast", "heading-order", "landmark-unique", "nested-interactive", "select-name"),
  // Of the reader, which is Redoc.
  reader: broken("heading-order"),
  longExamples: broken("scrollable-region-focusable"),
};

/** At an address that is not the server's own, nothing that is tried would be taken: the page says so, and leads there. */
export async function leadsToItsOwnAddress(base) {
  const elsewhere = base.replace("127.0.0.1", "balancer.test");
  await inBrowser([base, elsewhere], async (page, guard) => {
    await openSwaggerUi(page, elsewhere);
    await page.locator("#elsewhere", { hasText: elsewhere }).waitFor();
    await guard.screenshot("elsewhere");
    await accessible(page, BROKEN.closed);
    await page.locator("#elsewhere a").click();
    await page.waitForURL(`${base}/swagger-ui/`);
    await page.locator(".opblock-tag-section").first().waitFor();
    assert.equal(await page.locator("#elsewhere").isVisible(), false);
  });
}

/** Opens Swagger UI, with the operations of this server or with `all`, and waits until it shows its groups, all closed. */
export async function openSwaggerUi(page, baseUrl, operations = "served") {
  await page.goto(`${baseUrl}/swagger-ui/${operations === "all" ? "?operations=all" : ""}`);
  await page.locator(".opblock-tag-section").first().waitFor();
  assert.equal(await page.locator(".opblock").count(), 0, "groups are closed until a user opens one");
}

/** Opens all groups. */
export async function openGroups(page) {
  const closed = page.locator('.opblock-tag[data-is-open="false"]');
  while ((await closed.count()) > 0) await closed.first().click();
}

/** Shows only the operations that have these words. */
export const filter = (page, words) => page.locator("input.operation-filter-input").fill(words);

/** The names of the groups, from top to bottom. */
export const groups = (page) =>
  page.locator(".opblock-tag").evaluateAll((tags) => tags.map((tag) => tag.dataset.tag));

/** The operations of a group, from top to bottom, as `METHOD /path`. */
export const operationsOf = (page, group) =>
  page
    .locator(".opblock-tag-section", { has: page.locator(`[data-tag="${group}"]`) })
    .locator(".opblock-summary")
    .evaluateAll((rows) =>
      rows.map((row) => {
        const text = (name) => row.querySelector(name).textContent.replaceAll("\u200b", "").trim();
        return `${text(".opblock-summary-method")} ${text(".opblock-summary-path, .opblock-summary-path__deprecated")}`;
      }),
    );

/** Opens the dialog for credentials, which covers the page until it is closed. */
export async function openCredentials(page) {
  await page.locator(".auth-wrapper > button.authorize").click();
  await page.locator(".modal-ux").waitFor();
}

/** Signs in with a user name and a password, for all operations; `look` may look at the dialog before. */
export async function signInWithBasic(page, username, password, look) {
  const values = { "auth-basic-username": username, "auth-basic-password": password };
  await enterCredentials(page, "auth-basic-username", values, look);
}

/** Signs in with a token, for all operations. */
export async function signInWithBearer(page, token) {
  await enterCredentials(page, "auth-bearer-value", { "auth-bearer-value": token });
}

/** Forgets all credentials. */
export async function signOut(page) {
  await openCredentials(page);
  const buttons = page.locator(".auth-container button", { hasText: /^Logout$/ });
  while ((await buttons.count()) > 0) await buttons.first().click();
  await closeCredentials(page);
}

async function enterCredentials(page, field, values, look) {
  await openCredentials(page);
  await look?.();
  const scheme = page.locator(".auth-container", { has: page.locator(`[aria-label="${field}"]`) });
  for (const [label, value] of Object.entries(values)) await page.locator(`[aria-label="${label}"]`).fill(value);
  await scheme.locator("button.authorize").click();
  await page.locator(".auth-container h6", { hasText: "Authorized" }).waitFor();
  await closeCredentials(page);
}

const closeCredentials = (page) => page.locator(".modal-ux .btn-done").first().click();

/** Expands an operation by its operationId and makes it ready to be filled in. */
export async function tryOut(page, operationId) {
  const operation = page.locator(`.opblock[id$="-${operationId}"]`);
  assert.equal(await operation.count(), 1, `Swagger UI shows no operation ${operationId}`);
  if (!(await operation.evaluate((shown) => shown.classList.contains("is-open")))) {
    await operation.locator(".opblock-summary-control").click();
  }
  await operation.locator("button.execute, button.try-out__btn").first().waitFor();
  const start = operation.locator("button.try-out__btn:not(.cancel)");
  if ((await start.count()) > 0) await start.click();
  await operation.locator("button.execute").waitFor();
  return operation;
}

/** Fills in parameters and the body, executes, and reads the live answer. */
export async function execute(operation, { parameters = {}, body } = {}) {
  for (const [name, value] of Object.entries(parameters)) {
    await operation.locator(`tr[data-param-name="${name}"] input`).fill(value);
  }
  if (body !== undefined) await operation.locator("textarea.body-param__text").fill(JSON.stringify(body, null, 2));
  const before = await operation.locator(".live-responses-table").count();
  if (before > 0) await operation.locator("button.btn-clear").click();
  await operation.locator("button.execute").click();
  const row = operation.locator(".live-responses-table tbody tr.response");
  await row.waitFor();
  const status = Number.parseInt(await row.locator(".response-col_status").innerText(), 10);
  const shown = row.locator(".response-col_description .highlight-code code").first();
  const text = (await shown.count()) > 0 ? await shown.textContent() : "";
  return { status, json: text === "" ? undefined : JSON.parse(text) };
}
