// A visitor of a mirror's first page while the upstream is away: nothing is said of it that is not known.

import assert from "node:assert/strict";

import { inBrowser, need } from "../browser/browser.mjs";

const base = need("HELIOSTAT_BASE_URL");

await inBrowser([base], async (page, guard) => {
  await page.goto(`${base}/`);
  await page.locator("#state", { hasText: "Unverified" }).waitFor();
  const was = "The one repository was in step with the upstream";
  await page.locator("#counts", { hasText: was }).waitFor();
  await page.locator("#counts", { hasText: "What it has gained since then is not known." }).waitFor();
  await page.locator("#reason", { hasText: "the upstream does not answer" }).waitFor();
  await page.locator("#upstream-state", { hasText: "Joined, does not answer" }).waitFor();
  await page.locator("#lag", { hasText: "not known since" }).waitFor();
  assert.equal(await page.locator("#available").innerText(), "1");
  assert.notEqual(await page.locator("#last-comparison").innerText(), "never");
  assert.equal(await page.locator("#held-back").isVisible(), false);
  await guard.screenshot("alone");
});
