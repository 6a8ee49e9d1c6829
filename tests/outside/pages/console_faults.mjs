// An administrator at a page of an upstream that has lost a repository, has damaged another, and has one without a record.

import assert from "node:assert/strict";

import { enter, inBrowser, need } from "../browser/browser.mjs";
import { SCREENS, lookAt, signIn } from "../browser/screens.mjs";

const base = need("HELIOSTAT_BASE_URL");
const lost = need("HELIOSTAT_LOST");
const damaged = need("HELIOSTAT_DAMAGED");

/** Keeps the next answer from an address as it is then, until it is to come. Those after it come at once. */
async function answeredLate(page, address) {
  let letCome;
  let tellThere;
  const mayCome = new Promise((resolve) => { letCome = resolve; });
  const isThere = new Promise((resolve) => { tellThere = resolve; });
  const keep = async (route) => {
    const response = await route.fetch();
    tellThere();
    await mayCome;
    await route.fulfill({ response });
  };
  await page.route(address, keep, { times: 1 });
  const comes = async () => {
    const come = page.waitForEvent("requestfinished", (request) => request.url() === address);
    letCome();
    await come;
    // What the page does with it is done before it hears of what it asks now.
    await page.evaluate(() => fetch("status").then((answer) => answer.text()));
  };
  return { isThere, comes };
}

await inBrowser([base], async (page, guard) => {
  const see = lookAt(page, guard, "phone");
  const dialog = (id) => page.locator(`#${id}-dialog`);
  const choose = async (id, text) => {
    await dialog(id).waitFor();
    await enter(dialog(id).locator("button", { hasText: text }));
  };
  const unserved = (name) => page.locator("#unserved tr", { hasText: name });
  // It takes no second order before the first was carried out or left.
  const beginToRestore = (name) => enter(unserved(name).locator("button:enabled"));
  const done = (text) => page.locator("#done", { hasText: text }).waitFor();

  await page.goto(`${base}/`);
  await enter(page.locator("#faults a"));
  await page.waitForURL(`${base}/repository-faults`);
  await page.locator("#sign-in").waitFor();
  assert.equal(await page.locator("#unserved-card").isVisible(), false, "names are for those who sign in");
  await signIn(page);
  await unserved(lost).locator("td", { hasText: "Missing" }).waitFor();
  await see("faults");

  // What will happen is said first, and one can go back. The page then asks again; that answer is kept for later.
  const late = await answeredLate(page, `${base}/rest/api/latest/admin/repository-faults`);
  await beginToRestore(lost);
  await dialog("restore").waitFor();
  assert.match(await dialog("restore").innerText(), /goes to the trash/);
  await see("restoring");
  await choose("restore", "Cancel");
  await dialog("restore").waitFor({ state: "hidden" });
  assert.equal(await unserved(lost).count(), 1);
  await late.isThere;
  const untouched = await unserved(damaged).locator("button").elementHandle();
  await beginToRestore(lost);
  await choose("restore", "Restore from Saigon");
  await done(`${lost} is served again, as Saigon had it.`);
  await unserved(lost).waitFor({ state: "detached" });
  assert.ok(await untouched.evaluate((button) => button.isConnected), "a row that says the same stays");
  await late.comes();
  assert.equal(await unserved(lost).count(), 0, "an older answer that comes late is not shown");

  // Where something would be lost, it is shown before.
  await beginToRestore(damaged);
  await choose("restore", "Restore from Saigon");
  await dialog("differs").locator("#differences tr", { hasText: "refs/heads/main" }).waitFor();
  await see("differs");
  await choose("differs", "Replace nothing");
  await done(`Nothing of ${damaged} was replaced.`);
  await beginToRestore(damaged);
  await choose("restore", "Restore from Saigon");
  await choose("differs", "Put the copy in place");
  await done(`${damaged} is served again, as Saigon had it.`);
  await page.locator("#no-unserved").waitFor();

  const found = page.locator("#unrecorded tr", { hasText: "4711" });
  await enter(found.locator("button"));
  await dialog("adopt").locator("[name=project]").selectOption(need("HELIOSTAT_PROJECT_KEY"));
  await dialog("adopt").locator("[name=name]").fill("Found Again");
  await see("adopting");
  await choose("adopt", "Adopt");
  await done(`served as ${need("HELIOSTAT_PROJECT_KEY")}/found-again now`);
  await page.locator("#no-unrecorded").waitFor();
  await see("mended");
}, SCREENS.phone);
