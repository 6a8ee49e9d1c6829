// An administrator at a mirror's first page: sees which repositories are behind, and why.

import assert from "node:assert/strict";

import { inBrowser, need } from "../browser/browser.mjs";

const base = need("HELIOSTAT_BASE_URL");

await inBrowser([base], async (page, guard) => {
  await page.goto(`${base}/`);
  await page.locator("#behind").waitFor();
  await page.locator("#clock", { hasText: "the upstream's" }).waitFor();
  assert.equal(await page.locator("#behind-seen").isVisible(), false, "names are for those who sign in");
  const invitation = page.locator("#behind [data-for=signed-out]");
  assert.equal(await invitation.isVisible(), true);
  await page.locator("#sign-in [name=username]").fill(need("HELIOSTAT_USER"));
  await page.locator("#sign-in [name=password]").fill(need("HELIOSTAT_USER_PASSWORD"));
  await page.locator("#sign-in button").click();
  const row = page.locator("#behind-list tr", { hasText: need("HELIOSTAT_REPOSITORY") });
  await row.locator("td", { hasText: "none of 1" }).waitFor();
  assert.equal(await page.locator("#behind-problem").isVisible(), false);
  assert.equal(await invitation.isVisible(), false, "who is signed in is not told to sign in");
  await guard.screenshot("behind", page.locator("body"));
});
