// An administrator at the upstream's first page: signs in wrongly, then rightly, and accepts the mirror that waits.

import assert from "node:assert/strict";

import { inBrowser, need } from "../browser/browser.mjs";

const base = need("HELIOSTAT_BASE_URL");
const mirrorName = need("HELIOSTAT_MIRROR_NAME");

await inBrowser([base], async (page, guard) => {
  const signIn = async (password) => {
    await page.locator("#sign-in [name=username]").fill("admin");
    await page.locator("#sign-in [name=password]").fill(password);
    await page.locator("#sign-in button").click();
  };
  await page.goto(`${base}/`);
  await guard.screenshot("opened");
  assert.equal(await page.locator("#requests-card").isVisible(), false);

  // The page asks for three things at once: requests, mirrors and what follows another server.
  for (let asked = 0; asked < 3; asked += 1) guard.announce(401);
  await signIn("a guess");
  await page.locator("#problem", { hasText: "password" }).waitFor();
  assert.equal(await page.locator("#requests-card").isVisible(), false);

  await signIn(need("HELIOSTAT_PASSWORD"));
  const request = page.locator("#requests tr", { hasText: mirrorName });
  await request.waitFor();
  assert.equal(await page.locator("#problem").isVisible(), false);
  await guard.screenshot("request");
  await request.locator("button", { hasText: "Accept" }).click();
  const mirror = page.locator("#mirrors tr", { hasText: mirrorName });
  await mirror.waitFor();
  await page.locator("#no-requests").waitFor();
  await mirror.locator("td", { hasText: "up to date" }).waitFor();
  await guard.screenshot("accepted", page.locator("body"));

  await page.locator("#sign-out").click();
  await page.locator("#sign-in").waitFor();
  assert.equal(await page.locator("#mirrors tr").count(), 0, "who signs out leaves nothing behind");
});
