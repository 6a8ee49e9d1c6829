//! The one place that decides who may do what on the upstream.
//!
//! Each function either lets the caller pass or says why not. Callers without credentials are asked for some;
//! things that a caller may not see look to him as if they did not exist.

use heliostat_auth::{Caller, GlobalPermission, ProjectPermission, RepositoryPermission, UserIdentity};
use heliostat_refusal::Refusal;
use heliostat_storage::{MirrorServerId, UserId, Visibility};

/// Anybody who has shown who he is.
pub(crate) fn authenticated(caller: &Caller) -> Result<(), Refusal> {
    pass_if(caller, caller.is_authenticated(), "")
}

/// Users, for what belongs to a user. Other credentials are the wrong ones rather than insufficient.
pub(crate) fn user(caller: &Caller) -> Result<&UserIdentity, Refusal> {
    caller
        .user()
        .ok_or_else(|| Refusal::unauthenticated("Only users can do this. Send a user's credentials."))
}

/// Mirrors, any of them. Other credentials are the wrong ones rather than insufficient.
pub(crate) fn mirror(caller: &Caller) -> Result<&str, Refusal> {
    caller.mirror_id().ok_or_else(|| Refusal::unauthenticated("Only mirrors can do this. Sign the request."))
}

/// One mirror, for what belongs to it.
pub(crate) fn this_mirror(caller: &Caller, id: &MirrorServerId) -> Result<(), Refusal> {
    pass_if(caller, caller.mirror_id() == Some(id.as_str()), "Only the mirror itself can do this.")
}

/// One mirror, or an administrator of the server.
pub(crate) fn this_mirror_or_sys_admin(caller: &Caller, id: &MirrorServerId) -> Result<(), Refusal> {
    let permitted = caller.mirror_id() == Some(id.as_str()) || caller.is_sys_admin();
    pass_if(caller, permitted, "Only the mirror itself and users with SYS_ADMIN can do this.")
}

/// Mirrors and administrators.
pub(crate) fn mirror_or_admin(caller: &Caller) -> Result<(), Refusal> {
    let permitted = caller.mirror_id().is_some() || caller.is_admin();
    pass_if(caller, permitted, "Only mirrors and administrators can do this.")
}

/// Users with ADMIN or SYS_ADMIN.
pub(crate) fn admin(caller: &Caller) -> Result<(), Refusal> {
    pass_if(caller, caller.is_admin(), "This needs the permission ADMIN.")
}

/// Users with SYS_ADMIN.
pub(crate) fn sys_admin(caller: &Caller) -> Result<(), Refusal> {
    pass_if(caller, caller.is_sys_admin(), "This needs the permission SYS_ADMIN.")
}

/// Whoever may give or take this global permission: nobody raises anybody above himself.
pub(crate) fn grant_global(caller: &Caller, permission: GlobalPermission) -> Result<(), Refusal> {
    admin(caller)?;
    let message = format!("Only a user with {permission} can give or take {permission}.");
    pass_if(caller, caller.global() >= Some(permission), &message)
}

/// Users who may create projects.
pub(crate) fn create_project(caller: &Caller) -> Result<(), Refusal> {
    let permitted = caller.global() >= Some(GlobalPermission::ProjectCreate);
    pass_if(caller, permitted, "This needs the permission PROJECT_CREATE.")
}

/// The user himself, or an administrator of the server. A token with a bound cannot make one without.
pub(crate) fn self_or_sys_admin(caller: &Caller, id: UserId) -> Result<(), Refusal> {
    let own = caller.user().is_some_and(|user| user.id == id.0) && caller.token_scope().is_none();
    pass_if(
        caller,
        own || caller.is_sys_admin(),
        "Only the user himself and users with SYS_ADMIN can do this.",
    )
}

/// Who holds at least `needed` on a project. Without PROJECT_READ the project does not exist for the caller.
pub(crate) fn on_project(
    caller: &Caller,
    held: Option<ProjectPermission>,
    needed: ProjectPermission,
    key: &str,
) -> Result<(), Refusal> {
    if held.is_none() {
        return Err(hidden(caller, "project", key));
    }
    pass_if(caller, held >= Some(needed), &format!("This needs the permission {needed} on project {key}."))
}

/// Who holds at least `needed` on a repository. Without REPO_READ the repository does not exist for the caller.
pub(crate) fn on_repository(
    caller: &Caller,
    held: Option<RepositoryPermission>,
    needed: RepositoryPermission,
    name: &str,
) -> Result<(), Refusal> {
    if held.is_none() {
        return Err(hidden(caller, "repository", name));
    }
    pass_if(
        caller,
        held >= Some(needed),
        &format!("This needs the permission {needed} on repository {name}."),
    )
}

/// Which projects and repositories a list may show.
pub(crate) fn visibility(caller: &Caller) -> Visibility {
    match caller {
        Caller::Mirror { .. } => Visibility::All,
        Caller::User(user) | Caller::LimitedUser { user, .. }
            if user.global >= Some(GlobalPermission::Admin) =>
        {
            Visibility::All
        }
        Caller::LimitedUser { scope, .. } if scope.repository.is_none() => Visibility::Public,
        Caller::User(user) | Caller::LimitedUser { user, .. } => Visibility::User(UserId(user.id)),
        Caller::Anonymous | Caller::Upstream { .. } => Visibility::Public,
    }
}

/// The answer for something that is not there, or not there for this caller: the two must look the same.
pub(crate) fn hidden(caller: &Caller, what: &'static str, name: &str) -> Refusal {
    if caller.is_authenticated() {
        Refusal::not_found(what, format!("The {what} {name} does not exist, or you may not see it."))
    } else {
        credentials_needed()
    }
}

fn pass_if(caller: &Caller, permitted: bool, message: &str) -> Result<(), Refusal> {
    if permitted { Ok(()) } else { Err(denied(caller, message)) }
}

fn denied(caller: &Caller, message: &str) -> Refusal {
    if caller.is_authenticated() { Refusal::forbidden(message) } else { credentials_needed() }
}

fn credentials_needed() -> Refusal {
    Refusal::unauthenticated("You are not permitted to access this resource. Send credentials.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::user as a_user;

    fn callers() -> [(&'static str, Caller); 6] {
        [
            ("anonymous", Caller::Anonymous),
            ("user", a_user(Some(GlobalPermission::LicensedUser))),
            ("creator", a_user(Some(GlobalPermission::ProjectCreate))),
            ("admin", a_user(Some(GlobalPermission::Admin))),
            ("sysadmin", a_user(Some(GlobalPermission::SysAdmin))),
            ("mirror", Caller::Mirror { id: "AAAA-BBBB-CCCC-DDDD".into() }),
        ]
    }

    fn who_passes(rule: impl Fn(&Caller) -> Result<(), Refusal>) -> Vec<&'static str> {
        callers().into_iter().filter(|(_, caller)| rule(caller).is_ok()).map(|(name, _)| name).collect()
    }

    #[test]
    fn each_rule_lets_pass_exactly_whom_it_should() {
        let own = MirrorServerId::from("AAAA-BBBB-CCCC-DDDD");
        let other = MirrorServerId::from("EEEE-BBBB-CCCC-DDDD");
        assert_eq!(who_passes(authenticated), ["user", "creator", "admin", "sysadmin", "mirror"]);
        assert_eq!(who_passes(|caller| user(caller).map(|_| ())), ["user", "creator", "admin", "sysadmin"]);
        assert_eq!(who_passes(|caller| mirror(caller).map(|_| ())), ["mirror"]);
        assert_eq!(who_passes(|caller| this_mirror(caller, &own)), ["mirror"]);
        assert_eq!(who_passes(|caller| this_mirror(caller, &other)), [] as [&str; 0]);
        assert_eq!(who_passes(|caller| this_mirror_or_sys_admin(caller, &own)), ["sysadmin", "mirror"]);
        assert_eq!(who_passes(|caller| this_mirror_or_sys_admin(caller, &other)), ["sysadmin"]);
        assert_eq!(who_passes(mirror_or_admin), ["admin", "sysadmin", "mirror"]);
        assert_eq!(who_passes(admin), ["admin", "sysadmin"]);
        assert_eq!(who_passes(sys_admin), ["sysadmin"]);
        assert_eq!(who_passes(create_project), ["creator", "admin", "sysadmin"]);
        assert_eq!(who_passes(|caller| grant_global(caller, GlobalPermission::SysAdmin)), ["sysadmin"]);
        assert_eq!(
            who_passes(|caller| grant_global(caller, GlobalPermission::LicensedUser)),
            ["admin", "sysadmin"]
        );
        assert_eq!(who_passes(|caller| self_or_sys_admin(caller, UserId(99))), ["sysadmin"]);
        let own = who_passes(|caller| self_or_sys_admin(caller, UserId(7)));
        assert_eq!(own, ["user", "creator", "admin", "sysadmin"]);
    }

    #[test]
    fn what_may_not_be_seen_does_not_exist() {
        let someone = a_user(None);
        let read = RepositoryPermission::Read;
        let hidden = on_repository(&someone, None, read, "APP/engine").expect_err("no permission");
        assert!(matches!(hidden, Refusal::NotFound { .. }));
        let asked = on_repository(&Caller::Anonymous, None, read, "APP/engine").expect_err("no permission");
        assert!(matches!(asked, Refusal::Unauthenticated { .. }));
        let reader = on_repository(&someone, Some(read), RepositoryPermission::Write, "APP/engine");
        assert!(matches!(reader, Err(Refusal::Forbidden { .. })));
        assert!(on_repository(&someone, Some(read), read, "APP/engine").is_ok());
    }
}
