//! What all about users is made of.

use std::path::PathBuf;
use std::sync::Arc;

use heliostat_auth::Passwords;
use heliostat_downstream::{Announcer, Members};
use heliostat_peer::DetachedTasks;
use heliostat_storage::{AccountStore, MirrorServerStore, RepositoryRecords, UpstreamStore};

/// Users, their tokens and their permissions.
pub struct Accounts {
    pub(super) store: AccountStore,
    /// What permissions are granted on.
    pub(super) repositories: RepositoryRecords,
    /// Which sign their requests.
    pub(super) mirrors: MirrorServerStore,
    pub(super) passwords: Passwords,
    pub(super) announcer: Arc<Announcer>,
    pub(super) members: Arc<Members>,
    pub(super) tasks: DetachedTasks,
    /// Folder in which the first start left the administrator's password.
    pub(super) data: PathBuf,
}

impl Accounts {
    pub(crate) fn new(
        store: &UpstreamStore,
        passwords: Passwords,
        announcer: Arc<Announcer>,
        members: Arc<Members>,
        tasks: DetachedTasks,
        data: PathBuf,
    ) -> Self {
        let (repositories, mirrors) = (store.repositories.clone(), store.mirrors.clone());
        Self {
            store: store.accounts.clone(),
            repositories,
            mirrors,
            passwords,
            announcer,
            members,
            tasks,
            data,
        }
    }
}
