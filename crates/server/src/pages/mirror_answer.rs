//! What a mirror says of itself at `GET /status`, and on its first page: how it is in a word and in a colour, in figures,
//! and why it is not better.

use heliostat_api::models::RestSyncProgress;
use heliostat_downstream::event_date;
use heliostat_mirror::MirrorStatus;
use heliostat_peer::{DOUBTFUL_SKEW_SECONDS, MAX_SKEW_SECONDS, counted};
use heliostat_storage::UpstreamState;
use serde::Serialize;

use crate::wire::sync_progress_at_rest_too;

/// A mirror that may take traffic.
const SYNCHRONIZED: &str = "SYNCHRONIZED";
/// A mirror that may take traffic, but does not know whether it has what the upstream has.
const UNVERIFIED: &str = "UNVERIFIED";
/// A mirror that is further behind than its operator allows.
pub const LAGGING: &str = "LAGGING";
/// A mirror in its first synchronisation.
const SYNCHRONIZING: &str = "SYNCHRONIZING";

/// All is well.
pub const GREEN: &str = "GREEN";
/// The node takes traffic, and there is something to look at.
pub const YELLOW: &str = "YELLOW";
/// The node must not take traffic.
pub const RED: &str = "RED";

/// What a mirror says: first what existing load balancers and scripts read, then what explains it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MirrorAnswer {
    /// Whether the node may take traffic, or how far it is.
    pub state: &'static str,
    /// The same in a colour: green, yellow when there is something to look at, red when the node must not take traffic.
    pub health: &'static str,
    /// How many nodes there are: a number in a string, as others write it.
    pub member_count: String,
    /// How far the synchronisation is. The operation of that name answers the same, but with zeros when nothing is going on.
    #[serde(flatten)]
    pub progress: RestSyncProgress,
    /// How many repositories can be cloned from here now.
    pub available_repos: usize,
    /// How many repositories could not be synchronised.
    pub repositories_in_error: usize,
    /// How many repositories are not served because they are damaged, cannot be read, or are being examined.
    pub repositories_in_repair: usize,
    /// How many repositories are neither removed nor overwritten until an administrator confirms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_repos: Option<usize>,
    /// Age of the oldest change that is known and not here yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_millis: Option<i64>,
    /// For how long it has not been known what the upstream has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_known_millis: Option<i64>,
    /// How long either may last before the node must not take traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_limit_millis: Option<i64>,
    /// When any repository was last synchronized, in epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sync_date: Option<i64>,
    /// Why the state is not better, or what should be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The server that this mirror follows.
    pub upstream: FollowedUpstream,
}

/// The upstream and how the mirror stands with it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FollowedUpstream {
    /// Its base URL.
    pub base_url: String,
    /// The state of the link.
    pub state: String,
    /// Whether it answered the latest call.
    pub reachable: bool,
    /// When it last answered, in epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_contact_date: Option<i64>,
    /// When a complete comparison with it last ended, in epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_comparison_date: Option<i64>,
    /// By how much its clock is ahead of this machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_skew_millis: Option<i64>,
}

impl MirrorAnswer {
    /// The answer of a mirror in this state.
    pub fn of(status: MirrorStatus) -> Self {
        Self::with_reasons(status, None, None)
    }

    /// The same, with something that matters more than what the mirror knows itself, and something that matters less, if there
    /// is any.
    pub fn with_reasons(status: MirrorStatus, first: Option<String>, last: Option<String>) -> Self {
        let reason = first.or_else(|| reason(&status)).or(last);
        MirrorAnswer {
            state: state_name(&status),
            health: health(&status, reason.as_deref()),
            member_count: "1".to_owned(),
            progress: sync_progress_at_rest_too(status.progress),
            available_repos: status.available,
            repositories_in_error: status.failing,
            repositories_in_repair: status.in_repair,
            held_repos: Some(status.held + unrecorded(&status)).filter(|held| *held > 0),
            lag_millis: status.lag_ms,
            not_known_millis: status.not_known_ms,
            lag_limit_millis: status.lag_limit_ms,
            last_sync_date: status.last_sync_at,
            reason,
            upstream: FollowedUpstream {
                base_url: status.upstream_url,
                state: status.upstream_state.to_string(),
                reachable: status.upstream.reachable,
                last_contact_date: status.upstream.last_contact_at,
                last_comparison_date: status.upstream.last_comparison_at,
                clock_skew_millis: status.clock_skew_ms,
            },
        }
    }
}

fn health(status: &MirrorStatus, reason: Option<&str>) -> &'static str {
    match (status.takes_traffic(), reason) {
        (false, _) => RED,
        (true, Some(_)) => YELLOW,
        (true, None) => GREEN,
    }
}

fn state_name(status: &MirrorStatus) -> &'static str {
    match status.upstream_state {
        UpstreamState::Installed if status.ready && status.late_ms().is_some() => LAGGING,
        UpstreamState::Installed if status.ready && status.upstream.not_known_since.is_some() => UNVERIFIED,
        UpstreamState::Installed if status.ready => SYNCHRONIZED,
        UpstreamState::Installed => SYNCHRONIZING,
        UpstreamState::Initializing => "INITIALIZING",
        UpstreamState::Pending => "PENDING",
        UpstreamState::Unknown => "UNKNOWN",
        UpstreamState::Removed => "REMOVED",
    }
}

/// Repositories without a record that are too many to be moved into the trash unasked.
fn unrecorded(status: &MirrorStatus) -> usize {
    status.last_sweep.map_or(0, |sweep| sweep.held_back)
}

/// That the mirror is too late, and the first thing to look at.
fn reason(status: &MirrorStatus) -> Option<String> {
    let first = first_reason(status);
    let Some(late) = late(status) else { return first };
    Some(match first {
        Some(first) => format!("{late}: {first}"),
        None => late,
    })
}

/// That the mirror is further behind than its operator allows, in figures.
fn late(status: &MirrorStatus) -> Option<String> {
    let seconds = |milliseconds: i64| milliseconds / 1_000;
    let (late, limit) = (seconds(status.late_ms()?), seconds(status.lag_limit_ms?));
    Some(match status.lag_ms >= status.not_known_ms {
        true => format!(
            "a change that the upstream made known {late} s ago is not here yet, and the limit is {limit} s (lag-limit)"
        ),
        false => format!(
            "it has not been known for {late} s what the upstream has, and the limit is {limit} s (lag-limit)"
        ),
    })
}

/// The first thing to look at, from the link over the comparison with the upstream to single repositories.
fn first_reason(status: &MirrorStatus) -> Option<String> {
    let unrecorded = unrecorded(status);
    if let Some(complaint) = status.room.and_then(|room| room.complaint()) {
        Some(format!("{complaint}; what does not fit is not fetched"))
    } else if status.complaint.is_some() {
        status.complaint.clone()
    } else if status.reason.is_some() {
        status.reason.clone()
    } else if let Some(not_known) = not_known(status) {
        Some(not_known)
    } else if status.held > 0 {
        Some(format!(
            "the upstream has lost what this mirror has of {}; nothing of that is removed or overwritten until an administrator \
             confirms",
            counted(status.held, "repository", "repositories")
        ))
    } else if unrecorded > 0 {
        Some(format!(
            "no record tells of {} on disk, kept until an administrator confirms",
            counted(unrecorded, "repository", "repositories")
        ))
    } else if status.in_repair > 0 {
        let reason = status.in_repair_reason.as_deref().unwrap_or("unknown");
        let repositories = counted(status.in_repair, "repository is", "repositories are");
        Some(format!("{repositories} being repaired: {reason}"))
    } else if status.failing > 0 {
        Some(format!(
            "{} could not be synchronized; heliostat mirror status tells which, and why",
            counted(status.failing, "repository", "repositories")
        ))
    } else if !status.ready {
        Some("the first synchronization has not ended".to_owned())
    } else {
        skewed(status)
    }
}

/// That the clocks of the two machines have begun to differ.
fn skewed(status: &MirrorStatus) -> Option<String> {
    let skew_ms = status.clock_skew_ms.filter(|skew_ms| skew_ms.abs() > DOUBTFUL_SKEW_SECONDS * 1_000)?;
    let direction = if skew_ms > 0 { "behind" } else { "ahead of" };
    Some(format!(
        "the clock of this machine is {} s {direction} the upstream's, and calls between the two are refused beyond \
         {MAX_SKEW_SECONDS} s: keep both in step, by NTP for instance",
        (skew_ms.abs() + 500) / 1_000
    ))
}

/// Why it is not known what the upstream has, and since when.
fn not_known(status: &MirrorStatus) -> Option<String> {
    let since = event_date(status.upstream.not_known_since?);
    let since = match status.not_known_ms {
        Some(for_ms) => format!("{since} ({} s)", for_ms / 1_000),
        None => since,
    };
    let error = status.why_away.as_deref().or(status.sweep_error.as_deref());
    Some(match (status.upstream.reachable, error) {
        (false, None) => {
            format!("the upstream does not answer; what it has is not known since {since}")
        }
        (false, Some(error)) => {
            format!("the upstream does not answer; what it has is not known since {since}: {error}")
        }
        (true, Some(error)) => format!(
            "the last comparison with the upstream failed; what it has is not known since {since}: {error}"
        ),
        (true, None) if !status.ready => "the first synchronization has not ended".to_owned(),
        (true, None) => {
            format!("the upstream is being compared with this mirror; what it has is not known since {since}")
        }
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use heliostat_mirror::{Progress, UpstreamFacts};

    use super::*;

    /// A mirror at rest.
    pub(crate) fn status() -> MirrorStatus {
        MirrorStatus {
            server_id: "B0F5-CS21-45C2-CCK3".to_owned(),
            name: "saigon".to_owned(),
            upstream_url: "https://git.example.com".to_owned(),
            upstream_state: UpstreamState::Installed,
            reason: None,
            ready: true,
            upstream: UpstreamFacts {
                reachable: true,
                last_contact_at: Some(2),
                last_comparison_at: Some(1),
                not_known_since: None,
            },
            progress: Progress {
                discovering: false,
                synced: 3,
                total: 3,
                mirrored: 3,
                in_step: 3,
                not_known_since: None,
            },
            available: 3,
            failing: 0,
            in_repair: 0,
            in_repair_reason: None,
            repairs: heliostat_mirror::RepairCounters::default(),
            disk: heliostat_mirror::DiskCounters::default(),
            changes: heliostat_mirror::ChangeCounters::default(),
            runs: heliostat_mirror::RunCounters::default(),
            held: 0,
            lag_ms: None,
            not_known_ms: None,
            why_away: None,
            lag_limit_ms: None,
            last_sync_at: Some(1),
            last_sweep: None,
            sweeps: heliostat_mirror::SweepCounters::default(),
            sweep_error: None,
            clock_skew_ms: None,
            room: None,
            complaint: None,
        }
    }

    #[test]
    fn a_mirror_at_rest_says_what_load_balancers_expect() {
        let answer = serde_json::to_value(MirrorAnswer::of(status())).expect("plain data");
        assert_eq!(
            answer,
            serde_json::json!({
                "state": "SYNCHRONIZED", "health": "GREEN", "memberCount": "1",
                "discovering": false, "syncedRepos": 3, "totalRepos": 3, "mirroredRepos": 3, "inStepRepos": 3,
                "availableRepos": 3, "repositoriesInError": 0, "repositoriesInRepair": 0, "lastSyncDate": 1,
                "upstream": {
                    "baseUrl": "https://git.example.com", "state": "INSTALLED", "reachable": true,
                    "lastContactDate": 2, "lastComparisonDate": 1
                }
            })
        );
    }

    #[test]
    fn a_mirror_says_since_when_it_does_not_know_its_upstream() {
        let facts = UpstreamFacts { reachable: false, not_known_since: Some(2_000), ..status().upstream };
        let away = MirrorAnswer::of(MirrorStatus { upstream: facts, ..status() });
        assert_eq!(away.state, UNVERIFIED);
        let reason = away.reason.expect("it says why");
        assert!(reason.contains("does not answer") && reason.contains("1970-01-01T00:00:02"), "{reason}");

        let why_away = Some("http://git/ cannot be reached: refused".to_owned());
        let refused = MirrorAnswer::of(MirrorStatus { upstream: facts, why_away, ..status() });
        assert!(refused.reason.is_some_and(|reason| reason.ends_with("cannot be reached: refused")));

        let facts = UpstreamFacts { reachable: true, ..facts };
        let failed = Some("the list does not end".to_owned());
        let failing = MirrorStatus { upstream: facts, sweep_error: failed, ..status() };
        let reason = MirrorAnswer::of(failing).reason.expect("it says why");
        assert!(reason.contains("comparison") && reason.ends_with("the list does not end"), "{reason}");

        let first = MirrorAnswer::of(MirrorStatus { upstream: facts, ready: false, ..status() });
        assert_eq!(first.state, SYNCHRONIZING, "nothing was known before");
    }

    #[test]
    fn a_mirror_turns_yellow_without_its_upstream_and_red_beyond_the_limit() {
        let facts = UpstreamFacts { reachable: false, not_known_since: Some(2_000), ..status().upstream };
        let away = |not_known_ms, lag_limit_ms| {
            let not_known_ms = Some(not_known_ms);
            MirrorAnswer::of(MirrorStatus { upstream: facts, not_known_ms, lag_limit_ms, ..status() })
        };
        let (short, unlimited, long) =
            (away(9_000, Some(10_000)), away(99_000, None), away(11_000, Some(10_000)));
        assert_eq!((short.state, short.health), (UNVERIFIED, YELLOW));
        assert_eq!((unlimited.state, unlimited.health), (UNVERIFIED, YELLOW));
        assert_eq!((long.state, long.health), (LAGGING, RED));
        let reason = long.reason.expect("it says why");
        assert!(
            reason.contains("11 s") && reason.contains("10 s") && reason.contains("does not answer"),
            "{reason}"
        );

        let behind = |lag_ms| {
            MirrorAnswer::of(MirrorStatus { lag_ms: Some(lag_ms), lag_limit_ms: Some(10_000), ..status() })
        };
        assert_eq!((behind(10_000).state, behind(10_000).health), (SYNCHRONIZED, GREEN));
        assert_eq!((behind(10_001).state, behind(10_001).health), (LAGGING, RED));
        let first =
            MirrorStatus { lag_ms: Some(20_000), lag_limit_ms: Some(10_000), ready: false, ..status() };
        assert_eq!(MirrorAnswer::of(first).state, SYNCHRONIZING, "nothing was here before");
    }

    #[test]
    fn clocks_that_begin_to_differ_are_told_before_calls_are_refused() {
        let skewed = |clock_skew_ms| MirrorAnswer::of(MirrorStatus { clock_skew_ms, ..status() });
        assert_eq!((skewed(Some(5_000)).health, skewed(None).health), (GREEN, GREEN));
        let behind = skewed(Some(11_990));
        assert_eq!((behind.state, behind.health), (SYNCHRONIZED, YELLOW));
        let reason = behind.reason.expect("it says why");
        assert!(reason.contains("12 s behind") && reason.contains("NTP"), "{reason}");
        assert!(skewed(Some(-12_000)).reason.is_some_and(|reason| reason.contains("12 s ahead of")));
    }

    #[test]
    fn a_mirror_that_is_not_ready_says_why() {
        let first = MirrorAnswer::of(MirrorStatus { ready: false, ..status() });
        assert_eq!((first.state, first.reason.is_some()), ("SYNCHRONIZING", true));
        let waits = "an administrator of the upstream has to accept this mirror";
        let pending = MirrorAnswer::of(MirrorStatus {
            upstream_state: UpstreamState::Pending,
            reason: Some(waits.to_owned()),
            ready: false,
            ..status()
        });
        assert_eq!((pending.state, pending.reason.as_deref()), ("PENDING", Some(waits)));
    }
}
