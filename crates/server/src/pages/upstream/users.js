// The users of this server: all, or the one of the address. Administrators create and delete them, and set their passwords.

const [, slugInAddress] = location.pathname.slice(root.length).split("/").map(decodeURIComponent);
const form = element("search");

/** What administrators may do with a user. For their own account it is only a link, against slips. */
function actsOn(user) {
  if (user.name.toLowerCase() === username.toLowerCase()) return [pageLink("account", "Your account")];
  const remove = async () => {
    show("delete-title", `Delete ${user.name}?`);
    if (await confirmed("delete-dialog")) await send("DELETE", `rest/api/latest/admin/users?name=${encodeURIComponent(user.name)}`);
  };
  const removal = user.deletable ? [buttonOn(user.name, "Delete", "danger", remove, askAgain)] : [];
  return [buttonOn(user.name, "Set password", "quiet", () => openPassword(user)), ...removal];
}

function openPassword({ name }) {
  const form = element("set-password");
  form.reset();
  form.elements.username.value = name;
  note("password-problem", "");
  note("password-set", "");
  show("password-title", `Set the password of ${name}`);
  element("password-dialog").showModal();
}

onSubmit("set-password", async (fields) => {
  const name = fields.username.value;
  await send("PUT", "rest/api/latest/admin/users/credentials", { name, ...typedTwice(fields) });
  element("password-dialog").close();
  note("password-set", `The password of ${name} is changed.`);
}, "password-problem");

element("password-cancel").addEventListener("click", () => element("password-dialog").close());
// What was typed does not stay behind, however the dialog was left.
element("password-dialog").addEventListener("close", () => element("set-password").reset());

function userRow(user, administers) {
  const acts = make("td", ...(administers ? actsOn(user) : []));
  acts.className = "acts";
  return row(
    headingsOf("users"),
    make("td", make("b", pageLink(at`users/${user.slug}`, user.name)), user.active ? "" : " (not active)"),
    make("td", user.displayName),
    make("td", user.emailAddress ?? ""),
    make("td", time(user.lastAuthenticationTimestamp)),
    acts,
  );
}

/** As administrators see them, or as everybody who is signed in does. */
async function listed() {
  const one = slugInAddress ? await ask(at`rest/api/latest/users/${slugInAddress}`) : null;
  const filter = encodeURIComponent(one?.name ?? form.elements.filter.value);
  try {
    const found = await all(`rest/api/latest/admin/users?filter=${filter}`);
    return { users: one ? found.filter(({ id }) => id === one.id) : found, administers: true };
  } catch (error) {
    if (error.status !== 403) throw error;
    return { users: one ? [one] : await all(`rest/api/latest/users?filter=${filter}`), administers: false };
  }
}

const showUsers = newest(listed, ({ users, administers }) => {
  refillTable("users", users.map((user) => {
    // What may be done with a user depends on who is signed in.
    return { says: [user, administers, username], row: () => userRow(user, administers) };
  }));
  if (slugInAddress && users.length > 0) showHeading(users[0].displayName);
  form.hidden = Boolean(slugInAddress);
  element("users-card").hidden = false;
  element("create-card").hidden = !administers || Boolean(slugInAddress);
});

/** Asks again while what is shown stays, and with it the focus. */
async function askAgain() {
  if (username === null) return;
  await showUsers();
  if (!slugInAddress) await showPermissions();
}

async function refresh() {
  for (const card of ["users", "create", "permissions"]) element(`${card}-card`).hidden = true;
  await askAgain();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  refresh();
});

onSubmit("create", async ({ name, displayName, emailAddress, password }, sent) => {
  note("created", "");
  const wanted = { name: name.value, displayName: displayName.value, password: password.value };
  if (emailAddress.value) wanted.emailAddress = emailAddress.value;
  password.value = "";
  // In the body: addresses are written into logs.
  await send("POST", "rest/api/latest/admin/users", wanted);
  note("created", `${name.value} can sign in now. Permissions for projects and repositories are granted on their pages.`);
  sent.reset();
  await refresh();
});

const showPermissions = permissionsCard("rest/api/latest/admin/permissions/users", "Permissions for the whole server", [
  ["LICENSED_USER", "sign in"],
  ["PROJECT_CREATE", "create projects"],
  ["ADMIN", "administer"],
  ["SYS_ADMIN", "administer, and appoint those who do"],
]);

withSession(async () => {
  element("password-dialog").close();
  forgetHeading();
  note("password-set", "");
  note("created", "");
  note("problem", "");
  await refresh();
});
