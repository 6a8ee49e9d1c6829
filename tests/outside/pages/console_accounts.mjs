// An administrator makes a user and deletes them again; a token is shown once, works, and is worthless when deleted.

import assert from "node:assert/strict";

import { accessible } from "../browser/accessible.mjs";
import { inBrowser, need } from "../browser/browser.mjs";

const base = need("HELIOSTAT_BASE_URL");

/** What the server answers to who shows a token. */
async function statusWith(token) {
  const answer = await fetch(`${base}/rest/api/latest/users`, { headers: { Authorization: `Bearer ${token}` } });
  return answer.status;
}

await inBrowser([base], async (page, guard) => {
  await page.goto(`${base}/users`);
  await page.locator("#sign-in [name=username]").fill("admin");
  await page.locator("#sign-in [name=password]").fill(need("HELIOSTAT_PASSWORD"));
  await page.locator("#sign-in button").click();
  await page.locator("#create [name=name]").fill("grace");
  await page.locator("#create [name=displayName]").fill("Grace Hopper");
  const password = page.locator("#create [name=password]");
  // The browser says of a short password what the server would say of it, which is not asked.
  await password.pressSequentially("seconds");
  await page.locator("#create button").click();
  assert.ok(await password.evaluate((field) => field.validity.tooShort));
  assert.equal(await password.inputValue(), "seconds", "nothing was sent");
  // The server asks for more than a length, and what it says is shown.
  guard.announce(400);
  await password.fill("password");
  await page.locator("#create button").click();
  await page.locator("#problem", { hasText: "tried first" }).waitFor();
  await password.fill("Nanosecond-1906");
  await page.locator("#create button").click();
  const row = page.locator("#users tr", { hasText: "Grace Hopper" });
  await row.waitFor();
  await accessible(page);
  await guard.screenshot("user");
  await row.locator("button", { hasText: "Delete" }).click();
  await page.locator("#delete-dialog button", { hasText: "Keep" }).click();
  assert.equal(await row.count(), 1, "nothing is deleted unasked");
  await row.locator("button", { hasText: "Delete" }).click();
  await page.locator("#delete-confirm").click();
  await row.waitFor({ state: "detached" });

  await page.goto(`${base}/account`);
  await page.locator("#create [name=name]").fill("build server");
  await page.locator("#create button").click();
  const token = (await page.locator("#secret pre").innerText()).trim();
  await accessible(page);
  assert.equal(await statusWith(token), 200);
  const kept = page.locator("#tokens tr", { hasText: "build server" });
  await kept.locator("button", { hasText: "Delete" }).click();
  await kept.waitFor({ state: "detached" });
  assert.equal(await statusWith(token), 401);

  // What is typed and what stands for it are out of reach of scripts and of other pages.
  const reachable = await page.evaluate(() => [document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage)]);
  assert.deepEqual(reachable, ["", "{}", "{}"]);
  const cookies = await page.context().cookies();
  assert.ok(cookies.length === 1 && cookies[0].httpOnly && cookies[0].sameSite === "Strict");
});

// At an address that is not the server's own, nothing that is clicked would be taken: the page says so, and leads there.
const elsewhere = base.replace("127.0.0.1", "balancer.test");
await inBrowser([base, elsewhere], async (page, guard) => {
  await page.goto(`${elsewhere}/account`);
  await page.locator("#elsewhere", { hasText: elsewhere }).waitFor();
  assert.equal(await page.locator("#sign-in").isVisible(), false);
  await accessible(page);
  await guard.screenshot("elsewhere");
  await page.locator("#elsewhere a").click();
  await page.waitForURL(`${base}/account`);
  await page.locator("#sign-in").waitFor();
});
