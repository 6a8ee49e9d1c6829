//! Repositories that the upstream does not know, and of which it has not said that it has deleted them.
//!
//! A comparison can overtake the event that tells of a deletion. So one that misses a repository for the first time says
//! nothing yet: it is looked for once more when the event has had its time. What is missed then is lost at the upstream.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use heliostat_storage::LocalRepositoryId;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::inventory::Entry;

/// How long the event that tells of a deletion may be on its way, where nothing is wrong.
pub(super) const EVENT_TIME: Duration = Duration::from_secs(5);

/// Those that were missed and are not held yet, and since when.
#[derive(Debug, Default)]
pub(crate) struct Missed(Mutex<HashMap<LocalRepositoryId, Instant>>);

impl Missed {
    /// A comparison has missed these, and no others.
    pub(super) fn are_only(&self, entries: &[Arc<Entry>]) {
        self.0.lock().retain(|id, _| entries.iter().any(|entry| entry.local_id == *id));
    }

    /// Whether one that a comparison has missed was missed so long that no event can be on its way. If so it is forgotten.
    pub(super) fn is_lost(&self, id: LocalRepositoryId) -> bool {
        let mut missed = self.0.lock();
        let since = *missed.entry(id).or_insert_with(Instant::now);
        let is_lost = since.elapsed() >= EVENT_TIME;
        if is_lost {
            missed.remove(&id);
        }
        is_lost
    }

    /// Whether there are any.
    pub(super) fn are_any(&self) -> bool {
        !self.0.lock().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::tests::record;

    #[tokio::test(start_paused = true)]
    async fn what_is_missed_is_lost_when_it_is_missed_again_after_the_time_that_an_event_takes() {
        let missed = Missed::default();
        let [one, two] = [1, 2].map(|id| Arc::new(Entry::new(record(id, "engine"))));
        assert!(!missed.are_any());
        assert!(!missed.is_lost(one.local_id) && !missed.is_lost(two.local_id));
        tokio::time::advance(EVENT_TIME / 2).await;
        assert!(!missed.is_lost(one.local_id) && missed.are_any());
        // Of the other one an event has told meanwhile, or it is there again.
        missed.are_only(std::slice::from_ref(&one));
        tokio::time::advance(EVENT_TIME / 2).await;
        assert!(missed.is_lost(one.local_id) && !missed.is_lost(two.local_id));
        missed.are_only(&[]);
        assert!(!missed.are_any());
    }
}
