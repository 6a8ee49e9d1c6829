//! What repositories follow on the wire: never with a password or a key.

use heliostat_api::models::{
    FollowingFault as WireFault, FollowingState, RestFollowedRepository, RestFollowing, RestFollowingError,
    RestFollowingRequest,
};
use heliostat_auth::Secret;
use heliostat_storage::{FollowingError, FollowingFault, Repository};
use heliostat_upstream::{FollowedRepository, FollowingFields};

use super::UpstreamWire;

impl UpstreamWire {
    /// A repository with what it follows.
    pub fn followed_repository(
        &self,
        repository: &Repository,
        followed: FollowedRepository,
    ) -> RestFollowedRepository {
        RestFollowedRepository { repository: self.repository(repository), following: following(followed) }
    }
}

/// What a repository follows, and how that goes.
pub fn following(followed: FollowedRepository) -> RestFollowing {
    let FollowedRepository { following, in_progress, now_ms } = followed;
    let state = match (&following.error, following.last_success_at) {
        (Some(_), _) => FollowingState::Failing,
        (None, Some(_)) => FollowingState::InStep,
        (None, None) => FollowingState::New,
    };
    let source = following.source;
    RestFollowing {
        url: source.url,
        interval_seconds: source.interval_seconds,
        username: source.username,
        password_set: source.password.is_some(),
        ssh_key_set: source.ssh_key.is_some(),
        known_hosts_set: source.known_hosts.is_some(),
        state,
        in_progress,
        last_attempt_at: following.last_attempt_at,
        last_success_at: following.last_success_at,
        last_change_at: following.last_change_at,
        lag: following.last_success_at.map(|at| (now_ms - at).max(0)),
        failures: following.failures,
        error: following.error.map(error),
    }
}

/// What a repository is to follow, as the domain takes it in.
pub fn fields(body: RestFollowingRequest) -> FollowingFields {
    FollowingFields {
        url: body.url,
        interval_seconds: body.interval_seconds,
        username: body.username,
        password: body.password.map(Secret::new),
        ssh_key: body.ssh_key.map(Secret::new),
        known_hosts: body.known_hosts,
        overwrite: body.overwrite.unwrap_or(false),
    }
}

fn error(error: FollowingError) -> RestFollowingError {
    let fault = match error.fault {
        FollowingFault::Credentials => WireFault::Credentials,
        FollowingFault::Forbidden => WireFault::Forbidden,
        FollowingFault::NotFound => WireFault::NotFound,
        FollowingFault::Elsewhere => WireFault::Elsewhere,
        FollowingFault::Away => WireFault::Away,
        FollowingFault::NotTrusted => WireFault::NotTrusted,
        FollowingFault::NoRepository => WireFault::NoRepository,
        FollowingFault::TooMany => WireFault::TooMany,
        FollowingFault::ObjectFormat => WireFault::ObjectFormat,
        FollowingFault::Emptied => WireFault::Emptied,
        FollowingFault::Archived => WireFault::Archived,
        FollowingFault::ThisServer => WireFault::ThisServer,
    };
    RestFollowingError { fault, message: error.message }
}
