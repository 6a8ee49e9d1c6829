//! How fresh an answer of a mirror is, in the words that header, metric and log line share.

use heliostat_mirror::Freshness;

/// What a reader may conclude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreshnessState {
    /// Everything that the upstream had announced is here, and it is known what the upstream has.
    Current,
    /// Everything that the upstream had announced is here, but the upstream does not answer, or was not compared with since
    /// it did not: it may have more.
    Unverified,
    /// The upstream has announced more than is here.
    Behind,
}

impl FreshnessState {
    /// What this freshness means.
    pub fn of(freshness: &Freshness) -> Self {
        match (freshness.is_current(), freshness.upstream.not_known_since.is_none()) {
            (true, true) => Self::Current,
            (true, false) => Self::Unverified,
            (false, _) => Self::Behind,
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Unverified => "unverified",
            Self::Behind => "behind",
        }
    }
}

/// The value of the header `Heliostat-Freshness`: the word, then the generation that is served and the newest that
/// the upstream was known to have.
pub fn freshness_header(freshness: &Freshness) -> String {
    let word = FreshnessState::of(freshness).as_str();
    format!("{word};served={};known={}", freshness.served, freshness.known)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use heliostat_mirror::UpstreamFacts;
    use heliostat_storage::Generation;

    use super::*;

    fn header(served: i64, known: i64, reachable: bool) -> String {
        freshness_header(&Freshness {
            served: Generation(served),
            known: Generation(known),
            waited: Duration::ZERO,
            upstream: UpstreamFacts {
                reachable,
                last_contact_at: Some(1),
                last_comparison_at: Some(1),
                not_known_since: (!reachable).then_some(1),
            },
        })
    }

    #[test]
    fn what_is_missing_counts_more_than_an_upstream_that_is_away() {
        assert_eq!(header(5, 5, true), "current;served=5;known=5");
        assert_eq!(header(5, 5, false), "unverified;served=5;known=5");
        assert_eq!(header(4, 5, true), "behind;served=4;known=5");
        assert_eq!(header(4, 5, false), "behind;served=4;known=5");
    }
}
