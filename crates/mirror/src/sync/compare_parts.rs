//! The comparison with an upstream that can tell which parts of the repositories it knows otherwise.
//!
//! One call answers for all repositories, and what is equal is neither sent nor looked at one by one. Each part that
//! differs is taken in as it arrives: it says by itself what the upstream has of it, and if the answer ends too early,
//! the next sweep finds those that were taken in equal. What is in none of the parts that the upstream has is only known
//! when all of the answer has arrived.

use std::collections::HashSet;
use std::sync::Arc;

use heliostat_auth::Secret;
use heliostat_storage::MirroringMode;
use tokio::time::Instant;

use super::sweep::{Sweep, SweepFailure};
use super::sweep_progress::SweepOutcome;
use crate::inventory::{Entry, Selection, known_parts};

impl Sweep {
    /// Compares what is wanted here with the upstream, and returns what the upstream does not have; `None` if it cannot be
    /// asked so.
    pub(super) async fn compare_parts(
        &self,
        wanted: &[Arc<Entry>],
        selection: &Selection,
        secret: &Secret,
        outcome: &mut SweepOutcome,
    ) -> Result<Option<Vec<Arc<Entry>>>, SweepFailure> {
        let (asked, asked_at) = (Instant::now(), self.clock.now_ms());
        // Very many digests take longer than others should wait for a thread.
        let wanted = wanted.to_vec();
        let mut known = tokio::task::spawn_blocking(move || known_parts(wanted)).await?;
        let digests: Vec<_> =
            known.iter().filter_map(|(number, part)| Some((*number, part.digest.clone()?))).collect();
        let differing = self.client.differences(projects(selection), digests.into_iter(), secret).await?;
        let Some(mut differing) = differing else { return Ok(None) };

        let mut unlisted = Vec::new();
        while let Some(there) = differing.next().await? {
            outcome.listed += there.repositories.len();
            self.progress.discovered(outcome.listed);
            let listed: HashSet<&str> =
                there.repositories.iter().map(|one| one.external_id.as_str()).collect();
            let here = known.remove(&there.part).map(|part| part.entries).unwrap_or_default();
            unlisted.extend(here.into_iter().filter(|entry| !listed.contains(entry.external_id.as_str())));
            self.compare_all(&there.repositories, asked, outcome).await?;
        }
        for part in known.into_values() {
            if part.digest.is_none() {
                // The upstream would have told of it, had it anything there.
                unlisted.extend(part.entries);
                continue;
            }
            outcome.listed += part.entries.len();
            for entry in &part.entries {
                entry.note_compared(asked, asked_at);
                self.follow_if_behind(entry, outcome);
            }
        }
        self.progress.discovered(outcome.listed);
        Ok(Some(unlisted))
    }
}

/// The projects to which the comparison is limited.
fn projects(selection: &Selection) -> Option<Vec<i32>> {
    match selection.mode {
        MirroringMode::AllProjects => None,
        // Selected ids are numbers.
        MirroringMode::SelectedProjects => {
            Some(selection.project_ids.iter().filter_map(|id| id.parse().ok()).collect())
        }
    }
}
