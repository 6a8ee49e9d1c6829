// A reader at an upstream: signs in wrongly, then rightly, reads a project and changes it; a script's token works, too.

import assert from "node:assert/strict";

import { accessible } from "../browser/accessible.mjs";
import { inBrowser, need } from "../browser/browser.mjs";
import { shownInDocumentOrder } from "./document_order.mjs";
import { BROKEN, execute, filter, openGroups, openSwaggerUi, signInWithBasic, signInWithBearer, signOut, tryOut } from "./swagger_page.mjs";

const base = need("HELIOSTAT_BASE_URL");
const projectKey = need("HELIOSTAT_PROJECT_KEY");
const description = need("HELIOSTAT_NEW_DESCRIPTION");

await inBrowser([base], async (page, guard) => {
  await openSwaggerUi(page, base);
  await guard.screenshot("opened");
  await accessible(page, BROKEN.closed);
  assert.equal(await page.title(), "Heliostat upstream: REST API");

  await filter(page, "LIST webhooks");
  await page.locator(".opblock").first().waitFor();
  const found = await page.locator(".opblock-summary-path").allInnerTexts();
  assert.ok(found.some((path) => path.includes("webhooks")), `${found}`);
  assert.ok(found.length < 20, `the filter leaves ${found.length} operations`);
  await filter(page, "");
  await page.locator(".opblock").first().waitFor({ state: "detached" });

  await openGroups(page);
  await shownInDocumentOrder(page, base, "served", ["Mirroring (Upstream)", "Mirroring (Hashes)", "Application", "Log", "Projects"]);

  guard.announce(401);
  await signInWithBasic(page, "admin", "a guess");
  const refused = await execute(await tryOut(page, "getProject"), { parameters: { projectKey } });
  assert.equal(refused.status, 401);
  assert.equal(refused.json.errors[0].message, "The user name, password or token is not valid.");
  await signOut(page);

  await signInWithBasic(page, "admin", need("HELIOSTAT_PASSWORD"), async () => {
    const ways = await page.locator(".auth-container h4").allInnerTexts();
    assert.match(ways[0], /basic/, "people sign in first");
    await guard.screenshot("credentials");
    await accessible(page, BROKEN.credentials);
  });
  const read = await tryOut(page, "getProject");
  const before = await execute(read, { parameters: { projectKey } });
  assert.equal(before.status, 200);
  assert.equal(before.json.key, projectKey);
  assert.notEqual(before.json.description, description);
  await guard.screenshot("get", read);
  await accessible(page, BROKEN.operation);

  const write = await tryOut(page, "updateProject");
  const changed = await execute(write, { parameters: { projectKey }, body: { description, public: true } });
  assert.equal(changed.status, 200);
  assert.equal(changed.json.description, description);
  await guard.screenshot("put", write);
  const after = await execute(read, { parameters: { projectKey } });
  assert.equal(after.json.description, description);
  await signOut(page);

  await signInWithBearer(page, need("HELIOSTAT_TOKEN"));
  const users = await execute(await tryOut(page, "getUsers"));
  assert.equal(users.status, 200);
  assert.ok(users.json.values.some(({ name }) => name === "admin"));

  // The same contract in a reader: it searches, and asks no other server.
  await page.goto(`${base}/openapi/`);
  const search = page.locator('[role="search"] input');
  await search.fill("webhook");
  await page.locator('[data-role="search:results"] li').first().waitFor();
  await guard.screenshot("reader");
});
