// An administrator at the upstream's first page: a mirror that wants to be called elsewhere than people reach it.

import assert from "node:assert/strict";

import { accessible } from "../browser/accessible.mjs";
import { inBrowser, need } from "../browser/browser.mjs";

const base = need("HELIOSTAT_BASE_URL");
const internal = need("HELIOSTAT_INTERNAL_URL");
const publicUrl = need("HELIOSTAT_PUBLIC_URL");

await inBrowser([base], async (page, guard) => {
  await page.goto(`${base}/`);
  await page.locator("#sign-in [name=username]").fill("admin");
  await page.locator("#sign-in [name=password]").fill(need("HELIOSTAT_PASSWORD"));
  await page.locator("#sign-in button").click();
  const request = page.locator("#requests tr", { hasText: "Hue" });
  await request.locator("td", { hasText: `called at ${internal}` }).waitFor();
  await request.locator("button", { hasText: "Accept" }).click();
  await page.locator("#accept-dialog[open]").waitFor();
  assert.equal(await page.locator("#accept-address").innerText(), internal, "where the secret goes is shown");
  await page.locator("#accept-public", { hasText: publicUrl }).waitFor();
  await accessible(page);
  await guard.screenshot("accepting-two-addresses");
  await page.locator("#accept-dialog button", { hasText: "Cancel" }).click();
});
