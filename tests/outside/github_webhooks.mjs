// Sends GitHub's published examples of deliveries, signed by GitHub's own library, and prints what was answered.

import { createRequire } from "node:module";
import { join } from "node:path";

const modules = createRequire(join(process.env.HELIOSTAT_NODE_MODULES, "from-here.js"));
const { Webhooks } = await import(modules.resolve("@octokit/webhooks"));
const published = modules("@octokit/webhooks-examples");
const { HELIOSTAT_HOOK, HELIOSTAT_HOOK_SECRET } = process.env;

const right = new Webhooks({ secret: HELIOSTAT_HOOK_SECRET });
const wrong = new Webhooks({ secret: `${HELIOSTAT_HOOK_SECRET}!` });

// Posts one delivery as GitHub does, and tells what came back.
async function deliver(signer, event, id, payload) {
  const body = JSON.stringify(payload);
  const headers = {
    "content-type": "application/json",
    "user-agent": "GitHub-Hookshot/044aadd",
    "x-github-delivery": id,
    "x-github-event": event,
    "x-hub-signature-256": await signer.sign(body),
  };
  const response = await fetch(HELIOSTAT_HOOK, { method: "POST", headers, body });
  return { event, status: response.status, body: await response.json() };
}

const answers = [];
for (const { name, examples } of published) {
  for (const [index, payload] of examples.entries()) {
    const id = `${name}-${index}`;
    const forged = await deliver(wrong, name, id, payload);
    const first = await deliver(right, name, id, payload);
    const again = await deliver(right, name, id, payload);
    answers.push({ event: name, repository: payload.repository?.full_name, forged, first, again });
  }
}
console.log(`answers ${JSON.stringify(answers)}`);
