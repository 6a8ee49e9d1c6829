//! What waits for an administrator: repositories that are neither removed nor overwritten before the administrator has
//! seen what would be lost.

use std::sync::Arc;

use heliostat_peer::DetachedTasks;
use heliostat_refusal::Refusal;
use heliostat_storage::MirroredRepository;
use sha2::{Digest, Sha256};

use super::sweep::SweepSignal;
use super::sweep_progress::SweepProgress;
use crate::access::permit::Administrator;
use crate::inventory::Inventory;
use crate::refuse::store_refusal;
use crate::upstream_link::UpstreamLink;

/// Hex digits by which a list is recognised.
const TOKEN_DIGITS: usize = 16;

/// What waits for an administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBackList {
    /// Stands for exactly this list.
    pub token: String,
    /// Repositories of which the upstream has lost what is here, in the order of local ids.
    pub repositories: Vec<Arc<MirroredRepository>>,
    /// Local ids of repositories on disk of which no record tells.
    pub unrecorded: Vec<u64>,
}

/// Shows what waits for an administrator, and takes the confirmation.
#[derive(Clone)]
pub struct HeldBack {
    pub(crate) link: Arc<UpstreamLink>,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) sweep_signal: Arc<SweepSignal>,
    pub(crate) sweep_progress: Arc<SweepProgress>,
    pub(crate) tasks: DetachedTasks,
}

impl HeldBack {
    /// What is held back at this moment.
    pub fn list(&self, _: &Administrator, upstream_id: &str) -> Result<HeldBackList, Refusal> {
        self.link.require(upstream_id)?;
        Ok(self.now())
    }

    /// Lets everything on the list that the administrator has seen go into the trash, and follows the upstream as it is
    /// now. The token says which list that was.
    pub async fn confirm_removal(
        &self,
        _: &Administrator,
        upstream_id: &str,
        token: &str,
    ) -> Result<HeldBackList, Refusal> {
        self.link.require(upstream_id)?;
        let seen = self.now();
        if seen.token != token {
            return Err(Refusal::conflict_in(
                "token",
                "Something else is held back now than what was confirmed; look at the list again.",
            ));
        }
        let this = self.clone();
        self.tasks.to_the_end(async move { this.let_go(&seen).await }).await
    }

    async fn let_go(&self, seen: &HeldBackList) -> Result<HeldBackList, Refusal> {
        for entry in self.inventory.held() {
            self.inventory.give_up(&entry).await.map_err(store_refusal)?;
        }
        self.inventory.discard_unrecorded(&seen.unrecorded).await.map_err(store_refusal)?;
        self.sweep_progress.unrecorded_held_back(Vec::new());
        tracing::warn!(
            repositories = seen.repositories.len(),
            unrecorded = seen.unrecorded.len(),
            "an administrator has confirmed that what the upstream has lost goes into the trash"
        );
        self.sweep_signal.wake();
        Ok(self.now())
    }

    fn now(&self) -> HeldBackList {
        let repositories: Vec<_> = self.inventory.held().iter().map(|entry| entry.record()).collect();
        let unrecorded = self.sweep_progress.state().unrecorded;
        let mut hasher = Sha256::new();
        for record in &repositories {
            let reason = record.held.map_or("", |reason| reason.as_str());
            hasher.update(format!("{} {} {reason}\n", record.local_id.0, record.external_id));
        }
        for local_id in &unrecorded {
            hasher.update(format!("{local_id}\n"));
        }
        let mut token = hex::encode(hasher.finalize());
        token.truncate(TOKEN_DIGITS);
        HeldBackList { token, repositories, unrecorded }
    }
}
