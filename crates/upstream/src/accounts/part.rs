//! What all about users is made of.

use std::path::PathBuf;
use std::sync::Arc;

use heliostat_auth::Passwords;
use heliostat_downstream::{Announcer, Members};
use heliostat_peer::DetachedTasks;
use heliostat_storage::UpstreamStore;

/// Users, their tokens and their permissions.
pub struct Accounts {
    pub(super) store: UpstreamStore,
    pub(super) passwords: Passwords,
    pub(super) announcer: Arc<Announcer>,
    pub(super) members: Arc<Members>,
    pub(super) tasks: DetachedTasks,
    /// Folder in which the first start left the administrator's password.
    pub(super) data: PathBuf,
}

impl Accounts {
    pub(crate) fn new(
        store: UpstreamStore,
        passwords: Passwords,
        announcer: Arc<Announcer>,
        members: Arc<Members>,
        tasks: DetachedTasks,
        data: PathBuf,
    ) -> Self {
        Self { store, passwords, announcer, members, tasks, data }
    }
}
