//! How mirrors stand: what each has told of itself, and whether that can still be so.
//!
//! A mirror is believed for a minute, and only until it is told of something new. What this process was not told it does
//! not know: a mirror tells it again within seconds.

use std::collections::HashMap;
use std::time::Duration;

use heliostat_refusal::Refusal;
use heliostat_storage::{MirrorServer, MirrorServerId, Page, PageRequest, Repository, RepositoryMirrorState};
use parking_lot::Mutex;

use super::mirror_servers::Members;
use crate::delivery::{DeliveryCounts, DeliveryRecord, Lease};
use crate::permit::{Administrator, ThisMirror};

/// How long a mirror that says nothing is still there, in milliseconds. Mirrors speak every ten seconds.
const SILENCE_LIMIT_MS: u64 = 60_000;

/// How far a mirror is, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorCopies {
    /// Whether it is still finding out what there is.
    pub discovering: bool,
    /// Repositories that it mirrors.
    pub mirrored: i32,
    /// Those of them that have everything that it knows this server to have.
    pub in_step: i32,
    /// Age of the oldest change that it knows of and does not have, in milliseconds.
    pub lag_ms: Option<i64>,
    /// When it last synchronised any repository, in epoch milliseconds by its own clock.
    pub last_sync_at: Option<i64>,
    /// Repositories that it could not synchronise, if it tells.
    pub failing: Option<i32>,
    /// One of them, and why.
    pub failure: Option<String>,
}

/// How a mirror stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has everything that it mirrors.
    UpToDate,
    /// It lacks something.
    Behind,
    /// It was not heard of for a while, or does not take events.
    Unreachable,
    /// It has not told how far it is.
    Unknown,
}

/// What is known of the copies on a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorStanding {
    /// In one word.
    pub standing: Standing,
    /// What it has told last, and when, in epoch milliseconds.
    pub told: Option<(MirrorCopies, i64)>,
    /// When it was last heard of, in epoch milliseconds.
    pub heard_at: Option<i64>,
    /// Events that it has not taken in yet.
    pub pending_events: u64,
    /// Age of the oldest change that it is known to lack, in milliseconds.
    pub lag_ms: Option<i64>,
    /// Why it did not take the last one in, while that is so.
    pub last_error: Option<String>,
    /// How often it was told of something since the start.
    pub deliveries: DeliveryCounts,
}

/// What mirrors have told of themselves, and when.
#[derive(Default)]
pub(super) struct ToldStandings(Mutex<HashMap<MirrorServerId, (MirrorCopies, i64)>>);

impl ToldStandings {
    fn of(&self, id: &MirrorServerId) -> Option<(MirrorCopies, i64)> {
        self.0.lock().get(id).cloned()
    }

    /// Forgets a mirror that was removed.
    pub(super) fn forget(&self, id: &MirrorServerId) {
        self.0.lock().remove(id);
    }
}

impl Members {
    /// A mirror tells how far it is.
    pub fn tell_standing(&self, mirror: &ThisMirror, copies: MirrorCopies) {
        self.standings.0.lock().insert(mirror.id().clone(), (copies, self.announcer.now_ms()));
    }

    /// A mirror takes the right to answer readers by itself. It began its last complete comparison so long ago.
    pub async fn take_lease(
        &self,
        mirror: &ThisMirror,
        compared_ago: Option<Duration>,
    ) -> Result<Lease, Refusal> {
        let now_ms = self.announcer.now_ms();
        Ok(self.announcer.leases().take(&self.outbox, mirror.id(), compared_ago, now_ms).await?)
    }

    /// How a mirror stands, for an administrator: others may not know which mirrors are behind.
    pub async fn standing(&self, _: Administrator<'_>, id: &str) -> Result<MirrorStanding, Refusal> {
        let mirror = self.record(&MirrorServerId::from(id)).await?;
        self.standing_of(&mirror).await
    }

    /// What is behind on a mirror, with its last report, for an administrator.
    pub async fn delayed_copies(
        &self,
        _: Administrator<'_>,
        id: &str,
        page: PageRequest,
    ) -> Result<Page<(Repository, RepositoryMirrorState)>, Refusal> {
        let mirror = self.record(&MirrorServerId::from(id)).await?;
        Ok(self.mirrors.delayed_copies(&mirror.id, page).await?)
    }

    /// How all mirrors stand, for the operator of the server.
    pub async fn standings(&self) -> Result<Vec<(MirrorServer, MirrorStanding)>, Refusal> {
        let mut standings = Vec::new();
        for mirror in self.mirrors.all_mirrors().await? {
            let standing = self.standing_of(&mirror).await?;
            standings.push((mirror, standing));
        }
        Ok(standings)
    }

    /// How many mirrors are there, and how many of them are not reachable: they were not heard of, or take no events.
    pub async fn unreachable(&self) -> Result<(usize, usize), Refusal> {
        let mirrors = self.mirrors.all_mirrors().await?;
        let is_unreachable = |mirror: &&MirrorServer| mirror.enabled && !self.is_reachable(mirror);
        Ok((mirrors.len(), mirrors.iter().filter(is_unreachable).count()))
    }

    /// Whether clients may be sent to a mirror: it was heard of and takes events, or it has just joined.
    pub(super) fn is_reachable(&self, mirror: &MirrorServer) -> bool {
        self.judged(mirror, Pending::default()).standing != Standing::Unreachable
    }

    async fn standing_of(&self, mirror: &MirrorServer) -> Result<MirrorStanding, Refusal> {
        let events = self.outbox.count_pending(&mirror.id).await?;
        let oldest_at = if events > 0 { self.outbox.oldest_pending_at(&mirror.id).await? } else { None };
        Ok(self.judged(mirror, Pending { events, oldest_at }))
    }

    fn judged(&self, mirror: &MirrorServer, pending: Pending) -> MirrorStanding {
        let (told, delivery) = (self.standings.of(&mirror.id), self.delivery().record_of(&mirror.id));
        judge(mirror, told, delivery, pending, self.announcer.now_ms())
    }
}

/// Events that wait for a mirror.
#[derive(Debug, Clone, Copy, Default)]
struct Pending {
    events: u64,
    /// When the oldest of them was recorded, in epoch milliseconds.
    oldest_at: Option<i64>,
}

fn judge(
    mirror: &MirrorServer,
    told: Option<(MirrorCopies, i64)>,
    delivery: DeliveryRecord,
    pending: Pending,
    now_ms: i64,
) -> MirrorStanding {
    let told_at = told.as_ref().map(|(_, at)| *at);
    let heard_at = mirror.last_seen_at.max(delivery.delivered_at).max(told_at);
    // What lies far ahead was noted before the clock was set back, and tells nothing about now.
    let is_recent = |at: i64| now_ms.abs_diff(at) <= SILENCE_LIMIT_MS;
    let is_heard_of =
        [mirror.last_seen_at, delivery.delivered_at, told_at].into_iter().flatten().any(is_recent);
    let standing = match (heard_at, &told) {
        (None, _) => Standing::Unknown,
        (Some(_), _) if !is_heard_of || delivery.failures > 0 => Standing::Unreachable,
        (Some(_), Some((copies, told_at))) if is_recent(*told_at) => {
            let has_all = !copies.discovering && copies.in_step >= copies.mirrored;
            let delivered_at = delivery.delivered_at.filter(|at| is_recent(*at));
            let was_told_more = pending.events > 0 || delivered_at > Some(*told_at);
            if has_all && !was_told_more { Standing::UpToDate } else { Standing::Behind }
        }
        (Some(_), _) => Standing::Unknown,
    };
    // What it told of has grown older since, and may have been caught up with only where it told that, too.
    let told_lag_ms = told.as_ref().and_then(|(copies, told_at)| {
        Some(copies.lag_ms?.saturating_add(now_ms.saturating_sub(*told_at).max(0)))
    });
    let lag_ms = told_lag_ms.max(pending.oldest_at.map(|at| now_ms.saturating_sub(at).max(0)));
    let (pending_events, last_error, deliveries) = (pending.events, delivery.last_error, delivery.counts);
    MirrorStanding { standing, told, heard_at, pending_events, lag_ms, last_error, deliveries }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    const NOW: i64 = 1_764_000_000_000;

    fn copies(in_step: i32) -> MirrorCopies {
        MirrorCopies {
            discovering: false,
            mirrored: 2,
            in_step,
            lag_ms: None,
            last_sync_at: None,
            failing: None,
            failure: None,
        }
    }

    fn delivered(ago_ms: i64) -> DeliveryRecord {
        let mut record = DeliveryRecord::default();
        record.delivered_at = Some(NOW - ago_ms);
        record
    }

    fn standing(told: Option<(i32, i64)>, delivery: DeliveryRecord, pending_events: u64) -> Standing {
        let mirror = MirrorServer { last_seen_at: Some(NOW - 9_000), ..fixture::mirror() };
        let told = told.map(|(in_step, ago_ms)| (copies(in_step), NOW - ago_ms));
        let pending = Pending { events: pending_events, oldest_at: None };
        judge(&mirror, told, delivery, pending, NOW).standing
    }

    #[test]
    fn only_a_mirror_that_says_it_has_everything_is_up_to_date() {
        assert_eq!(standing(Some((2, 1_000)), delivered(2_000), 0), Standing::UpToDate);
        assert_eq!(standing(Some((1, 1_000)), delivered(2_000), 0), Standing::Behind);
        assert_eq!(standing(Some((2, 1_000)), delivered(2_000), 1), Standing::Behind);
        assert_eq!(
            standing(Some((2, 1_000)), delivered(500), 0),
            Standing::Behind,
            "it has heard more since"
        );
        assert_eq!(standing(None, delivered(500), 0), Standing::Unknown);
    }

    #[test]
    fn a_mirror_that_is_silent_or_takes_no_events_is_not_reachable() {
        let silent = MirrorServer { last_seen_at: Some(NOW - 120_000), ..fixture::mirror() };
        let told = Some((copies(2), NOW - 120_000));
        let judged = judge(&silent, told, DeliveryRecord::default(), Pending::default(), NOW);
        assert_eq!((judged.standing, judged.heard_at), (Standing::Unreachable, Some(NOW - 120_000)));

        let mut failing = delivered(2_000);
        failing.failures = 1;
        assert_eq!(standing(Some((2, 1_000)), failing, 0), Standing::Unreachable);

        let ahead = MirrorServer { last_seen_at: Some(NOW + 400_000), ..fixture::mirror() };
        let judge_ahead = |told| judge(&ahead, told, delivered(-400_000), Pending::default(), NOW).standing;
        assert_eq!(judge_ahead(None), Standing::Unreachable, "the clock was set back since it was heard of");
        assert_eq!(judge_ahead(Some((copies(2), NOW - 1_000))), Standing::UpToDate);

        let new = MirrorServer { last_seen_at: None, ..fixture::mirror() };
        let judged = judge(&new, None, DeliveryRecord::default(), Pending::default(), NOW);
        assert_eq!((judged.standing, judged.lag_ms), (Standing::Unknown, None));
    }

    #[test]
    fn the_oldest_change_that_a_mirror_lacks_counts() {
        let mirror = MirrorServer { last_seen_at: Some(NOW - 9_000), ..fixture::mirror() };
        let told = |lag_ms| Some((MirrorCopies { lag_ms, ..copies(1) }, NOW - 1_000));
        for (lag_ms, oldest_at, expected) in [
            (None, None, None),
            (Some(4_000), None, Some(5_000)),
            (None, Some(NOW - 7_000), Some(7_000)),
            (Some(4_000), Some(NOW - 7_000), Some(7_000)),
            (Some(9_000), Some(NOW - 7_000), Some(10_000)),
        ] {
            let pending = Pending { events: 1, oldest_at };
            let judged = judge(&mirror, told(lag_ms), DeliveryRecord::default(), pending, NOW);
            assert_eq!(judged.lag_ms, expected, "{lag_ms:?} {oldest_at:?}");
        }
    }
}
