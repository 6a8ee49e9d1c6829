// The users of this server: all, or the one of the address. Administrators create and delete them.

const [, slugInAddress] = location.pathname.slice(root.length).split("/").map(decodeURIComponent);
const form = element("search");

function userRow(user) {
  const acts = make("td");
  acts.className = "acts";
  // Nobody deletes themselves by a slip.
  if (user.deletable && user.name !== username) {
    const remove = async () => {
      show("delete-title", `Delete ${user.name}?`);
      if (await confirmed("delete-dialog")) await send("DELETE", `rest/api/latest/admin/users?name=${encodeURIComponent(user.name)}`);
    };
    acts.append(button("Delete", "danger", remove, refresh));
  }
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
  if (slugInAddress) return { users: [await ask(at`rest/api/latest/users/${slugInAddress}`)], administers: false };
  const filter = encodeURIComponent(form.elements.filter.value);
  try {
    return { users: await all(`rest/api/latest/admin/users?filter=${filter}`), administers: true };
  } catch (error) {
    if (error.status !== 403) throw error;
    return { users: await all(`rest/api/latest/users?filter=${filter}`), administers: false };
  }
}

const showUsers = newest(listed, ({ users, administers }) => {
  fillTable("users", users.map(userRow));
  if (slugInAddress) show("heading", users[0].displayName);
  form.hidden = Boolean(slugInAddress);
  element("users-card").hidden = false;
  element("create-card").hidden = !administers;
});

async function refresh() {
  for (const card of ["users", "create", "permissions"]) element(`${card}-card`).hidden = true;
  if (username === null) return;
  await showUsers();
  if (!slugInAddress) await showPermissions();
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
  note("problem", "");
  await refresh();
});
