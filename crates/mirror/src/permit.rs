//! Who may do what on a mirror. The one place where the REST side decides it.

use heliostat_auth::Caller;
use heliostat_refusal::Refusal;

/// Settings, progress, nodes and the like: the upstream itself, and whom it knows as an administrator.
pub fn administer(caller: &Caller) -> Result<(), Refusal> {
    match caller {
        Caller::Upstream { .. } => Ok(()),
        caller if caller.is_admin() => Ok(()),
        Caller::Anonymous => Err(Refusal::unauthenticated(
            "This needs the upstream's signature, or the credentials of one of its administrators.",
        )),
        _ => Err(Refusal::forbidden("Only the upstream and its administrators may do this.")),
    }
}

/// Events and the end of the bond: the upstream itself.
pub fn speak_for_upstream(caller: &Caller) -> Result<(), Refusal> {
    match caller {
        Caller::Upstream { .. } => Ok(()),
        _ => Err(Refusal::unauthenticated("Only the upstream may do this; the call must be signed by it.")),
    }
}

#[cfg(test)]
mod tests {
    use heliostat_auth::{GlobalPermission, UserIdentity};

    use super::*;

    fn user(global: Option<GlobalPermission>) -> Caller {
        Caller::User(UserIdentity {
            id: 1,
            name: "ada".to_owned(),
            slug: "ada".to_owned(),
            display_name: "Ada".to_owned(),
            global,
        })
    }

    #[test]
    fn administrators_and_the_upstream_administer() {
        assert!(administer(&Caller::Upstream { id: "u".to_owned() }).is_ok());
        assert!(administer(&user(Some(GlobalPermission::Admin))).is_ok());
        assert!(administer(&user(Some(GlobalPermission::SysAdmin))).is_ok());
        let refused = administer(&user(Some(GlobalPermission::ProjectCreate)));
        assert!(matches!(refused, Err(Refusal::Forbidden { .. })));
        assert!(matches!(administer(&Caller::Anonymous), Err(Refusal::Unauthenticated { .. })));
    }

    #[test]
    fn nobody_speaks_for_the_upstream() {
        assert!(speak_for_upstream(&user(Some(GlobalPermission::SysAdmin))).is_err());
        assert!(speak_for_upstream(&Caller::Upstream { id: "u".to_owned() }).is_ok());
    }
}
