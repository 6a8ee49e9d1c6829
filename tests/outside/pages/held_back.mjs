// An administrator at a mirror's first page: sees what is held back, and lets it go by the button.

import assert from "node:assert/strict";

import { inBrowser, need } from "../browser/browser.mjs";

const base = need("HELIOSTAT_BASE_URL");
const repository = need("HELIOSTAT_REPOSITORY");

await inBrowser([base], async (page, guard) => {
  const card = page.locator("#held-back");
  const signIn = async (password) => {
    await page.locator("#sign-in [name=username]").fill("admin");
    await page.locator("#sign-in [name=password]").fill(password);
    await page.locator("#sign-in button").click();
  };
  await page.goto(`${base}/`);
  await card.waitFor();
  await page.locator("#reason", { hasText: "an administrator confirms" }).waitFor();
  assert.equal(await page.locator("#held-back-confirm").isVisible(), false, "names are for those who sign in");

  guard.announce(401);
  await signIn("a guess");
  await page.locator("#problem", { hasText: "password" }).waitFor();
  assert.equal(await page.locator("#held-back-confirm").isVisible(), false);

  await signIn(need("HELIOSTAT_PASSWORD"));
  const row = page.locator("#held-back-list tr", { hasText: repository });
  await row.locator("td", { hasText: "the upstream does not know it" }).waitFor();
  assert.equal(await page.locator("#held-back-problem").isVisible(), false);
  await guard.screenshot("listed", page.locator("body"));

  await page.locator("#held-back-confirm").click();
  await row.waitFor({ state: "detached" });
  await card.waitFor({ state: "hidden" });
  await page.locator("#reason").waitFor({ state: "hidden" });
  await guard.screenshot("let-go");
});
