// An administrator at the upstream's first page, where unknown servers have filed requests, deletes all at once.

import assert from "node:assert/strict";

import { inBrowser, need } from "../browser/browser.mjs";

const base = need("HELIOSTAT_BASE_URL");

await inBrowser([base], async (page, guard) => {
  await page.goto(`${base}/`);
  await page.locator("#sign-in [name=username]").fill("admin");
  await page.locator("#sign-in [name=password]").fill(need("HELIOSTAT_PASSWORD"));
  await page.locator("#sign-in button").click();
  await page.locator("#requests tr").nth(1).waitFor();
  const all = page.locator("button", { hasText: "Delete all" });
  await guard.screenshot("requests");
  await all.click();
  await page.locator("#no-requests").waitFor();
  assert.equal(await page.locator("#requests tr").count(), 0);
  assert.equal(await all.isVisible(), false);
});
