// What pages are looked at on: a wide screen and, in the dark, a phone.

import assert from "node:assert/strict";

import { accessible } from "./accessible.mjs";
import { need } from "./browser.mjs";

export const SCREENS = {
  wide: { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: "dark" },
};

/** Looks at a page as it is now: it can be used by everybody, is no wider than the screen, and there is a picture of it. */
export const lookAt = (page, guard, screen) => async (name, excepted = {}) => {
  await accessible(page, excepted);
  await fits(page, name);
  await guard.screenshot(`${screen}-${name}`, page.locator("body"));
};

/** Fails if the page is wider than the window. */
export async function fits(page, name) {
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(beyond <= 0, `${name} is ${beyond} pixels wider than ${page.viewportSize().width}`);
}

/** Signs in, as the administrator unless another user is named, by the keyboard alone. */
export async function signIn(page, name = "admin", password = need("HELIOSTAT_PASSWORD")) {
  await page.locator("#sign-in [name=username]").fill(name);
  await page.locator("#sign-in [name=password]").fill(password);
  await page.keyboard.press("Enter");
  await page.locator("#signed-in").waitFor();
}
