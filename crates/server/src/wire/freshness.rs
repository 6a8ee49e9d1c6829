//! How fresh an answer of a mirror is, in the words that header, metric, log line and Git's users read.

use heliostat_downstream::event_date;
use heliostat_mirror::Freshness;
use heliostat_origin::Freshness as OriginFreshness;

/// What a reader may conclude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreshnessState {
    /// Everything that the upstream had announced is here, and it is known what the upstream has.
    Current,
    /// Everything that the upstream had announced is here, but the upstream does not answer, was not compared with since
    /// it did not, or owes this mirror no word of its changes, because the mirror's lease is over: it may have more.
    Unverified,
    /// The upstream has announced more than is here.
    Behind,
}

impl FreshnessState {
    /// What this freshness means.
    pub fn of(freshness: &Freshness) -> Self {
        let knows_all = freshness.upstream.not_known_since.is_none() && !freshness.lease_is_over;
        match (freshness.is_current(), knows_all) {
            (true, true) => Self::Current,
            (true, false) => Self::Unverified,
            (false, _) => Self::Behind,
        }
    }

    /// What it means at a mirror of another Git server, which never shows less than it was told.
    pub fn of_origin(freshness: &OriginFreshness) -> Self {
        match freshness.outage {
            None => Self::Current,
            Some(_) => Self::Unverified,
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

/// The word for an answer that comes from the upstream itself.
pub const THROUGH: &str = "through";

/// The value of the header `Heliostat-Freshness` where the upstream answers in the place of what is here: the word, then
/// the newest generation that it was known to have before.
pub fn through_header(freshness: &Freshness) -> String {
    format!("{THROUGH};known={}", freshness.known)
}

/// The value of the header `Heliostat-Freshness`: the word, then the generation that is served and the newest that
/// the upstream was known to have.
pub fn freshness_header(freshness: &Freshness) -> String {
    let word = FreshnessState::of(freshness).as_str();
    format!("{word};served={};known={}", freshness.served, freshness.known)
}

/// The value of the same header at a mirror of another Git server: the word, then when that server was asked, in epoch
/// milliseconds.
pub fn origin_freshness_header(freshness: &OriginFreshness) -> String {
    format!("{};asked={}", FreshnessState::of_origin(freshness).as_str(), freshness.asked_at)
}

/// What Git shows its users beside an answer while the origin does not answer; `None` while it does.
pub fn words_beside_outage(freshness: &OriginFreshness, now_ms: i64) -> Option<String> {
    let reason = freshness.outage.as_ref()?;
    Some(format!(
        "The origin of this mirror says nothing ({reason}). This is what it showed you at {} ({}).",
        event_date(freshness.asked_at),
        ago(now_ms.saturating_sub(freshness.asked_at))
    ))
}

/// What Git shows its users beside an answer while the upstream does not answer; `None` while it does.
pub fn words_beside(freshness: &Freshness, now_ms: i64) -> Option<String> {
    let since = freshness.upstream.not_known_since.filter(|_| !freshness.upstream.reachable)?;
    Some(format!(
        "This mirror has not reached its upstream since {} ({}). What was pushed there since then may be missing here.",
        event_date(since),
        ago(now_ms.saturating_sub(since))
    ))
}

fn ago(milliseconds: i64) -> String {
    let seconds = milliseconds.max(0) / 1_000;
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use heliostat_mirror::UpstreamFacts;
    use heliostat_storage::Generation;

    use super::*;

    fn freshness(served: i64, known: i64, reachable: bool) -> Freshness {
        Freshness {
            served: Generation(served),
            known: Generation(known),
            waited: Duration::ZERO,
            upstream: UpstreamFacts {
                reachable,
                last_contact_at: Some(1),
                last_comparison_at: Some(1),
                not_known_since: (!reachable).then_some(1),
            },
            lease_is_over: false,
        }
    }

    fn header(served: i64, known: i64, reachable: bool) -> String {
        freshness_header(&freshness(served, known, reachable))
    }

    #[test]
    fn users_are_told_since_when_the_upstream_was_not_reached() {
        assert_eq!(words_beside(&freshness(5, 5, true), 9), None);
        let said = |now_ms| words_beside(&freshness(5, 5, false), now_ms).expect("it is away");
        assert!(said(61_001).contains("since 1970-01-01T00:00:00+0000 (1 minute ago)"), "{}", said(61_001));
        for (now_ms, ago) in
            [(0, "0 seconds"), (45_001, "45 seconds"), (7_200_001, "2 hours"), (172_800_001, "2 days")]
        {
            assert!(said(now_ms).contains(&format!("({ago} ago)")), "{}", said(now_ms));
        }
    }

    #[test]
    fn what_an_origin_showed_earlier_is_told_with_its_time() {
        let freshness =
            |outage: Option<&str>| OriginFreshness { asked_at: 1_000, outage: outage.map(str::to_owned) };
        assert_eq!(origin_freshness_header(&freshness(None)), "current;asked=1000");
        assert_eq!(words_beside_outage(&freshness(None), 2_000), None);
        let away = freshness(Some("no route"));
        assert_eq!(origin_freshness_header(&away), "unverified;asked=1000");
        let said = words_beside_outage(&away, 61_000).expect("it is away");
        assert!(said.contains("(no route)") && said.contains("(1 minute ago)"), "{said}");
    }

    #[test]
    fn what_is_missing_counts_more_than_an_upstream_that_is_away() {
        assert_eq!(header(5, 5, true), "current;served=5;known=5");
        assert_eq!(header(5, 5, false), "unverified;served=5;known=5");
        assert_eq!(header(4, 5, true), "behind;served=4;known=5");
        assert_eq!(header(4, 5, false), "behind;served=4;known=5");
        let without_lease = Freshness { lease_is_over: true, ..freshness(5, 5, true) };
        assert_eq!(freshness_header(&without_lease), "unverified;served=5;known=5");
    }
}
