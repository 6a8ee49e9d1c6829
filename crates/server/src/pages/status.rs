//! `GET /status` of all roles: what load balancers ask, without credentials.
//!
//! It holds nothing secret: numbers of repositories, but no names.

use std::sync::Arc;

use heliostat_git::DiskState;
use heliostat_mirror::Mirror;
use heliostat_origin::Origin;
use heliostat_peer::counted;
use heliostat_storage::Database;
use heliostat_upstream::{Upstream, UpstreamStatus};
use poem::endpoint::{make, make_sync};
use poem::http::{StatusCode, header};
use poem::{Response, RouteMethod, get};
use serde::Serialize;

use super::mirror_answer::{GREEN, MirrorAnswer, RED, YELLOW};
use super::origin_answer::OriginAnswer;
use crate::http::Tls;
use crate::http::problem::Problem;

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

/// What an upstream says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpstreamAnswer {
    state: &'static str,
    /// As at a mirror: green, yellow where there is something to look at, red where it must not take traffic.
    health: &'static str,
    /// Recorded repositories that are missing or damaged.
    #[serde(skip_serializing_if = "is_zero")]
    unserved_repos: usize,
    /// Repositories on disk that no record knows.
    #[serde(skip_serializing_if = "is_zero")]
    unrecorded_repos: usize,
    /// Mirrors that were not heard of, or take no events.
    #[serde(skip_serializing_if = "is_zero")]
    unreachable_mirrors: usize,
    /// Repositories that could not be brought in step with what they follow.
    #[serde(skip_serializing_if = "is_zero")]
    failing_followings: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The same, and who says it: what a mirror that is to follow it must know before.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IntroducedUpstream<'a> {
    #[serde(flatten)]
    told: UpstreamAnswer,
    /// What it calls itself, to mirrors and in the addresses that it shows.
    base_url: &'a str,
    /// The version of this program, whichever it reports to clients.
    version: &'static str,
}

/// `GET /status` of an upstream: 200 while its database answers.
pub fn upstream_status(upstream: Upstream, database: Database, tls: Option<Tls>) -> RouteMethod {
    get(make(move |_| {
        let (upstream, absence, double) = (upstream.clone(), database.absence(), database.double());
        let certificate = tls.as_ref().and_then(Tls::end_notice);
        async move {
            let (code, told) = match absence {
                Some(absence) => (StatusCode::SERVICE_UNAVAILABLE, UpstreamAnswer::error(absence)),
                None => match upstream.status().await {
                    Ok(status) => (StatusCode::OK, UpstreamAnswer::running(&status, double, certificate)),
                    Err(refusal) => {
                        let reason = Problem::from(refusal).message().to_owned();
                        (StatusCode::SERVICE_UNAVAILABLE, UpstreamAnswer::error(reason))
                    }
                },
            };
            let base_url = upstream.base_url().as_str().trim_end_matches('/');
            answer(code, &IntroducedUpstream { told, base_url, version: env!("CARGO_PKG_VERSION") })
        }
    }))
}

/// `GET /status` of a mirror: 200 only while the node may take traffic.
pub fn mirror_status(mirror: Arc<Mirror>, database: Database, tls: Option<Tls>) -> RouteMethod {
    get(make_sync(move |_| {
        let status = mirror.status.now();
        let first = database.absence().or_else(|| database.double());
        let told = MirrorAnswer::with_reasons(status, first, tls.as_ref().and_then(Tls::end_notice));
        let code = if told.health == RED { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        answer(code, &told)
    }))
}

/// `GET /status` of a mirror of another Git server; `complaint` is what else should be looked at.
pub fn origin_status(
    origin: Arc<Origin>,
    database: Database,
    tls: Option<Tls>,
    complaint: impl Fn() -> Option<String> + Send + Sync + 'static,
) -> RouteMethod {
    get(make_sync(move |_| {
        let certificate = || tls.as_ref().and_then(Tls::end_notice);
        let first = database.absence().or_else(|| database.double()).or_else(&complaint).or_else(certificate);
        let told = OriginAnswer::of(origin.status(), origin.engine().room(), first);
        answer(StatusCode::OK, &told)
    }))
}

impl UpstreamAnswer {
    /// The others are served, so the node may take traffic; but an administrator has to look.
    fn running(status: &UpstreamStatus, double: Option<String>, certificate: Option<String>) -> Self {
        let (disk, room, doubled) = (&status.disk, status.room, status.doubled_mirrors);
        let doubled = (doubled > 0).then(|| {
            let mirrors = counted(doubled, "mirror is", "mirrors are");
            format!("{mirrors} run twice, with copies of one data directory; the log tells which")
        });
        let copied = status.runs_twice.then(|| {
            "mirrors hear from another process in the name of this server: its data directory was copied; stop one of the two"
                .to_owned()
        });
        let (unserved_repos, unrecorded_repos) = (disk.unserved.len(), disk.unrecorded.len());
        let unserved = (unserved_repos > 0).then(|| {
            format!(
                "{} missing or damaged on the disk and not served; heliostat repository restore brings back what a mirror has",
                counted(unserved_repos, "recorded repository is", "recorded repositories are")
            )
        });
        let unrecorded = (unrecorded_repos > 0).then(|| {
            format!(
                "{} no record, as after a restore of an older database; heliostat repository adopt lists what there is and \
                 takes it over",
                counted(unrecorded_repos, "repository on the disk has", "repositories on the disk have")
            )
        });
        let (mirrors, unreachable_mirrors) = (status.mirrors, status.unreachable_mirrors);
        let unreachable = (unreachable_mirrors > 0).then(|| {
            format!(
                "{unreachable_mirrors} of {} cannot be reached, or {} no events; heliostat mirror list tells which, and \
                 heliostat mirror show why",
                counted(mirrors, "mirror", "mirrors"),
                if unreachable_mirrors == 1 { "takes" } else { "take" }
            )
        });
        let failing_followings = status.following.failing;
        let not_in_step = (failing_followings > 0).then(|| {
            format!(
                "{failing_followings} of {} one of another server could not be brought in step; heliostat repository following \
                 tells which, and why",
                counted(status.following.repositories, "repository that follows", "repositories that follow")
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
            .chain(unreachable)
            .chain(not_in_step)
            .chain(certificate)
            .collect();
        let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
        let state = match room.map_or(DiskState::Writable, |room| room.state()) {
            DiskState::Writable => RUNNING,
            DiskState::Low => DISK_LOW,
            DiskState::Full => DISK_FULL,
            DiskState::ReadOnly => DISK_READ_ONLY,
        };
        UpstreamAnswer {
            state,
            health: if reason.is_some() { YELLOW } else { GREEN },
            unserved_repos,
            unrecorded_repos,
            unreachable_mirrors,
            failing_followings,
            reason,
        }
    }

    fn error(reason: String) -> Self {
        UpstreamAnswer {
            state: ERROR,
            health: RED,
            unserved_repos: 0,
            unrecorded_repos: 0,
            unreachable_mirrors: 0,
            failing_followings: 0,
            reason: Some(reason),
        }
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn answer(code: StatusCode, answer: &impl Serialize) -> Response {
    Response::builder()
        .status(code)
        .content_type("application/json")
        .header(header::CACHE_CONTROL, "no-store")
        .body(serde_json::to_vec(answer).unwrap_or_default())
}
