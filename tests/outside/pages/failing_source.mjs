// The upstream's first page while a source is away that one of its repositories follows: a thing to look at, no alarm.

import assert from "node:assert/strict";

import { accessible } from "../browser/accessible.mjs";
import { inBrowser, need } from "../browser/browser.mjs";
import { signIn } from "../browser/screens.mjs";

const base = need("HELIOSTAT_BASE_URL");

await inBrowser([base], async (page, guard) => {
  await page.goto(`${base}/`);
  await page.locator("#reason", { hasText: "could not be brought in step" }).waitFor();
  await page.locator("#state[data-mood=wait]", { hasText: "Running" }).waitFor();
  assert.equal(await page.locator("#faults").isVisible(), false, "no repository of its own is at fault");
  await accessible(page);
  await signIn(page);
  const followed = page.locator("#followings tr", { hasText: "/acme/tool.git" });
  // The last attempt, the last success, the lag behind the source while it is known, and the state with the error.
  await followed.locator("td", { hasText: "ago" }).waitFor();
  await followed.locator("td", { hasText: "never" }).waitFor();
  await followed.locator("td", { hasText: "does not answer" }).waitFor();
  await accessible(page);
  await guard.screenshot("failing-source", page.locator("body"));
});
