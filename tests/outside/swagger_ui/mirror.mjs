// A reader at a mirror: the upstream's administrator reads and changes what is mirrored, and strays to the other role.

import assert from "node:assert/strict";

import { accessible } from "../browser/accessible.mjs";
import { inBrowser, need } from "../browser/browser.mjs";
import { shownInDocumentOrder } from "./document_order.mjs";
import { BROKEN, execute, openGroups, openSwaggerUi, signInWithBasic, signOut, tryOut } from "./swagger_page.mjs";

const base = need("HELIOSTAT_BASE_URL");
const body = { mode: "SELECTED_PROJECTS", projectIds: [need("HELIOSTAT_PROJECT_ID")] };

await inBrowser([base], async (page, guard) => {
  await openSwaggerUi(page, base);
  await guard.screenshot("opened");
  await accessible(page, BROKEN.closed);
  assert.equal(await page.title(), "Heliostat mirror: REST API");
  await openGroups(page);
  await shownInDocumentOrder(page, base, "served", ["Mirroring (Mirror)", "Mirroring (Hashes)", "Mirroring (Served repositories)", "Log"]);

  guard.announce(401);
  await signInWithBasic(page, "admin", "a guess");
  const refused = await execute(await tryOut(page, "listUpstreamServers"));
  assert.equal(refused.status, 401);
  assert.ok(refused.json.errors[0].message.length > 0);
  await signOut(page);

  await signInWithBasic(page, "admin", need("HELIOSTAT_PASSWORD"));
  const list = await execute(await tryOut(page, "listUpstreamServers"));
  assert.equal(list.status, 200);
  const [{ id: upstreamId, state }] = list.json.values;
  assert.equal(state, "INSTALLED");

  const read = await tryOut(page, "getMirrorSettings");
  const before = await execute(read, { parameters: { upstreamId } });
  assert.equal(before.status, 200);
  assert.equal(before.json.mode, "ALL_PROJECTS");
  await guard.screenshot("get", read);
  await accessible(page, BROKEN.answered);

  const write = await tryOut(page, "setMirrorSettings");
  const changed = await execute(write, { parameters: { upstreamId }, body });
  assert.equal(changed.status, 200);
  assert.deepEqual(changed.json, body);
  await guard.screenshot("put", write);
  const after = await execute(read, { parameters: { upstreamId } });
  assert.deepEqual(after.json, body);

  // An operation of the other role is found among those of all.
  await page.goto(`${base}/swagger-ui/?operations=served#/Projects/getProjects`);
  await page.waitForURL(/operations=all/);
  await page.locator(".opblock.is-open").waitFor();
  guard.announce(404);
  const elsewhere = await execute(await tryOut(page, "getProjects"));
  assert.equal(elsewhere.status, 404);
  assert.match(elsewhere.json.errors[0].message, /served by a server in the upstream role/);
});
