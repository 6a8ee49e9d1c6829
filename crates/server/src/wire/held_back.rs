//! What a mirror holds back, on the wire.

use heliostat_api::models::{HeldBackReason, RestHeldBack, RestHeldBackRepository};
use heliostat_mirror::HeldBackList;
use heliostat_storage::{HeldReason, MirroredRepository};

/// Repositories that are named at most; the others are counted.
const MAX_NAMED: usize = 1_000;

/// What is held back at this moment.
pub fn held_back(list: &HeldBackList) -> RestHeldBack {
    RestHeldBack {
        token: list.token.clone(),
        count: count(list.repositories.len()),
        repositories: list.repositories.iter().take(MAX_NAMED).map(|record| repository(record)).collect(),
        unrecorded_count: count(list.unrecorded.len()),
    }
}

fn repository(record: &MirroredRepository) -> RestHeldBackRepository {
    RestHeldBackRepository {
        repository_id: record.external_id.clone(),
        local_repository_id: record.local_id.0,
        project_key: record.project_key.clone(),
        slug: record.slug.clone(),
        reason: match record.held {
            Some(HeldReason::FellBack) => HeldBackReason::FellBack,
            Some(HeldReason::Replaced) => HeldBackReason::Replaced,
            Some(HeldReason::Missing) | None => HeldBackReason::Missing,
        },
        since: record.held_at.unwrap_or_default(),
        generation: record.generation_synced.0,
    }
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
