// An administrator at the upstream's first page while the mirror is away, and what is on the disk has no record.

import assert from "node:assert/strict";

import { inBrowser, need } from "../browser/browser.mjs";

const base = need("HELIOSTAT_BASE_URL");

await inBrowser([base], async (page, guard) => {
  await page.goto(`${base}/`);
  await page.locator("#reason", { hasText: "1 repository on the disk has no record" }).waitFor();
  await page.locator("#state[data-mood=bad]", { hasText: "Running" }).waitFor();
  await page.locator("#sign-in [name=username]").fill("admin");
  await page.locator("#sign-in [name=password]").fill(need("HELIOSTAT_PASSWORD"));
  await page.locator("#sign-in button").click();
  const mirror = page.locator("#mirrors tr", { hasText: need("HELIOSTAT_MIRROR_NAME") });
  await mirror.locator("td.bad", { hasText: "Unreachable" }).waitFor();
  await mirror.locator("td.bad", { hasText: "to deliver" }).waitFor();
  assert.equal(await page.locator("#no-requests").innerText(), "No mirror is waiting.");
  assert.equal(await page.locator("#problem").isVisible(), false);
  await guard.screenshot("alone", page.locator("body"));

  // The page of the mirror tells in full why it cannot be told.
  await mirror.locator("a").first().click();
  await page.locator("#delivery-error").waitFor();
  assert.notEqual(await page.locator("#delivery-error").innerText(), "");
  await guard.screenshot("undelivered", page.locator("body"));
  await page.locator("#remove").click();
  await page.locator("#remove-dialog button", { hasText: "Keep it" }).click();
  assert.equal(await page.locator("#heading").innerText(), need("HELIOSTAT_MIRROR_NAME"));
});
