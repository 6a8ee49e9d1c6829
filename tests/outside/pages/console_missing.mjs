// Who is not signed in, and a user without permissions, open what they may not see and what does not exist: both look the same.

import assert from "node:assert/strict";

import { enter, inBrowser, need } from "../browser/browser.mjs";
import { SCREENS, lookAt } from "../browser/screens.mjs";

const base = need("HELIOSTAT_BASE_URL");
const key = need("HELIOSTAT_PROJECT_KEY");
const slug = need("HELIOSTAT_REPOSITORY");
const NONE = "there-is-none";

const visit = (screen) => async (page, guard) => {
  const see = lookAt(page, guard, screen);
  const missing = page.locator("#missing-card");
  const invitation = missing.locator("a", { hasText: "Sign in" });

  /** What a page says at which nothing is to be seen, without the name in its address. The browser notes the refusals. */
  const saidAt = async (path, name, refusals) => {
    for (const status of refusals) guard.announce(status);
    await page.goto(`${base}/${path}${name}`);
    await missing.waitFor();
    await guard.answered();
    // It asks for the repositories when it knows that there is no such project.
    if (path === "projects/") await page.locator("#found", { hasText: "No repository is found." }).waitFor();
    await page.waitForLoadState("networkidle");
    const said = await page.locator("body").innerText();
    assert.ok(said.includes(name) && said.includes("There is no such project or repository"), said);
    return said.replaceAll(name, "NAME");
  };
  const lookTheSame = async (path, hidden, refusals) => {
    const said = await saidAt(path, NONE, refusals);
    assert.equal(await saidAt(path, hidden, refusals), said);
  };
  const repositories = `projects/${key}/repos/`;

  await lookTheSame(repositories, slug, [401, 401]);
  assert.equal(await page.locator("#problem").isVisible(), false);
  await see("hidden-repository");
  await lookTheSame("projects/", key, []);
  await see("hidden-project");

  // The invitation leads to the form. Signed in, there is no permission for the project, either.
  await enter(invitation);
  await page.waitForURL(`${base}/projects/${key}#sign-in`);
  guard.announce(404);
  await page.locator("#sign-in [name=username]").fill(need("HELIOSTAT_USER"));
  await page.locator("#sign-in [name=password]").fill(need("HELIOSTAT_USER_PASSWORD"));
  await page.keyboard.press("Enter");
  await page.locator("#signed-in").waitFor();
  await guard.answered();
  await missing.waitFor();
  assert.equal(await invitation.isVisible(), false, "who is signed in is not told to sign in");
  await lookTheSame("projects/", key, [404]);
  await lookTheSame(repositories, slug, [404, 404]);
  assert.equal(await page.locator("#clone-card").isVisible(), false, "there is nothing to clone");
  await see("missing-repository");

  await enter(missing.locator("a", { hasText: "all repositories" }));
  await page.waitForURL(`${base}/projects`);
  await page.locator("#no-repositories").waitFor();
  assert.equal(await missing.isVisible(), false);
};

for (const [screen, options] of Object.entries(SCREENS)) await inBrowser([base], visit(screen), options);
