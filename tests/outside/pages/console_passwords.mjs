// A user changes their own password, and an administrator sets one for them: the new one signs in, and the old one does not.

import assert from "node:assert/strict";

import { enter, inBrowser, need } from "../browser/browser.mjs";
import { SCREENS, lookAt, signIn } from "../browser/screens.mjs";

const base = need("HELIOSTAT_BASE_URL");
const user = need("HELIOSTAT_USER");

const basic = (name, password) => ({ Authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}` });

/** What the server answers to who shows a password of the user. */
async function statusWith(password) {
  const answer = await fetch(`${base}/rest/api/latest/users`, { headers: basic(user, password) });
  return answer.status;
}

/** What an administrator does on the command line. */
async function setPassword(password) {
  const answer = await fetch(`${base}/rest/api/latest/admin/users/credentials`, {
    method: "PUT",
    headers: { ...basic("admin", need("HELIOSTAT_PASSWORD")), "Content-Type": "application/json" },
    body: JSON.stringify({ name: user, password, passwordConfirm: password }),
  });
  assert.equal(answer.status, 204);
}

/** The whole story on one screen; answers the password with which it ends. */
async function visit(screen, present, page, guard) {
  const see = lookAt(page, guard, screen);
  const [own, given, last] = ["own", "given", "last"].map((word) => `${word} password on a ${screen} screen`);
  const field = (form, name) => page.locator(`#${form} [name=${name}]`);
  const signOut = async () => {
    await page.locator("#sign-out").click();
    await page.locator("#sign-in").waitFor();
  };

  // A user changes their own.
  await page.goto(`${base}/account`);
  await signIn(page, user, present);
  const change = async (old, chosen, again) => {
    await field("change-password", "originalPassword").fill(old);
    await field("change-password", "password").fill(chosen);
    await field("change-password", "passwordConfirm").fill(again);
    await page.keyboard.press("Enter");
  };
  for (const [name, kind] of [["originalPassword", "current-password"], ["password", "new-password"], ["passwordConfirm", "new-password"]]) {
    assert.equal(await field("change-password", name).getAttribute("autocomplete"), kind);
  }
  assert.equal(await field("change-password", "username").inputValue(), user, "what keeps passwords learns whose it is");
  await change(present, own, "a slip of the hand");
  await page.locator("#password-problem", { hasText: "differ" }).waitFor();
  guard.announce(400);
  await change("a guess", own, own);
  await page.locator("#password-problem", { hasText: "present password" }).waitFor();
  await see("refused");
  assert.equal(await statusWith(present), 200, "nothing has changed");
  await change(present, own, own);
  await page.locator("#password-changed", { hasText: "changed" }).waitFor();
  assert.equal(await page.locator("#password-problem").isVisible(), false);
  assert.equal(await field("change-password", "password").inputValue(), "", "what was typed does not stay");
  await see("changed");
  assert.deepEqual([await statusWith(present), await statusWith(own)], [401, 200]);
  // Here they are signed in still.
  await page.reload();
  await page.locator("#no-tokens").waitFor();
  await signOut();
  guard.announce(401);
  await field("sign-in", "username").fill(user);
  await field("sign-in", "password").fill(present);
  await page.keyboard.press("Enter");
  await page.locator("#problem", { hasText: "not valid" }).waitFor();
  await signIn(page, user, own);
  await page.locator("#no-tokens").waitFor();
  await signOut();

  // An administrator sets one for them; to their own it is another way.
  await page.goto(`${base}/users`);
  await signIn(page);
  const row = page.locator("#users tr", { hasText: user });
  const dialog = page.locator("#password-dialog");
  const set = async (chosen, again) => {
    await field("set-password", "password").fill(chosen);
    await field("set-password", "passwordConfirm").fill(again);
    await page.keyboard.press("Enter");
  };
  const mine = page.locator("#users tr").filter({ has: page.locator("a", { hasText: "Your account" }) });
  await mine.waitFor();
  assert.equal(await mine.locator("button").count(), 0);
  await enter(row.locator("button", { hasText: "Set password" }));
  await page.locator("#password-title", { hasText: user }).waitFor();
  await set(given, "a slip of the hand");
  await page.locator("#password-problem", { hasText: "differ" }).waitFor();
  await see("setting");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  assert.equal(await statusWith(own), 200, "nothing has changed");
  await enter(row.locator("button", { hasText: "Set password" }));
  await dialog.waitFor();
  assert.equal(await field("set-password", "password").inputValue(), "", "what was typed does not stay");
  assert.equal(await page.locator("#password-problem").isVisible(), false);
  await set(given, given);
  await page.locator("#password-set", { hasText: user }).waitFor();
  assert.equal(await dialog.isVisible(), false);
  await see("set");
  assert.deepEqual([await statusWith(own), await statusWith(given)], [401, 200]);
  await signOut();

  // A user who signs in before the page has learned that there is no session stays signed in.
  const happened = [];
  const { promise: typed, resolve: release } = Promise.withResolvers();
  await page.route(`${base}/console/session`, async (route) => {
    happened.push(route.request().method());
    if (route.request().method() !== "GET") return route.continue();
    const response = await route.fetch();
    await typed;
    happened.push("answered");
    await route.fulfill({ response });
  });
  await page.goto(`${base}/account`);
  await field("sign-in", "username").fill(user);
  await field("sign-in", "password").fill(given);
  await page.keyboard.press("Enter");
  // What the page sends at once has been sent when this is answered.
  await page.evaluate((url) => fetch(url).then((answer) => answer.text()), `${base}/status`);
  release();
  await page.locator("#signed-in").waitFor();
  await page.unroute(`${base}/console/session`);
  assert.deepEqual(happened, ["GET", "answered", "POST"]);

  // Who is signed in with a password that counts no more is told so, and signs in again.
  await page.locator("#no-tokens").waitFor();
  await setPassword(last);
  guard.announce(401);
  await page.reload();
  await page.locator("#problem", { hasText: "session is over" }).waitFor();
  for (const card of ["tokens", "create", "password"]) assert.equal(await page.locator(`#${card}-card`).isVisible(), false, card);
  assert.deepEqual(await page.context().cookies(), [], "a session that is over is left");
  await see("over");
  await signIn(page, user, last);
  await page.locator("#no-tokens").waitFor();
  assert.equal(await page.locator("#problem").isVisible(), false);
  return last;
}

let present = need("HELIOSTAT_USER_PASSWORD");
for (const [screen, options] of Object.entries(SCREENS)) {
  await inBrowser([base], async (page, guard) => {
    present = await visit(screen, present, page, guard);
  }, options);
}
