//! How mirrors stand, on the wire.

use heliostat_api::models::{
    MirrorEventType, MirrorStanding as WireStanding, RestDelayedCopy, RestMirrorCopies, RestMirrorStanding,
    RestRepositoryCopy,
};
use heliostat_downstream::{MirrorCopies, MirrorStanding, Standing};
use heliostat_storage::{Generation, MirrorOutcome, Repository, RepositoryMirrorState};

/// What is known of the copies on a mirror.
pub fn mirror_standing(known: MirrorStanding) -> RestMirrorStanding {
    let (copies, told_at) = known.told.unzip();
    RestMirrorStanding {
        standing: match known.standing {
            Standing::UpToDate => WireStanding::UpToDate,
            Standing::Behind => WireStanding::Behind,
            Standing::Unreachable => WireStanding::Unreachable,
            Standing::Unknown => WireStanding::Unknown,
        },
        mirrored_repos: copies.as_ref().map(|copies| copies.mirrored),
        in_step_repos: copies.as_ref().map(|copies| copies.in_step),
        told_date: told_at,
        last_seen_date: known.heard_at,
        pending_events: i64::try_from(known.pending_events).unwrap_or(i64::MAX),
        last_error: known.last_error,
        lag_millis: known.lag_ms,
        last_sync_date: copies.as_ref().and_then(|copies| copies.last_sync_at),
        failing_repos: copies.as_ref().and_then(|copies| copies.failing),
        failure: copies.and_then(|copies| copies.failure),
    }
}

/// How far a mirror says that it is.
pub fn mirror_copies(told: &RestMirrorCopies) -> MirrorCopies {
    MirrorCopies {
        discovering: told.discovering,
        mirrored: told.mirrored_repos,
        in_step: told.in_step_repos,
        lag_ms: told.lag_millis,
        last_sync_at: told.last_sync_date,
        failing: told.failing_repos,
        failure: told.failure.clone(),
    }
}

/// A repository that is behind on a mirror, and what the mirror has reported of it last.
pub fn delayed_copy((repository, reported): (Repository, RepositoryMirrorState)) -> RestDelayedCopy {
    RestDelayedCopy {
        repository_id: repository.id.to_string(),
        project_key: repository.project.key,
        repository_slug: repository.slug,
        generation: reported.synced_generation.map(|generation| generation.0),
        upstream_generation: repository.generation.0,
        outcome: match reported.last_outcome {
            MirrorOutcome::Synchronized => MirrorEventType::Synchronized,
            MirrorOutcome::SynchronizationFailed => MirrorEventType::SynchronizationFailed,
        },
        reported_date: reported.reported_at,
    }
}

/// How the copy of a repository on a mirror stands, where this is the newest generation.
pub fn repository_copy(newest: Generation, reported: Option<&RepositoryMirrorState>) -> RestRepositoryCopy {
    let generation = reported.and_then(|reported| reported.synced_generation);
    let has_failed = reported.is_some_and(|reported| reported.last_outcome != MirrorOutcome::Synchronized);
    RestRepositoryCopy {
        standing: match generation {
            _ if has_failed => WireStanding::Behind,
            None => WireStanding::Unknown,
            Some(generation) if generation < newest => WireStanding::Behind,
            Some(_) => WireStanding::UpToDate,
        },
        generation: generation.map(|generation| generation.0),
        reported_date: reported.map(|reported| reported.reported_at),
    }
}
