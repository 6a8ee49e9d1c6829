// The upstream's first page while a source is away that one of its repositories follows: a thing to look at, no alarm.

import assert from "node:assert/strict";

import { inBrowser, need } from "../browser/browser.mjs";

const base = need("HELIOSTAT_BASE_URL");

await inBrowser([base], async (page, guard) => {
  await page.goto(`${base}/`);
  await page.locator("#reason", { hasText: "could not be brought in step" }).waitFor();
  await page.locator("#state[data-mood=wait]", { hasText: "Running" }).waitFor();
  assert.equal(await page.locator("#faults").isVisible(), false, "no repository of its own is at fault");
  await guard.screenshot("failing-source", page.locator("body"));
});
