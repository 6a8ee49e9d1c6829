//! Upstreams and repositories as a mirror knows them.

use std::fmt;

use super::redact;
use crate::ids::{Generation, LocalRepositoryId, UpstreamServerId};
use crate::named_value::named_values;

named_values! {
    /// How far a mirror has come with an upstream.
    UpstreamState {
        /// The request has not been sent.
        Initializing = "INITIALIZING",
        /// The request waits for a decision.
        Pending = "PENDING",
        /// The mirror follows.
        Installed = "INSTALLED",
        /// The upstream's word is missing or not understood.
        Unknown = "UNKNOWN",
        /// The upstream has revoked the mirror.
        Removed = "REMOVED",
    }
}

named_values! {
    /// Which projects of an upstream a mirror holds.
    MirroringMode {
        /// All, those of the future included.
        AllProjects = "ALL_PROJECTS",
        /// Those that were chosen.
        SelectedProjects = "SELECTED_PROJECTS",
    }
}

named_values! {
    /// What can be done with a mirrored repository.
    MirroredStatus {
        /// It is not mirrored here.
        NotMirrored = "NOT_MIRRORED",
        /// The first synchronisation has not ended.
        Initializing = "INITIALIZING",
        /// It can be cloned.
        Available = "AVAILABLE",
        /// The first synchronisation has failed.
        ErrorInitializing = "ERROR_INITIALIZING",
        /// It can be cloned, but the last synchronisation has failed.
        ErrorAvailable = "ERROR_AVAILABLE",
    }
}

named_values! {
    /// Why a repository is neither removed nor overwritten until an administrator says so.
    HeldReason {
        /// The upstream does not know it, and has not announced that it was deleted.
        Missing = "MISSING",
        /// The upstream has less of it than it had.
        FellBack = "FELL_BACK",
        /// The upstream has another repository with its id.
        Replaced = "REPLACED",
    }
}

/// An upstream that this mirror follows or wants to follow.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamServer {
    /// The name-based UUID of the upstream.
    pub id: UpstreamServerId,
    /// Where it is reached.
    pub base_url: String,
    /// How far this mirror has come with it.
    pub state: UpstreamState,
    /// What both sides sign with, once installed.
    pub shared_secret: Option<String>,
    /// How the upstream names itself, once installed.
    pub client_key: Option<String>,
    /// Which projects are mirrored.
    pub mode: MirroringMode,
    /// Why the last step failed.
    pub last_error: Option<String>,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds of the last change of state.
    pub state_changed_at: i64,
}

impl fmt::Debug for UpstreamServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamServer")
            .field("id", &self.id)
            .field("base_url", &self.base_url)
            .field("state", &self.state)
            .field("shared_secret", &redact(self.shared_secret.as_ref()))
            .field("client_key", &self.client_key)
            .field("mode", &self.mode)
            .field("last_error", &self.last_error)
            .field("created_at", &self.created_at)
            .field("state_changed_at", &self.state_changed_at)
            .finish()
    }
}

/// Which projects of an upstream a mirror holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// All or chosen ones.
    pub mode: MirroringMode,
    /// The chosen ones, by the upstream's ids, sorted; kept when the mode is switched to all.
    pub project_ids: Vec<String>,
}

/// What the upstream says about a repository, apart from its refs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryMetadata {
    /// Which upstream.
    pub upstream_server_id: UpstreamServerId,
    /// The upstream's id of the repository.
    pub external_id: String,
    /// The upstream's id of the project.
    pub project_id: String,
    /// The project's key.
    pub project_key: String,
    /// The project's name.
    pub project_name: String,
    /// Whether the project is public.
    pub project_public: bool,
    /// The repository's name in URLs.
    pub slug: String,
    /// The repository's name.
    pub name: String,
    /// Whether the repository is public.
    pub public: bool,
    /// Full name of the ref that HEAD points to, if known.
    pub default_branch: Option<String>,
    /// Hash over the above, as the upstream computes it.
    pub metadata_hash: String,
    /// What it keeps for life and no other repository has, if the upstream tells it; one that is known stays.
    pub identity: Option<String>,
}

/// A repository that the upstream has and this mirror does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMirroredRepository {
    /// What the upstream says about it.
    pub metadata: RepositoryMetadata,
    /// Which generation of its refs the upstream has.
    pub generation: Generation,
    /// Hash over the refs at that generation.
    pub upstream_content_hash: String,
}

/// A repository of an upstream, as this mirror has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirroredRepository {
    /// This mirror's own id; never used again.
    pub local_id: LocalRepositoryId,
    /// Which upstream.
    pub upstream_server_id: UpstreamServerId,
    /// The upstream's id of the repository.
    pub external_id: String,
    /// The upstream's id of the project.
    pub project_id: String,
    /// The project's upper-case key.
    pub project_key: String,
    /// The project's name.
    pub project_name: String,
    /// Whether the project is public.
    pub project_public: bool,
    /// The repository's lower-case name in URLs.
    pub slug: String,
    /// The repository's name.
    pub name: String,
    /// Whether the repository is public.
    pub public: bool,
    /// Full name of the ref that HEAD points to, if known.
    pub default_branch: Option<String>,
    /// The upstream's hash over what is known about it.
    pub metadata_hash: String,
    /// Hash over the refs here, since the last synchronisation.
    pub content_hash: Option<String>,
    /// The upstream's hash over its refs at `generation_known`.
    pub upstream_content_hash: Option<String>,
    /// The generation that is here.
    pub generation_synced: Generation,
    /// The newest generation that the upstream has told of.
    pub generation_known: Generation,
    /// What can be done with it.
    pub status: MirroredStatus,
    /// Epoch milliseconds of the first successful synchronisation.
    pub initial_sync_at: Option<i64>,
    /// Epoch milliseconds of the last successful synchronisation.
    pub last_sync_at: Option<i64>,
    /// Epoch milliseconds since when a known change has not been synchronised.
    pub behind_since: Option<i64>,
    /// How many synchronisations in a row have failed.
    pub failed_count: i32,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// Epoch milliseconds before which it is not tried again.
    pub next_attempt_at: Option<i64>,
    /// Epoch milliseconds since when it is not served any more.
    pub removed_at: Option<i64>,
    /// What it keeps for life and no other repository has, if the upstream has told it.
    pub identity: Option<String>,
    /// Why it is neither removed nor overwritten, if so.
    pub held: Option<HeldReason>,
    /// Epoch milliseconds since when.
    pub held_at: Option<i64>,
}

/// A synchronisation that has succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncedRepository {
    /// Which repository.
    pub local_id: LocalRepositoryId,
    /// The generation that is here now.
    pub generation: Generation,
    /// Hash over the refs that are here now.
    pub content_hash: String,
    /// Epoch milliseconds.
    pub started_at: i64,
    /// Epoch milliseconds.
    pub finished_at: i64,
}
