// The access tokens and the password of who is signed in.

let slug = null;
const tokensOf = (owner) => at`rest/access-tokens/latest/users/${owner}`;
const path = () => tokensOf(slug);

function tokenRow({ id, name, permissions, createdDate, lastAuthenticated, expiryDate }) {
  const remove = buttonOn(name, "Delete", "danger", () => send("DELETE", `${path()}/${encodeURIComponent(id)}`), showTokens);
  const acts = make("td", remove);
  acts.className = "acts";
  const expires = expiryDate === undefined ? "never" : time(expiryDate);
  return row(
    headingsOf("tokens"),
    make("td", make("b", name)),
    make("td", permissions.join(", ")),
    make("td", time(createdDate)),
    make("td", time(lastAuthenticated)),
    make("td", expires),
    acts,
  );
}

/** The name in addresses of who is signed in. */
async function findSlug() {
  const isMine = ({ name }) => name.toLowerCase() === username.toLowerCase();
  const users = await all(`rest/api/latest/users?filter=${encodeURIComponent(username)}`);
  return users.find(isMine)?.slug ?? username.toLowerCase();
}

async function readTokens() {
  const owner = slug ?? (await findSlug());
  return { owner, tokens: await all(tokensOf(owner)) };
}

const showTokens = newest(readTokens, ({ owner, tokens }) => {
  slug = owner;
  refillTable("tokens", tokens.map((token) => ({ says: token, row: () => tokenRow(token) })));
  element("tokens-card").hidden = element("create-card").hidden = false;
});

async function refresh() {
  element("tokens-card").hidden = element("create-card").hidden = true;
  element("password-card").hidden = username === null;
  if (username !== null) await showTokens();
}

onSubmit("create", async ({ name, permission, expiryDays }) => {
  const wanted = { name: name.value, permissions: [permission.value] };
  if (expiryDays.value) wanted.expiryDays = Number(expiryDays.value);
  const owner = username;
  const { token } = await send("PUT", path(), wanted);
  // A secret is for who has asked for it, and not for who has signed in since.
  if (username !== owner) return;
  element("secret").replaceChildren(command(token));
  element("secret-card").hidden = false;
  name.value = "";
  await refresh();
});

onSubmit("change-password", async (fields, form) => {
  note("password-changed", "");
  const chosen = typedTwice(fields);
  const owner = username;
  await send("PUT", "rest/api/latest/users/credentials", { originalPassword: fields.originalPassword.value, ...chosen });
  if (username !== owner) return;
  form.reset();
  // The session stood for the old one. Should this fail, the next question tells that it is over.
  await beginSession(owner, chosen.password).catch(() => null);
  // A user who has signed out meanwhile stays signed out.
  if (username === null) await leaveSession();
  if (username !== owner) return;
  note("password-changed", "Your password is changed.");
  await showTokens();
}, "password-problem");

withSession(async () => {
  slug = null;
  const form = element("change-password");
  // For what keeps passwords: whose it is.
  form.elements.username.defaultValue = username ?? "";
  form.reset();
  note("password-problem", "");
  note("password-changed", "");
  element("secret-card").hidden = true;
  element("secret").replaceChildren();
  note("problem", "");
  await refresh();
});
