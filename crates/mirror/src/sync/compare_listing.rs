//! The comparison with an upstream that can only list what it has: page by page, and all of it.
//!
//! Nothing is changed before the whole listing was read and understood.

use std::collections::HashSet;
use std::sync::Arc;

use heliostat_auth::Secret;
use heliostat_storage::MirroringMode;
use tokio::time::Instant;

use super::sweep::{Sweep, SweepFailure};
use super::sweep_progress::SweepOutcome;
use crate::inventory::{Entry, Selection};
use crate::upstream_link::{UpstreamRepository, is_not_found};

/// How many pages of a listing are read before it is called endless.
const MAX_PAGES: usize = 10_000;

/// How many repositories are compared at once; new ones among them are recorded together.
const COMPARED_AT_ONCE: usize = 256;

impl Sweep {
    /// Compares what is wanted here with the listing, and returns what is not on it.
    pub(super) async fn compare_listing(
        &self,
        wanted: &[Arc<Entry>],
        selection: &Selection,
        secret: &Secret,
        outcome: &mut SweepOutcome,
    ) -> Result<Vec<Arc<Entry>>, SweepFailure> {
        let asked = Instant::now();
        let listed = self.list_upstream(selection, secret).await?;
        outcome.listed = listed.len();
        for some in listed.chunks(COMPARED_AT_ONCE) {
            self.compare_all(some, asked, outcome).await?;
        }
        let listed_ids: HashSet<&str> = listed.iter().map(|listed| listed.external_id.as_str()).collect();
        let is_unlisted = |entry: &&Arc<Entry>| !listed_ids.contains(entry.external_id.as_str());
        Ok(wanted.iter().filter(is_unlisted).cloned().collect())
    }

    async fn list_upstream(
        &self,
        selection: &Selection,
        secret: &Secret,
    ) -> Result<Vec<UpstreamRepository>, SweepFailure> {
        let mut listed = Vec::new();
        match selection.mode {
            MirroringMode::AllProjects => self.list_pages(None, secret, &mut listed).await?,
            MirroringMode::SelectedProjects => {
                for project_id in &selection.project_ids {
                    match self.list_pages(Some(project_id), secret, &mut listed).await {
                        // A project that is gone has no repositories; each of them is asked for below.
                        Err(SweepFailure::Upstream(error)) if is_not_found(&error) => {}
                        listed => listed?,
                    }
                }
            }
        }
        Ok(listed)
    }

    async fn list_pages(
        &self,
        project_id: Option<&str>,
        secret: &Secret,
        listed: &mut Vec<UpstreamRepository>,
    ) -> Result<(), SweepFailure> {
        let mut start = 0;
        for _ in 0..MAX_PAGES {
            let page = self.client.list_repositories(project_id, start, secret).await?;
            listed.extend(page.repositories);
            self.progress.discovered(listed.len());
            match page.next_start {
                None => return Ok(()),
                Some(next) => start = next,
            }
        }
        Err(SweepFailure::Endless(MAX_PAGES))
    }
}
