// A visitor of a mirror's first page, which follows what happens without being loaded again.

import assert from "node:assert/strict";

import { accessible } from "../browser/accessible.mjs";
import { inBrowser, need } from "../browser/browser.mjs";

const base = need("HELIOSTAT_BASE_URL");
const upstream = need("HELIOSTAT_UPSTREAM_URL");

await inBrowser([base], async (page, guard) => {
  await page.goto(`${base}/`);
  await page.locator("#state", { hasText: "Synchronized" }).waitFor();
  assert.equal(await page.locator("#upstream-state").innerText(), "Joined");
  await page.locator("#counts", { hasText: "Everything is in step with the upstream" }).waitFor();
  await page.locator("#lag", { hasText: "none" }).waitFor();
  assert.equal(await page.locator("#held-back").isVisible(), false);
  const before = Number(await page.locator("#available").innerText());
  await guard.screenshot("opened");

  const answer = await fetch(`${upstream}/rest/api/latest/projects/${need("HELIOSTAT_PROJECT_KEY")}/repos`, {
    method: "POST",
    headers: {
      Authorization: `Basic ${btoa(`admin:${need("HELIOSTAT_PASSWORD")}`)}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ name: "seen in a browser" }),
  });
  assert.equal(answer.status, 201);
  await page.locator("#available", { hasText: new RegExp(`^${before + 1}$`) }).waitFor();
  await guard.screenshot("followed");

  await accessible(page);

  await page.locator("a", { hasText: "Swagger UI" }).click();
  await page.locator(".opblock-tag-section").first().waitFor();
});
