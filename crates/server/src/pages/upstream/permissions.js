// Who has which permission in one place: a project, a repository, or the whole server. Those who administer it grant and revoke.

/**
 * The card of the permissions that are administered below `path`. `levels` are their names and words, from the lowest to the
 * highest. Returns what shows the card to those who may see it.
 */
function permissionsCard(path, title, levels) {
  const wordOf = (level) => levels.find(([name]) => name === level)?.[1] ?? level;
  show("permissions-title", title);
  element("grant").elements.level.replaceChildren(...levels.map(([name, word]) => option(name, word)));

  const permissionRow = ({ user, permission }) => {
    const revoke = () => send("DELETE", `${path}?${new URLSearchParams({ name: user.name })}`);
    const acts = make("td", buttonOn(`the permission of ${user.name}`, "Revoke", "danger", revoke, refreshPermissions));
    acts.className = "acts";
    const name = make("td", make("b", pageLink(at`users/${user.slug}`, user.name)));
    return row(headingsOf("permissions"), name, make("td", user.displayName), make("td", wordOf(permission)), acts);
  };

  const showGranted = newest(async () => [await all(path), await all("rest/api/latest/users")], ([granted, users]) => {
    refillTable("permissions", granted.map((one) => {
      const { user: { name, slug, displayName }, permission } = one;
      return { says: [name, slug, displayName, permission], row: () => permissionRow(one) };
    }));
    element("known-users").replaceChildren(...users.map(({ name, displayName }) => option(name, displayName)));
    element("permissions-card").hidden = false;
  }, tellUnlessRefused);

  const refreshPermissions = async () => {
    if (username !== null) await showGranted();
  };

  onSubmit("grant", async ({ user, level }, form) => {
    note("granted", "");
    await send("PUT", `${path}?${new URLSearchParams({ name: user.value, permission: level.value })}`);
    note("granted", `${user.value} may ${wordOf(level.value)} now.`);
    form.reset();
    await refreshPermissions();
  });

  return refreshPermissions;
}

/** The levels in a project (`PROJECT`) or a repository (`REPO`). */
const levelsOf = (kind) => [[`${kind}_READ`, "read"], [`${kind}_WRITE`, "read and push"], [`${kind}_ADMIN`, "administer"]];
