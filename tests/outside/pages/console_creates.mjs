// An administrator makes a project, a repository in it, its webhook and permissions, by the keyboard, on every screen.

import assert from "node:assert/strict";

import { accessible } from "../browser/accessible.mjs";
import { enter, inBrowser, need } from "../browser/browser.mjs";
import { SCREENS, lookAt, signIn } from "../browser/screens.mjs";

const base = need("HELIOSTAT_BASE_URL");
const user = need("HELIOSTAT_USER");

const visit = (screen) => async (page, guard) => {
  const key = screen.toUpperCase();
  const see = lookAt(page, guard, screen);
  const send = (form) => enter(page.locator(`${form} button`).last());
  const problem = page.locator("#problem");

  await page.goto(`${base}/projects`);
  assert.equal(await page.locator("#create-project").isVisible(), false, "who is not signed in makes nothing");
  await signIn(page);
  await page.locator("#create-project [name=key]").fill(key.toLowerCase());
  await page.locator("#create-project [name=name]").fill(`What is seen on the ${screen}`);
  await page.keyboard.press("Enter");
  await page.waitForURL(`${base}/projects/${key}`);
  const permitted = page.locator("#permissions tr", { hasText: user });
  await page.locator("#permissions-card").waitFor();
  await see("project");

  // What is refused is told, and stays typed.
  guard.announce(409);
  await page.locator("#create-project [name=key]").fill(key);
  await page.locator("#create-project [name=name]").fill("Another");
  await send("#create-project");
  await problem.waitFor();
  assert.equal(await page.locator("#create-project [name=name]").inputValue(), "Another");

  await page.locator("#grant [name=user]").fill(user);
  await page.locator("#grant select").selectOption("PROJECT_READ");
  await send("#grant");
  await permitted.locator("td", { hasText: "read" }).waitFor();
  assert.equal(await problem.isVisible(), false);
  await enter(permitted.locator("button"));
  await permitted.waitFor({ state: "detached" });
  guard.announce(404);
  await page.locator("#grant [name=user]").fill("there-is-none");
  await send("#grant");
  await problem.waitFor();

  assert.equal(await page.locator("#create-repository select").inputValue(), key, "the project of the page is chosen");
  await page.locator("#create-repository [name=description]").fill("A first one.");
  await page.locator("#create-repository [name=name]").fill("First Light");
  // It follows no other server, which its page asks.
  guard.announce(404);
  await page.keyboard.press("Enter");
  await page.waitForURL(`${base}/projects/${key}/repos/first-light`);
  await page.locator("#clone pre", { hasText: `/scm/${screen}/first-light.git` }).waitFor();
  assert.ok((await page.title()).startsWith(`${key}/first-light · `), await page.title());
  // What is empty says how it is filled.
  await page.locator("#no-branches", { hasText: "no branch yet" }).waitFor();
  await page.locator("#first-push pre", { hasText: `/scm/${screen}/first-light.git HEAD` }).waitFor();

  await page.locator("#create-webhook [name=name]").fill("CI");
  await page.locator("#create-webhook [name=url]").fill(need("HELIOSTAT_RECEIVER"));
  await page.locator("#create-webhook [name=secret]").fill("known to both");
  const pushed = page.locator("#create-webhook [value='repo:refs_changed']");
  await pushed.uncheck();
  await send("#create-webhook");
  await page.locator("#problem", { hasText: "one event" }).waitFor();
  await pushed.check();
  await page.locator("#create-webhook [value='mirror:repo_synchronized']").check();
  await send("#create-webhook");
  const webhook = page.locator("#webhooks tr", { hasText: "CI" });
  await webhook.locator("td", { hasText: "repo:refs_changed, mirror:repo_synchronized" }).waitFor();
  await enter(webhook.locator("button", { hasText: "Log" }));
  await page.locator("#no-log").waitFor();
  await enter(webhook.locator("button", { hasText: "Test" }));
  await page.locator("#test-result", { hasText: "SUCCESS" }).waitFor();

  await page.locator("#grant [name=user]").fill(user);
  await page.locator("#grant select").selectOption("REPO_WRITE");
  await send("#grant");
  await permitted.locator("td", { hasText: "read and push" }).waitFor();
  await see("repository");

  const dialog = page.locator("#delete-webhook-dialog");
  const remove = webhook.locator("button", { hasText: "Delete" });
  await enter(remove);
  await dialog.waitFor();
  await accessible(page);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  assert.equal(await webhook.count(), 1, "nothing is deleted unasked");
  await enter(remove);
  await dialog.waitFor();
  await enter(dialog.locator("button", { hasText: "Delete" }));
  await webhook.waitFor({ state: "detached" });

  // Who signs out leaves nothing behind.
  await page.goto(`${base}/projects/${key}`);
  await page.locator("#permissions-card").waitFor();
  await page.locator("#create-repository-card").waitFor();
  await enter(page.locator("#sign-out"));
  await page.locator("#sign-in").waitFor();
  for (const card of ["permissions", "create-repository", "create-project"]) await page.locator(`#${card}-card`).waitFor({ state: "hidden" });
  // Nor the name of the project, which only those may know who may read it.
  assert.ok((await page.title()).startsWith(`${key} · Repositories`), await page.title());
};

for (const [screen, options] of Object.entries(SCREENS)) await inBrowser([base], visit(screen), options);
