// Swagger UI and the reader of one role, on a wide screen and on a phone: both can be used there, and say where to go from
// an address that is not the server's own.

import { accessible } from "../browser/accessible.mjs";
import { inBrowser, need } from "../browser/browser.mjs";
import { SCREENS, fits, lookAt } from "../browser/screens.mjs";
import { BROKEN, filter, leadsToItsOwnAddress, openSwaggerUi, tryOut } from "./swagger_page.mjs";

const base = need("HELIOSTAT_BASE_URL");
const operation = need("HELIOSTAT_OPERATION");

const visit = (screen) => async (page, guard) => {
  const see = lookAt(page, guard, screen);
  await openSwaggerUi(page, base);
  await see("swagger-ui", BROKEN.closed);
  await filter(page, operation);
  await page.locator(".opblock").first().waitFor();
  const open = await tryOut(page, operation);
  await fits(page, `an operation that is open on the ${screen}`);
  await guard.screenshot(`${screen}-operation`, open);

  await page.goto(`${base}/openapi/`);
  await page.locator("main h1").first().waitFor();
  await fits(page, `the reader on the ${screen}`);
  await guard.screenshot(`${screen}-reader`);
  await accessible(page, BROKEN.reader, BROKEN.longExamples);
};

for (const [screen, options] of Object.entries(SCREENS)) await inBrowser([base], visit(screen), options);
await leadsToItsOwnAddress(base);
