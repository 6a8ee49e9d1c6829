//! Who may do what on a mirror. The one place that decides it.

use std::sync::Arc;

use heliostat_auth::{Caller, GlobalPermission, UserIdentity};
use heliostat_refusal::Refusal;
use heliostat_storage::{HeldReason, MirroredRepository};

use crate::upstream_link::AccessDecision;

/// The caller may see and set how this mirror works. Only this file makes one.
#[derive(Debug, Clone, Copy)]
pub struct Administrator(());

/// The caller is the upstream that this mirror follows. Only this file makes one.
#[derive(Debug, Clone, Copy)]
pub struct UpstreamItself(());

/// A repository that the caller may read. Only this file makes one.
#[derive(Debug)]
pub struct Reader(Arc<MirroredRepository>);

impl Reader {
    pub(crate) fn record(&self) -> &Arc<MirroredRepository> {
        &self.0
    }
}

/// Settings, progress, nodes and the like: the upstream itself, and whom it knows as an administrator.
pub fn administer(caller: &Caller) -> Result<Administrator, Refusal> {
    match caller {
        Caller::Upstream { .. } => Ok(Administrator(())),
        caller if caller.is_admin() => Ok(Administrator(())),
        Caller::Anonymous => Err(Refusal::unauthenticated(
            "This needs the upstream's signature, or the credentials of one of its administrators.",
        )),
        _ => Err(Refusal::forbidden("Only the upstream and its administrators may do this.")),
    }
}

/// Events and the end of the link: the upstream itself.
pub fn speak_for_upstream(caller: &Caller) -> Result<UpstreamItself, Refusal> {
    match caller {
        Caller::Upstream { .. } => Ok(UpstreamItself(())),
        _ => Err(Refusal::unauthenticated("Only the upstream may do this; the call must be signed by it.")),
    }
}

/// Everyone may read what is public, also while the upstream is away.
pub(crate) fn read_public(record: &Arc<MirroredRepository>) -> Option<Reader> {
    (record.public || record.project_public).then(|| Reader(Arc::clone(record)))
}

/// A user reads what the upstream lets them read; all else looks as if it were not there.
pub(crate) fn read(record: Arc<MirroredRepository>, decision: &AccessDecision) -> Result<Reader, Refusal> {
    if decision.permission.is_some() || reads_everything(&decision.user) {
        return Ok(Reader(record));
    }
    Err(repository_not_found())
}

/// Whether the upstream lets a user read every repository.
pub(crate) fn reads_everything(user: &UserIdentity) -> bool {
    user.global >= Some(GlobalPermission::Admin)
}

/// Under which id the upstream decides about the repository. Of one that it does not know, or has another one for, only
/// administrators may read what is here.
pub(crate) fn id_to_decide_by(record: &MirroredRepository) -> Option<&str> {
    let is_known_there = !matches!(record.held, Some(HeldReason::Missing | HeldReason::Replaced));
    is_known_there.then_some(record.external_id.as_str())
}

/// The upstream sees every repository; a link that it has signed counts as the upstream.
pub(crate) fn read_as_upstream(record: Arc<MirroredRepository>, caller: &Caller) -> Result<Reader, Refusal> {
    speak_for_upstream(caller).map(|_| Reader(record))
}

/// What is not there and what the caller may not read look the same.
pub(crate) fn repository_not_found() -> Refusal {
    Refusal::not_found("repository", "There is no such repository, or you may not read it.")
}

#[cfg(test)]
mod tests {
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
    fn no_user_speaks_for_the_upstream() {
        assert!(speak_for_upstream(&user(Some(GlobalPermission::SysAdmin))).is_err());
        assert!(speak_for_upstream(&Caller::Upstream { id: "u".to_owned() }).is_ok());
    }
}
