//! How fresh the answers of a mirror were, request by request.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heliostat_mirror::Freshness;
use heliostat_origin::Freshness as OriginFreshness;

use super::encoder::Encoder;
use crate::wire::freshness::{FreshnessState, THROUGH};

/// Counts while requests are answered; shared with what shows the metrics.
#[derive(Debug, Default)]
pub struct FreshnessCounters {
    current: AtomicU64,
    unverified: AtomicU64,
    behind: AtomicU64,
    through: AtomicU64,
    waited_us: AtomicU64,
}

/// The same at a mirror of another Git server, which is never behind what it was told and never hands a request on.
#[derive(Debug, Default)]
pub struct OriginFreshnessCounters {
    current: AtomicU64,
    unverified: AtomicU64,
}

/// What was counted, at one moment.
#[derive(Debug, Default)]
pub struct FreshnessMetrics {
    current: u64,
    unverified: u64,
    behind: u64,
    through: u64,
    waited: Duration,
}

/// What was counted at a mirror of another Git server, at one moment.
#[derive(Debug, Default)]
pub struct OriginFreshnessMetrics {
    current: u64,
    unverified: u64,
}

impl FreshnessCounters {
    /// Counts a request that is answered from a repository this fresh.
    pub fn count(&self, freshness: &Freshness) {
        let counter = match FreshnessState::of(freshness) {
            FreshnessState::Current => &self.current,
            FreshnessState::Unverified => &self.unverified,
            FreshnessState::Behind => &self.behind,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.count_wait(freshness);
    }

    /// Counts a request that the upstream answers, because the repository here is only so fresh.
    pub fn count_through(&self, freshness: Option<&Freshness>) {
        self.through.fetch_add(1, Ordering::Relaxed);
        freshness.into_iter().for_each(|freshness| self.count_wait(freshness));
    }

    fn count_wait(&self, freshness: &Freshness) {
        let waited_us = u64::try_from(freshness.waited.as_micros()).unwrap_or(u64::MAX);
        self.waited_us.fetch_add(waited_us, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn snapshot(&self) -> FreshnessMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        FreshnessMetrics {
            current: read(&self.current),
            unverified: read(&self.unverified),
            behind: read(&self.behind),
            through: read(&self.through),
            waited: Duration::from_micros(read(&self.waited_us)),
        }
    }
}

impl FreshnessMetrics {
    pub(super) fn encode(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let by_state = [
            (FreshnessState::Current.as_str(), self.current),
            (FreshnessState::Unverified.as_str(), self.unverified),
            (FreshnessState::Behind.as_str(), self.behind),
            (THROUGH, self.through),
        ];
        encoder.counters(
            "heliostat_mirror_git_requests_total",
            "Requests of Git readers by how fresh the repository was: current, unverified (nothing is known to be \
             missing, but the upstream does not answer), behind (the upstream has announced more, and does not \
             answer), through (the upstream has answered in the place of what is here). One fetch sends two or three \
             requests.",
            &by_state.map(|(state, count)| ([("freshness", state)], count)),
        )?;
        encoder.counter(
            "heliostat_mirror_freshness_wait_seconds_total",
            "Seconds that requests of Git readers have waited for a synchronization, all together.",
            self.waited.as_secs_f64(),
        )
    }
}

impl OriginFreshnessCounters {
    /// Counts a request that is answered by what this fresh word of the origin shows.
    pub fn count(&self, freshness: &OriginFreshness) {
        let is_current = FreshnessState::of_origin(freshness) == FreshnessState::Current;
        let counter = if is_current { &self.current } else { &self.unverified };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn snapshot(&self) -> OriginFreshnessMetrics {
        OriginFreshnessMetrics {
            current: self.current.load(Ordering::Relaxed),
            unverified: self.unverified.load(Ordering::Relaxed),
        }
    }
}

impl OriginFreshnessMetrics {
    pub(super) fn encode(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let by_state = [
            (FreshnessState::Current.as_str(), self.current),
            (FreshnessState::Unverified.as_str(), self.unverified),
        ];
        encoder.counters(
            "heliostat_origin_git_requests_total",
            "Requests of Git readers by how fresh what they were shown was: current, unverified (the origin does not \
             answer, and they were shown what they were shown before). One fetch sends two or three requests.",
            &by_state.map(|(state, count)| ([("freshness", state)], count)),
        )
    }
}
