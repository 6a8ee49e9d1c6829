//! Waiting until something can be fetched from this mirror, for those who begin with it: build servers above all.
//!
//! Who waits watches the record of the repository, like a request for objects, and the upstream is asked meanwhile, so
//! that an event that is late or lost costs nothing. Only so many wait at once; others wait for their place.

use std::sync::Arc;
use std::time::Duration;

use heliostat_git::{ClientKey, FairQueue, ObjectId, RefName, Shares};
use heliostat_git_serve::ServedRepositories;
use heliostat_refusal::Refusal;
use tokio::time::Instant;

use crate::access::permit::{self, Reader};
use crate::inventory::{Entry, Inventory, is_available};
use crate::sync::{SyncFailure, Synchroniser};

/// Most that wait at once.
const MAX_WAITING: usize = 1_024;

/// How often the upstream is asked what it has of a repository that is waited for, however many wait.
const ASK_INTERVAL: Duration = Duration::from_secs(2);

/// What is to be here. Nothing named means everything that the upstream has when the wait begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Awaited {
    /// An object that is to be had.
    pub commit: Option<ObjectId>,
    /// A reference that is to be there, and to lead to the commit if one is named.
    pub reference: Option<RefName>,
}

/// Waits for what comes.
pub struct Arrivals {
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) served: ServedRepositories,
    pub(crate) synchroniser: Arc<Synchroniser>,
    pub(crate) places: FairQueue,
}

/// Places for those who wait.
pub(crate) fn places_to_wait() -> FairQueue {
    FairQueue::new(Shares::of_requests(MAX_WAITING))
}

impl Awaited {
    /// Reads what a caller has named.
    pub fn read(commit: Option<&str>, reference: Option<&str>) -> Result<Self, Refusal> {
        let commit = commit.map(|commit| commit_of("commit", commit)).transpose()?;
        let reference = reference.map(|name| reference_of("ref", name)).transpose()?;
        Ok(Self { commit, reference })
    }

    /// Reads a list of each, which are waited for one after the other. Without any, everything is waited for.
    pub fn read_all(commits: &[String], references: &[String]) -> Result<Vec<Self>, Refusal> {
        let of_commit = |commit| Self { commit: Some(commit), reference: None };
        let of_reference = |name| Self { commit: None, reference: Some(name) };
        let commits = commits.iter().map(|commit| commit_of("commits", commit).map(of_commit));
        let references = references.iter().map(|name| reference_of("refs", name).map(of_reference));
        let all: Vec<Self> = commits.chain(references).collect::<Result<_, Refusal>>()?;
        Ok(if all.is_empty() { vec![Self::default()] } else { all })
    }

    /// For people.
    fn told(&self) -> String {
        match (&self.commit, &self.reference) {
            (Some(commit), Some(reference)) => format!("the commit {commit} on {reference}"),
            (Some(commit), None) => format!("the commit {commit}"),
            (None, Some(reference)) => format!("the ref {reference}"),
            (None, None) => "everything that its upstream has".to_owned(),
        }
    }
}

fn commit_of(field: &'static str, text: &str) -> Result<ObjectId, Refusal> {
    let needed = "The full name of a commit is needed: 40 or 64 lower case hex digits.";
    ObjectId::parse(text).map_err(|_| Refusal::invalid(field, needed))
}

fn reference_of(field: &'static str, text: &str) -> Result<RefName, Refusal> {
    RefName::parse(text).map_err(|error| {
        let message = format!("The full name of a ref is needed, as in refs/heads/main: {error}.");
        Refusal::invalid(field, message)
    })
}

fn not_in_time(entry: &Entry, awaited: &Awaited, timeout: Duration) -> Refusal {
    let (seconds, record) = (timeout.as_secs(), entry.record());
    let message = format!(
        "After {seconds} s this mirror does not have {}. It has the generation {} of the repository; the newest \
         that its upstream is known to have is {}.",
        awaited.told(),
        record.generation_synced,
        record.generation_known
    );
    Refusal::conflict_in("timeout", message)
}

impl Arrivals {
    /// Returns when all of it can be fetched from here, one after the other; a conflict when the time is over before.
    pub async fn wait(
        &self,
        reader: &Reader,
        all: &[Awaited],
        timeout: Duration,
        client: ClientKey,
    ) -> Result<(), Refusal> {
        let found = self.inventory.find_mirrored(&reader.record().external_id);
        let entry = found.ok_or_else(permit::repository_not_found)?;
        let begun = Instant::now();
        for awaited in all {
            let rest = timeout.saturating_sub(begun.elapsed());
            if !self.comes_within(&entry, awaited, rest, client).await? {
                return Err(not_in_time(&entry, awaited, timeout));
            }
        }
        Ok(())
    }

    async fn comes_within(
        &self,
        entry: &Arc<Entry>,
        awaited: &Awaited,
        timeout: Duration,
        client: ClientKey,
    ) -> Result<bool, Refusal> {
        // Who does not wait is told by what is known.
        let since = (!timeout.is_zero()).then(Instant::now);
        let waited = tokio::time::timeout(timeout, async {
            let _place = self.places.permit(entry.disk_id(), client).await;
            self.until_here(entry, awaited, since, client).await
        });
        match waited.await {
            Ok(here) => here.map(|()| true),
            Err(_) => Ok(self.is_here(entry, awaited, since, client).await),
        }
    }

    async fn until_here(
        &self,
        entry: &Arc<Entry>,
        awaited: &Awaited,
        since: Option<Instant>,
        client: ClientKey,
    ) -> Result<(), Refusal> {
        let mut record = entry.subscribe();
        loop {
            record.mark_unchanged();
            if !self.inventory.is_mirrored(entry) {
                return Err(permit::repository_not_found());
            }
            if self.is_here(entry, awaited, since, client).await {
                return Ok(());
            }
            self.ask(entry, since).await?;
            // What has changed meanwhile is seen at once.
            if tokio::time::timeout(ASK_INTERVAL, record.changed())
                .await
                .is_ok_and(|changed| changed.is_err())
            {
                return Err(permit::repository_not_found());
            }
        }
    }

    /// Whether it can be fetched from here now. Everything is here that the upstream has told of since `since`, or ever.
    async fn is_here(
        &self,
        entry: &Entry,
        awaited: &Awaited,
        since: Option<Instant>,
        client: ClientKey,
    ) -> bool {
        let record = entry.record();
        if !is_available(&record) || entry.trouble().is_some() {
            return false;
        }
        let Awaited { commit, reference } = awaited;
        if commit.is_none() && reference.is_none() {
            let is_compared = match since {
                Some(since) => entry.compared().is_some_and(|compared| compared >= since),
                None => entry.compared_at().is_some(),
            };
            return is_compared && record.generation_synced >= record.generation_known;
        }
        let Ok(served) = self.served.open(entry.disk_id()).await else { return false };
        let tip = match reference {
            None => None,
            Some(name) => match served.repository.snapshot().await {
                Ok(refs) => match refs.get(name.as_str()) {
                    Some(tip) => Some(tip.clone()),
                    None => return false,
                },
                Err(_) => return false,
            },
        };
        let Some(commit) = commit else { return true };
        match served.leads_to(commit, tip.as_ref(), client).await {
            Ok(leads) => leads,
            Err(error) => {
                tracing::warn!(
                    repository.external_id = entry.external_id,
                    error = &error as &dyn std::error::Error,
                    "cannot tell whether a commit is here that is waited for"
                );
                false
            }
        }
    }

    /// Asks the upstream what it has, unless it was asked a moment ago and since a reader waits.
    async fn ask(&self, entry: &Arc<Entry>, since: Option<Instant>) -> Result<(), Refusal> {
        let is_recent = |compared: Instant| {
            since.is_none_or(|since| compared >= since) && compared.elapsed() <= ASK_INTERVAL
        };
        if entry.compared().is_some_and(is_recent) {
            return Ok(());
        }
        match self.synchroniser.look_for_news(entry).await {
            Err(SyncFailure::Gone) => return Err(permit::repository_not_found()),
            Err(failure) => {
                tracing::debug!(reason = failure.in_full(), "the upstream does not say what it has");
            }
            Ok(()) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_named_in_full() {
        let commit = "12".repeat(20);
        let awaited = Awaited::read(Some(&commit), Some("refs/heads/main")).expect("well named");
        assert_eq!(awaited.told(), format!("the commit {commit} on refs/heads/main"));
        assert_eq!(Awaited::read(None, None).expect("nothing named"), Awaited::default());
        let several = Awaited::read_all(&[commit], &["refs/heads/main".to_owned()]).expect("well named");
        assert_eq!(several.iter().map(Awaited::told).collect::<Vec<_>>()[1], "the ref refs/heads/main");
        assert_eq!(Awaited::read_all(&[], &[]).expect("nothing named"), [Awaited::default()]);
        for (commit, reference) in [(Some("1212"), None), (Some("main"), None), (None, Some("a..b"))] {
            assert!(matches!(Awaited::read(commit, reference), Err(Refusal::Invalid { .. })));
        }
    }
}
