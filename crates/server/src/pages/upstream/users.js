// The users of this server: all, or the one of the address. Administrators create and delete them.

const [, slugInAddress] = location.pathname.slice(root.length).split("/").map(decodeURIComponent);
const form = element("search");
let doomed = null;

function userRow(user) {
  const acts = make("td");
  acts.className = "acts";
  // Nobody deletes themselves by a slip.
  if (user.deletable && user.name !== username) {
    acts.append(button("Delete", "danger", async () => {
      doomed = user;
      show("delete-title", `Delete ${user.name}?`);
      element("delete-dialog").showModal();
    }));
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
  if (slugInAddress) return [await ask(at`rest/api/latest/users/${slugInAddress}`)];
  const filter = encodeURIComponent(form.elements.filter.value);
  try {
    const users = await all(`rest/api/latest/admin/users?filter=${filter}`);
    element("create-card").hidden = false;
    return users;
  } catch (error) {
    if (error.status !== 403) throw error;
    return all(`rest/api/latest/users?filter=${filter}`);
  }
}

async function refresh() {
  element("users-card").hidden = element("create-card").hidden = true;
  if (username === null) return;
  try {
    const users = await listed();
    fillTable("users", users.map(userRow));
    if (slugInAddress) show("heading", users[0].displayName);
    form.hidden = Boolean(slugInAddress);
    element("users-card").hidden = false;
  } catch (error) {
    note("problem", error.message);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  refresh();
});

element("create").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, displayName, password } = event.target.elements;
  note("created", "");
  note("problem", "");
  try {
    // In the body: addresses are written into logs.
    await send("POST", "rest/api/latest/admin/users", { name: name.value, displayName: displayName.value, password: password.value });
    note("created", `${name.value} can sign in now. Permissions are granted per project and repository.`);
    event.target.reset();
  } catch (error) {
    note("problem", error.message);
  }
  password.value = "";
  await refresh();
});

element("delete-confirm").addEventListener("click", async (event) => {
  event.preventDefault();
  element("delete-dialog").close();
  try {
    await send("DELETE", `rest/api/latest/admin/users?name=${encodeURIComponent(doomed.name)}`);
    note("problem", "");
  } catch (error) {
    note("problem", error.message);
  }
  await refresh();
});

withSession(async () => {
  note("problem", "");
  await refresh();
});
