//! Who may do what with the mirrors that follow this server; and values that say that a caller was asked.
//!
//! What needs a right takes a value of this module. Only the functions here make them, so a call without
//! permission does not compile. Callers without credentials are asked for some; things that a caller may not see look
//! as if they did not exist.

use heliostat_auth::{Caller, GlobalPermission, UserIdentity};
use heliostat_refusal::Refusal;
use heliostat_storage::{MirrorServerId, UserId, Visibility};

/// Declares permissions that say no more than who was permitted.
macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name<'a>(&'a Caller);

        impl<'a> $name<'a> {
            /// Who was permitted.
            pub fn caller(self) -> &'a Caller {
                self.0
            }
        }
    )*};
}

permissions! {
    /// A caller whose credentials hold: a user or a mirror.
    Authenticated;
    /// A mirror that has joined.
    MirrorCaller;
    /// A mirror, or a user with ADMIN.
    MirrorOrAdministrator;
    /// A user with ADMIN or SYS_ADMIN.
    Administrator;
    /// A user with SYS_ADMIN.
    SystemAdministrator;
}

/// A user, for what belongs to a user.
#[derive(Debug, Clone, Copy)]
pub struct SignedInUser<'a>(&'a UserIdentity);

impl SignedInUser<'_> {
    /// Which user.
    pub fn id(self) -> UserId {
        UserId(self.0.id)
    }
}

/// The mirror with this id has called.
#[derive(Debug, Clone)]
pub struct ThisMirror(MirrorServerId);

impl ThisMirror {
    /// Which mirror.
    pub fn id(&self) -> &MirrorServerId {
        &self.0
    }
}

/// The mirror with this id, or an administrator of the server, has called.
#[derive(Debug, Clone)]
pub struct MirrorKeeper(MirrorServerId);

impl MirrorKeeper {
    /// Which mirror may be changed.
    pub fn id(&self) -> &MirrorServerId {
        &self.0
    }
}

/// Any caller whose credentials hold.
pub fn authenticated(caller: &Caller) -> Result<Authenticated<'_>, Refusal> {
    pass_if(caller, caller.is_authenticated(), "")?;
    Ok(Authenticated(caller))
}

/// Users, for what belongs to a user. Other credentials are the wrong ones rather than insufficient.
pub fn user(caller: &Caller) -> Result<SignedInUser<'_>, Refusal> {
    let user = caller.user();
    let user =
        user.ok_or_else(|| Refusal::unauthenticated("Only users can do this. Send a user's credentials."));
    Ok(SignedInUser(user?))
}

/// Mirrors, any of them. Other credentials are the wrong ones rather than insufficient: as published, 401 and never 403.
pub fn mirror(caller: &Caller) -> Result<MirrorCaller<'_>, Refusal> {
    match caller.mirror_id() {
        Some(_) => Ok(MirrorCaller(caller)),
        None => Err(Refusal::server_token("Only mirrors may ask this, with a JWT of their own.")),
    }
}

/// One mirror, for what belongs to it.
pub fn this_mirror(caller: &Caller, id: &str) -> Result<ThisMirror, Refusal> {
    pass_if(caller, caller.mirror_id() == Some(id), "Only the mirror itself can do this.")?;
    Ok(ThisMirror(MirrorServerId::from(id)))
}

/// One mirror, or an administrator of the server.
pub fn this_mirror_or_sys_admin(caller: &Caller, id: &str) -> Result<MirrorKeeper, Refusal> {
    let permitted = caller.mirror_id() == Some(id) || caller.is_sys_admin();
    pass_if(caller, permitted, "Only the mirror itself and users with SYS_ADMIN can do this.")?;
    Ok(MirrorKeeper(MirrorServerId::from(id)))
}

/// Mirrors and administrators.
pub fn mirror_or_admin(caller: &Caller) -> Result<MirrorOrAdministrator<'_>, Refusal> {
    let permitted = caller.mirror_id().is_some() || caller.is_admin();
    pass_if(caller, permitted, "Only mirrors and administrators can do this.")?;
    Ok(MirrorOrAdministrator(caller))
}

/// Users with ADMIN or SYS_ADMIN.
pub fn admin(caller: &Caller) -> Result<Administrator<'_>, Refusal> {
    pass_if(caller, caller.is_admin(), "This needs the permission ADMIN.")?;
    Ok(Administrator(caller))
}

/// Users with SYS_ADMIN.
pub fn sys_admin(caller: &Caller) -> Result<SystemAdministrator<'_>, Refusal> {
    pass_if(caller, caller.is_sys_admin(), "This needs the permission SYS_ADMIN.")?;
    Ok(SystemAdministrator(caller))
}

/// Which projects and repositories a list may show.
pub fn visibility(caller: &Caller) -> Visibility {
    match caller {
        Caller::Mirror { .. } => Visibility::Announced,
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
pub fn hidden(caller: &Caller, what: &'static str, name: &str) -> Refusal {
    if caller.is_authenticated() {
        Refusal::not_found(what, format!("The {what} {name} does not exist, or you may not see it."))
    } else {
        credentials_needed()
    }
}

/// Lets a caller pass, or says why not.
pub fn pass_if(caller: &Caller, permitted: bool, message: &str) -> Result<(), Refusal> {
    if permitted {
        Ok(())
    } else if caller.is_authenticated() {
        Err(Refusal::forbidden(message))
    } else {
        Err(credentials_needed())
    }
}

fn credentials_needed() -> Refusal {
    Refusal::unauthenticated("You are not permitted to access this resource. Send credentials.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::who_passes;

    #[test]
    fn each_rule_lets_pass_exactly_whom_it_should() {
        let (own, other) = ("AAAA-BBBB-CCCC-DDDD", "EEEE-BBBB-CCCC-DDDD");
        // A value borrows its caller, so that a rule is called, and not handed over by name.
        assert_eq!(
            who_passes(|caller| authenticated(caller).map(drop)),
            ["user", "creator", "admin", "sysadmin", "mirror"]
        );
        assert_eq!(who_passes(|caller| user(caller).map(drop)), ["user", "creator", "admin", "sysadmin"]);
        assert_eq!(who_passes(|caller| mirror(caller).map(drop)), ["mirror"]);
        assert_eq!(who_passes(|caller| this_mirror(caller, own)), ["mirror"]);
        assert_eq!(who_passes(|caller| this_mirror(caller, other)), [] as [&str; 0]);
        assert_eq!(who_passes(|caller| this_mirror_or_sys_admin(caller, own)), ["sysadmin", "mirror"]);
        assert_eq!(who_passes(|caller| this_mirror_or_sys_admin(caller, other)), ["sysadmin"]);
        assert_eq!(who_passes(|caller| mirror_or_admin(caller).map(drop)), ["admin", "sysadmin", "mirror"]);
        assert_eq!(who_passes(|caller| admin(caller).map(drop)), ["admin", "sysadmin"]);
        assert_eq!(who_passes(|caller| sys_admin(caller).map(drop)), ["sysadmin"]);
    }
}
