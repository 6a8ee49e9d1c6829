// An administrator at the settings of a mirror: selects a project, and goes back to all, by its buttons.

import assert from "node:assert/strict";

import { inBrowser, need } from "../browser/browser.mjs";

const upstream = need("HELIOSTAT_BASE_URL");
const mirror = need("HELIOSTAT_MIRROR_URL");
const panel = `${upstream}/rest/mirroring/latest/mirrorServers/${need("HELIOSTAT_MIRROR_ID")}/webPanels/config`;
const projectKey = need("HELIOSTAT_PROJECT_KEY");
const httpCredentials = { username: "admin", password: need("HELIOSTAT_PASSWORD"), origin: upstream };

const visit = async (page, guard) => {
  const all = page.locator("[name=mode][value=ALL_PROJECTS]");
  const selected = page.locator("[name=mode][value=SELECTED_PROJECTS]");
  const project = page.locator("#projects label", { hasText: projectKey }).locator("input");
  const saved = page.locator("#saved", { hasText: "Saved" });
  const open = async () => {
    await page.goto(panel);
    await page.locator("#save:enabled").waitFor();
    assert.equal(await page.locator("#problem").isVisible(), false);
  };
  const save = async () => {
    await page.locator("#save").click();
    await saved.waitFor();
    assert.equal(await page.locator("#problem").isVisible(), false);
  };

  await open();
  assert.equal(await all.isChecked(), true);
  assert.equal(await project.isDisabled(), true, "projects are chosen only where they count");
  await selected.check();
  await project.check();
  await guard.screenshot("chosen");
  await save();
  await guard.screenshot("saved");
  await page.locator("#state", { hasText: "Synchronized" }).waitFor();
  assert.deepEqual(await settings(), { mode: "SELECTED_PROJECTS", projectIds: [need("HELIOSTAT_PROJECT_ID")] });

  await open();
  assert.equal(await selected.isChecked(), true, "what was saved is there when the page is opened again");
  assert.equal(await project.isChecked(), true);
  await project.uncheck();
  // Nothing selected empties the mirror, so that is asked about.
  const asked = page.waitForEvent("dialog");
  const clicked = page.locator("#save").click();
  const dialog = await asked;
  assert.match(dialog.message(), /deletes all that it has/);
  // Until then the click has not ended.
  await dialog.accept();
  await clicked;
  await saved.waitFor();
  assert.deepEqual(await settings(), { mode: "SELECTED_PROJECTS", projectIds: [] });

  // A page that stood open for long has signatures that do not count any more; it fetches fresh ones.
  await page.evaluate(() => {
    document.getElementById("panel").dataset.writeToken += "x";
  });
  guard.announce(401);
  await all.check();
  await save();
  assert.equal((await settings()).mode, "ALL_PROJECTS");
};

/** What the mirror itself says. */
async function settings() {
  const headers = { Authorization: `Basic ${btoa(`admin:${httpCredentials.password}`)}` };
  const ask = async (path) => (await fetch(`${mirror}/rest/mirroring/latest/upstreamServers${path}`, { headers })).json();
  const [{ id }] = (await ask("")).values;
  return ask(`/${id}/settings`);
}

await inBrowser([upstream, mirror], visit, { httpCredentials });
