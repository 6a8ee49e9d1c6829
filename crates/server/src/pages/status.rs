//! `GET /status` of both roles: what load balancers ask, without credentials.
//!
//! It holds nothing secret: numbers of repositories, but no names.

use std::sync::Arc;

use heliostat_api::models::RestSyncProgress;
use heliostat_downstream::event_date;
use heliostat_git::DiskState;
use heliostat_mirror::{Mirror, MirrorStatus};
use heliostat_storage::{Database, UpstreamState};
use heliostat_upstream::{Upstream, UpstreamStatus};
use poem::endpoint::{make, make_sync};
use poem::http::{StatusCode, header};
use poem::{Response, RouteMethod, get};
use serde::Serialize;

use crate::http::problem::Problem;
use crate::wire::sync_progress;

/// An upstream that may take traffic.
const RUNNING: &str = "RUNNING";
/// A server that answers readers and has no room for what is pushed or fetched.
const DISK_FULL: &str = "DISK_FULL";
/// One that has room for little.
const DISK_LOW: &str = "DISK_LOW";
/// One whose disk cannot be written.
const DISK_READ_ONLY: &str = "DISK_READ_ONLY";
/// An upstream that cannot answer requests.
const ERROR: &str = "ERROR";
/// A mirror that may take traffic.
pub const SYNCHRONIZED: &str = "SYNCHRONIZED";
/// A mirror that may take traffic, but does not know whether it has what the upstream has.
const UNVERIFIED: &str = "UNVERIFIED";
/// A mirror in its first synchronisation.
const SYNCHRONIZING: &str = "SYNCHRONIZING";

/// What an upstream says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpstreamAnswer {
    state: &'static str,
    /// Recorded repositories that are missing or damaged.
    #[serde(skip_serializing_if = "is_zero")]
    unserved_repos: usize,
    /// Repositories on disk that no record knows.
    #[serde(skip_serializing_if = "is_zero")]
    unrecorded_repos: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// What a mirror says: first what existing load balancers and scripts read, then what explains it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MirrorAnswer {
    /// Whether the node may take traffic, or how far it is.
    pub state: &'static str,
    /// How many nodes there are: a number in a string, as others write it.
    pub member_count: String,
    /// How far the synchronisation is; the same as the operation of that name answers.
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
}

/// `GET /status` of an upstream: 200 while its database answers.
pub fn upstream_status(upstream: Upstream, database: Database) -> RouteMethod {
    get(make(move |_| {
        let (upstream, absence, double) = (upstream.clone(), database.absence(), database.double());
        async move {
            if let Some(absence) = absence {
                return answer(StatusCode::SERVICE_UNAVAILABLE, &UpstreamAnswer::error(absence));
            }
            match upstream.status().await {
                Ok(status) => answer(StatusCode::OK, &UpstreamAnswer::running(&status, double)),
                Err(refusal) => {
                    let reason = Problem::from(refusal).message().to_owned();
                    answer(StatusCode::SERVICE_UNAVAILABLE, &UpstreamAnswer::error(reason))
                }
            }
        }
    }))
}

/// `GET /status` of a mirror: 200 only while the node may take traffic.
pub fn mirror_status(mirror: Arc<Mirror>, database: Database) -> RouteMethod {
    get(make_sync(move |_| {
        let status = mirror.status.now();
        let code = if status.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let mut told = MirrorAnswer::of(status);
        told.reason = database.absence().or_else(|| database.double()).or(told.reason);
        answer(code, &told)
    }))
}

impl UpstreamAnswer {
    /// The others are served, so the node may take traffic; but somebody has to look.
    fn running(status: &UpstreamStatus, double: Option<String>) -> Self {
        let (disk, room, doubled) = (&status.disk, status.room, status.doubled_mirrors);
        let doubled = (doubled > 0).then(|| {
            format!("{doubled} mirrors are run twice, with copies of one data directory; the log names them")
        });
        let copied = status.runs_twice.then(|| {
            "mirrors hear from another process in the name of this server: its data directory was copied; stop one of the two"
                .to_owned()
        });
        let (unserved_repos, unrecorded_repos) = (disk.unserved.len(), disk.unrecorded.len());
        let unserved = (unserved_repos > 0).then(|| {
            format!(
                "{unserved_repos} recorded repositories are missing or damaged on the disk and not served; \
                 heliostat repository restore brings back what a mirror has"
            )
        });
        let unrecorded = (unrecorded_repos > 0).then(|| {
            format!(
                "{unrecorded_repos} repositories on the disk have no record, as after a restore of an older database; \
                 heliostat repository adopt lists them and takes them over"
            )
        });
        let full = room
            .and_then(|room| room.complaint())
            .map(|complaint| format!("{complaint}; pushes that do not fit are refused"));
        let reasons: Vec<String> = full
            .into_iter()
            .chain(double)
            .chain(copied)
            .chain(unserved)
            .chain(unrecorded)
            .chain(doubled)
            .collect();
        let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
        let state = match room.map_or(DiskState::Writable, |room| room.state()) {
            DiskState::Writable => RUNNING,
            DiskState::Low => DISK_LOW,
            DiskState::Full => DISK_FULL,
            DiskState::ReadOnly => DISK_READ_ONLY,
        };
        UpstreamAnswer { state, unserved_repos, unrecorded_repos, reason }
    }

    fn error(reason: String) -> Self {
        UpstreamAnswer { state: ERROR, unserved_repos: 0, unrecorded_repos: 0, reason: Some(reason) }
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl MirrorAnswer {
    /// The answer of a mirror in this state.
    pub fn of(status: MirrorStatus) -> Self {
        MirrorAnswer {
            state: state_name(&status),
            member_count: "1".to_owned(),
            progress: sync_progress(status.progress),
            available_repos: status.available,
            repositories_in_error: status.failing,
            repositories_in_repair: status.in_repair,
            held_repos: Some(status.held + unrecorded(&status)).filter(|held| *held > 0),
            lag_millis: status.lag_ms,
            last_sync_date: status.last_sync_at,
            reason: reason(&status),
            upstream: FollowedUpstream {
                base_url: status.upstream_url,
                state: status.upstream_state.to_string(),
                reachable: status.upstream.reachable,
                last_contact_date: status.upstream.last_contact_at,
                last_comparison_date: status.upstream.last_comparison_at,
            },
        }
    }
}

fn state_name(status: &MirrorStatus) -> &'static str {
    match status.upstream_state {
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

/// The first thing to look at, from the link over the comparison with the upstream to single repositories.
fn reason(status: &MirrorStatus) -> Option<String> {
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
            "the upstream has lost what this mirror has of {} repositories; nothing of them is removed or overwritten until an \
             administrator confirms",
            status.held
        ))
    } else if unrecorded > 0 {
        Some(format!(
            "no record tells of {unrecorded} repositories on disk; they are kept until an administrator confirms"
        ))
    } else if status.in_repair > 0 {
        let reason = status.in_repair_reason.as_deref().unwrap_or("unknown");
        Some(format!("{} of the repositories are being repaired: {reason}", status.in_repair))
    } else if status.failing > 0 {
        Some(format!("{} of the repositories could not be synchronized", status.failing))
    } else if !status.ready {
        Some("the first synchronization has not ended".to_owned())
    } else {
        None
    }
}

/// Why it is not known what the upstream has, and since when.
fn not_known(status: &MirrorStatus) -> Option<String> {
    let since = event_date(status.upstream.not_known_since?);
    let error = status.sweep_error.as_deref();
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

fn answer(code: StatusCode, answer: &impl Serialize) -> Response {
    Response::builder()
        .status(code)
        .content_type("application/json")
        .header(header::CACHE_CONTROL, "no-store")
        .body(serde_json::to_vec(answer).unwrap_or_default())
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
            held: 0,
            lag_ms: None,
            last_sync_at: Some(1),
            last_sweep: None,
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
                "state": "SYNCHRONIZED", "memberCount": "1",
                "discovering": false, "syncedRepos": 0, "totalRepos": 0, "mirroredRepos": 3, "inStepRepos": 3,
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

        let facts = UpstreamFacts { reachable: true, ..facts };
        let failed = Some("the list does not end".to_owned());
        let failing = MirrorStatus { upstream: facts, sweep_error: failed, ..status() };
        let reason = MirrorAnswer::of(failing).reason.expect("it says why");
        assert!(reason.contains("comparison") && reason.ends_with("the list does not end"), "{reason}");

        let first = MirrorAnswer::of(MirrorStatus { upstream: facts, ready: false, ..status() });
        assert_eq!(first.state, SYNCHRONIZING, "nothing was known before");
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
