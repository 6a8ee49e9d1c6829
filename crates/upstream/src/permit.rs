//! The one place that decides who may do what on the upstream; and values that say that a caller was asked.
//!
//! What needs a right takes a value of this module or of the one that it repeats. Only the functions here make them, so a
//! call without permission does not compile.

use heliostat_auth::{Caller, GlobalPermission, ProjectPermission, RepositoryPermission};
pub use heliostat_downstream::permit::*;
use heliostat_refusal::Refusal;
use heliostat_storage::{Project, Repository, User, UserId};

/// A thing that a caller has named, and what they hold on it.
///
/// The words of the caller are all that is said about what they may not see: nothing tells it from what is not there.
#[derive(Debug)]
pub(crate) struct Named<T, P> {
    /// The name, as the caller wrote it.
    pub(crate) name: String,
    /// What has that name, with what the caller holds on it; `None` if nothing has, or they hold nothing.
    pub(crate) found: Option<(T, P)>,
}

impl<T, P> Named<T, P> {
    fn seen_by(self, caller: &Caller, what: &'static str) -> Result<(T, P), Refusal> {
        self.found.ok_or_else(|| hidden(caller, what, &self.name))
    }
}

/// A user who may create projects.
#[derive(Debug, Clone, Copy)]
pub struct ProjectCreator<'a>(&'a Caller);

impl<'a> ProjectCreator<'a> {
    /// Who was permitted.
    pub fn caller(self) -> &'a Caller {
        self.0
    }
}

/// A user who may give and take one global permission.
#[derive(Debug, Clone, Copy)]
pub struct GlobalGrant<'a> {
    caller: &'a Caller,
    permission: GlobalPermission,
}

impl<'a> GlobalGrant<'a> {
    /// Who was permitted.
    pub fn caller(self) -> &'a Caller {
        self.caller
    }

    /// Which permission may be given.
    pub fn permission(self) -> GlobalPermission {
        self.permission
    }
}

/// Declares permissions on one thing: who was permitted, and on what.
macro_rules! permissions_on {
    ($($(#[$doc:meta])* $name:ident: $subject:ident $kind:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name<'a> {
            caller: &'a Caller,
            $subject: $kind,
        }

        impl<'a> $name<'a> {
            /// Who was permitted.
            pub fn caller(&self) -> &'a Caller {
                self.caller
            }

            /// On what.
            pub fn $subject(&self) -> &$kind {
                &self.$subject
            }
        }

        impl From<$name<'_>> for $kind {
            fn from(permitted: $name<'_>) -> Self {
                permitted.$subject
            }
        }
    )*};
}

permissions_on! {
    /// The user of an account, or an administrator of the server.
    AccountOwner: user User;
    /// The user of an account, and no other caller.
    OwnAccount: user User;
    /// Holds PROJECT_READ on a project, or may read something in it.
    ProjectReader: project Project;
    /// Holds PROJECT_ADMIN on a project.
    ProjectAdministrator: project Project;
    /// Holds REPO_READ on a repository.
    Reader: repository Repository;
    /// Holds REPO_WRITE on a repository.
    Writer: repository Repository;
    /// Holds REPO_ADMIN on a repository.
    RepositoryAdministrator: repository Repository;
}

/// Users who may give or take this global permission: no user raises another above themselves.
pub fn grant_global(caller: &Caller, permission: GlobalPermission) -> Result<GlobalGrant<'_>, Refusal> {
    admin(caller)?;
    let message = format!("Only a user with {permission} can give or take {permission}.");
    pass_if(caller, caller.global() >= Some(permission), &message)?;
    Ok(GlobalGrant { caller, permission })
}

/// Users who may create projects.
pub fn create_project(caller: &Caller) -> Result<ProjectCreator<'_>, Refusal> {
    let permitted = caller.global() >= Some(GlobalPermission::ProjectCreate);
    pass_if(caller, permitted, "This needs the permission PROJECT_CREATE.")?;
    Ok(ProjectCreator(caller))
}

/// The user of the account, or an administrator of the server. A token with a scope cannot make one without.
pub(crate) fn self_or_sys_admin(caller: &Caller, user: User) -> Result<AccountOwner<'_>, Refusal> {
    let own = is_unlimited_self(caller, user.id);
    let message = match caller.token_scope() {
        Some(_) => {
            "An access token that was given permissions cannot do this, even if its owner can: call with the password."
        }
        None => "Only the user of the account and users with SYS_ADMIN can do this.",
    };
    pass_if(caller, own || caller.is_sys_admin(), message)?;
    Ok(AccountOwner { caller, user })
}

/// The user of the account, by whatever credentials: what is done with it asks for the password.
pub(crate) fn own_account(caller: &Caller, user: User) -> Result<OwnAccount<'_>, Refusal> {
    let own = caller.user().is_some_and(|identity| identity.id == user.id.0);
    pass_if(caller, own, "Only the user of the account can do this.")?;
    Ok(OwnAccount { caller, user })
}

fn is_unlimited_self(caller: &Caller, id: UserId) -> bool {
    caller.user().is_some_and(|user| user.id == id.0) && caller.token_scope().is_none()
}

/// Callers that hold PROJECT_READ. Without it the project does not exist for the caller.
pub(crate) fn read_project(
    caller: &Caller,
    named: Named<Project, ProjectPermission>,
) -> Result<ProjectReader<'_>, Refusal> {
    let project = on_project(caller, named, ProjectPermission::Read)?;
    Ok(ProjectReader { caller, project })
}

/// Callers that hold PROJECT_ADMIN.
pub(crate) fn administer_project(
    caller: &Caller,
    named: Named<Project, ProjectPermission>,
) -> Result<ProjectAdministrator<'_>, Refusal> {
    let project = on_project(caller, named, ProjectPermission::Admin)?;
    Ok(ProjectAdministrator { caller, project })
}

/// Callers that hold REPO_READ. Without it the repository does not exist for the caller.
pub(crate) fn read(
    caller: &Caller,
    named: Named<Repository, RepositoryPermission>,
) -> Result<Reader<'_>, Refusal> {
    let repository = on_repository(caller, named, RepositoryPermission::Read)?;
    Ok(Reader { caller, repository })
}

/// Callers that hold REPO_WRITE.
pub(crate) fn write(
    caller: &Caller,
    named: Named<Repository, RepositoryPermission>,
) -> Result<Writer<'_>, Refusal> {
    let repository = on_repository(caller, named, RepositoryPermission::Write)?;
    Ok(Writer { caller, repository })
}

/// Callers that hold REPO_ADMIN.
pub(crate) fn administer(
    caller: &Caller,
    named: Named<Repository, RepositoryPermission>,
) -> Result<RepositoryAdministrator<'_>, Refusal> {
    let repository = on_repository(caller, named, RepositoryPermission::Admin)?;
    Ok(RepositoryAdministrator { caller, repository })
}

fn on_project(
    caller: &Caller,
    named: Named<Project, ProjectPermission>,
    needed: ProjectPermission,
) -> Result<Project, Refusal> {
    let (project, held) = named.seen_by(caller, "project")?;
    let message = format!("This needs the permission {needed} on project {}.", project.key);
    pass_if(caller, held >= needed, &message)?;
    Ok(project)
}

fn on_repository(
    caller: &Caller,
    named: Named<Repository, RepositoryPermission>,
    needed: RepositoryPermission,
) -> Result<Repository, Refusal> {
    let (repository, held) = named.seen_by(caller, "repository")?;
    let (key, slug) = (&repository.project.key, &repository.slug);
    let message = format!("This needs the permission {needed} on repository {key}/{slug}.");
    pass_if(caller, held >= needed, &message)?;
    Ok(repository)
}

#[cfg(test)]
mod tests {
    use heliostat_downstream::fixture::{repository, user as a_user, who_passes};

    use super::*;

    fn account(id: i32) -> User {
        User {
            id: UserId(id),
            name: "ada".into(),
            slug: "ada".into(),
            display_name: "Ada".into(),
            email: None,
            password_hash: None,
            active: true,
            kind: heliostat_storage::UserKind::Normal,
            created_at: 0,
        }
    }

    #[test]
    fn each_rule_lets_pass_exactly_whom_it_should() {
        let grant = |permission| who_passes(|caller| grant_global(caller, permission).map(drop));
        assert_eq!(grant(GlobalPermission::SysAdmin), ["sysadmin"]);
        assert_eq!(grant(GlobalPermission::LicensedUser), ["admin", "sysadmin"]);
        let create = who_passes(|caller| create_project(caller).map(drop));
        assert_eq!(create, ["creator", "admin", "sysadmin"]);
        let own = |id| who_passes(|caller| self_or_sys_admin(caller, account(id)).map(drop));
        assert_eq!(own(99), ["sysadmin"]);
        assert_eq!(own(7), ["user", "creator", "admin", "sysadmin"]);
        let only = |id| who_passes(|caller| own_account(caller, account(id)).map(drop));
        assert!(only(99).is_empty());
        assert_eq!(only(7), ["user", "creator", "admin", "sysadmin"]);
    }

    #[test]
    fn what_may_not_be_seen_does_not_exist_and_has_no_name_but_the_callers() {
        let someone = a_user(None);
        let named = |held: Option<RepositoryPermission>| Named {
            name: "12".into(),
            found: held.map(|held| (repository(), held)),
        };
        let held = Some(RepositoryPermission::Read);
        let hidden = read(&someone, named(None)).expect_err("no permission");
        assert!(matches!(hidden, Refusal::NotFound { .. }));
        assert_eq!(hidden.to_string(), "The repository 12 does not exist, or you may not see it.");
        let asked = read(&Caller::Anonymous, named(None)).expect_err("no permission");
        assert!(matches!(asked, Refusal::Unauthenticated { .. }));
        assert!(matches!(write(&someone, named(held)), Err(Refusal::Forbidden { .. })));
        assert!(read(&someone, named(held)).is_ok());
    }
}
