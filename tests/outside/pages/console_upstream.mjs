// An administrator at the upstream's first page: signs in wrongly, then rightly, and accepts the mirror that waits.

import assert from "node:assert/strict";

import { accessible } from "../browser/accessible.mjs";
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

  guard.announce(401);
  await signIn("a guess");
  await page.locator("#problem", { hasText: "password" }).waitFor();
  assert.equal(await page.locator("#requests-card").isVisible(), false);

  await signIn(need("HELIOSTAT_PASSWORD"));
  const request = page.locator("#requests tr", { hasText: mirrorName });
  await request.waitFor();
  assert.equal(await page.locator("#problem").isVisible(), false);
  await guard.screenshot("request");
  await accessible(page);
  await request.locator("button", { hasText: "Accept" }).click();
  const address = page.locator("#accept-address");
  await page.locator("#accept-dialog[open]").waitFor();
  assert.equal(await address.innerText(), need("HELIOSTAT_MIRROR_URL"), "the address that is accepted is shown");
  await accessible(page);
  await guard.screenshot("accepting");
  await page.locator("#accept-confirm").click();
  const mirror = page.locator("#mirrors tr", { hasText: mirrorName });
  await mirror.waitFor();
  await page.locator("#no-requests").waitFor();
  await mirror.locator("td", { hasText: "Synchronized" }).waitFor();
  await guard.screenshot("accepted", page.locator("body"));

  // Who is signed in is so on all pages, and after the page was loaded again.
  await mirror.locator("a", { hasText: mirrorName }).click();
  await page.locator("#heading", { hasText: mirrorName }).waitFor();
  await page.locator("#state", { hasText: "Synchronized" }).waitFor();
  assert.equal(await page.locator("#error-card").isVisible(), false, "all was delivered");
  await accessible(page);
  await guard.screenshot("mirror", page.locator("body"));
  const panel = page.locator("#settings");
  assert.match(await panel.getAttribute("href"), /webPanels\/config$/);
  await page.goto(`${base}/`);
  await mirror.waitFor();

  await page.locator("#sign-out").click();
  await page.locator("#sign-in").waitFor();
  assert.equal(await page.locator("#mirrors tr").count(), 0, "who signs out leaves nothing behind");
});
