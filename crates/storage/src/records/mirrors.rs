//! Mirrors as the upstream knows them, from request to removal.

use std::fmt;

use serde_json::Value;

use super::REDACTED;
use crate::ids::{Generation, LocalRepositoryId, MirrorServerId, RepositoryId, RequestId};
use crate::named_value::named_values;

named_values! {
    /// How many nodes are behind a mirror's address.
    MirrorType {
        /// One.
        Single = "SINGLE",
        /// Any number.
        Farm = "FARM",
    }
}

named_values! {
    /// What has become of a request.
    RequestState {
        /// No administrator has decided yet.
        Pending = "PENDING",
        /// The mirror may follow.
        Accepted = "ACCEPTED",
        /// The mirror may not follow.
        Rejected = "REJECTED",
    }
}

named_values! {
    /// How a mirror's synchronisation of a repository ended.
    MirrorOutcome {
        /// It has what the upstream has.
        Synchronized = "SYNCHRONIZED",
        /// It tried in vain.
        SynchronizationFailed = "SYNCHRONIZATION_FAILED",
    }
}

/// A mirror's wish to follow this upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirroringRequest {
    /// The request's own id.
    pub id: RequestId,
    /// Who asks; there is one request for each mirror.
    pub mirror_id: MirrorServerId,
    /// The mirror's name.
    pub name: String,
    /// Where the mirror is reached.
    pub base_url: String,
    /// Where the mirror describes its end of the channel.
    pub descriptor_uri: String,
    /// How many nodes it has.
    pub mirror_type: MirrorType,
    /// What it runs.
    pub product_type: Option<String>,
    /// Which version of it.
    pub product_version: String,
    /// What has become of the request.
    pub state: RequestState,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub updated_at: i64,
    /// The hash of the key by which the mirror proves that the request is its own; `None` if it sent none.
    pub key_hash: Option<String>,
}

/// A request as a mirror sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRequest {
    /// Who asks.
    pub mirror_id: MirrorServerId,
    /// The mirror's name.
    pub name: String,
    /// Where the mirror is reached.
    pub base_url: String,
    /// Where the mirror describes its end of the channel.
    pub descriptor_uri: String,
    /// How many nodes it has.
    pub mirror_type: MirrorType,
    /// What it runs.
    pub product_type: Option<String>,
    /// Which version of it.
    pub product_version: String,
    /// The hash of the mirror's key, if it sent one.
    pub key_hash: Option<String>,
    /// The network that it came from, if that is known.
    pub asked_from: Option<String>,
    /// Epoch milliseconds.
    pub requested_at: i64,
}

/// The mirror that has a name or a base URL for which another one asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameHolder {
    /// The mirror's id.
    pub mirror_id: MirrorServerId,
    /// Its name.
    pub name: String,
    /// Where it is reached.
    pub base_url: String,
    /// Its open request; `None` if it has joined.
    pub request: Option<RequestId>,
}

/// How many requests may be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenRequestLimits {
    /// From everywhere.
    pub in_all: u64,
    /// From one network.
    pub per_network: u64,
}

/// A mirror that was accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct MirrorServer {
    /// The id that the mirror made for itself.
    pub id: MirrorServerId,
    /// Its name; compared without regard to case.
    pub name: String,
    /// Where it is reached.
    pub base_url: String,
    /// Whether it is told of changes and may authenticate.
    pub enabled: bool,
    /// How many nodes it has.
    pub mirror_type: MirrorType,
    /// What it runs.
    pub product_type: Option<String>,
    /// Which version of it.
    pub product_version: String,
    /// Where it describes its end of the channel.
    pub descriptor_uri: String,
    /// Where events are delivered.
    pub events_url: String,
    /// Where it is told that it was removed, if it wants to know.
    pub uninstalled_url: Option<String>,
    /// What both sides sign with.
    pub shared_secret: String,
    /// How this upstream names itself towards the mirror.
    pub client_key: String,
    /// Epoch milliseconds.
    pub last_seen_at: Option<i64>,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// The projects that were chosen when it was accepted; `None` stands for all. It may have been told others since.
    pub chosen_projects: Option<Vec<String>>,
    /// The key of its add-on, by which it may name itself; unknown of mirrors that were accepted before it was kept.
    pub addon_key: Option<String>,
}

impl fmt::Debug for MirrorServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MirrorServer")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("base_url", &self.base_url)
            .field("enabled", &self.enabled)
            .field("mirror_type", &self.mirror_type)
            .field("product_version", &self.product_version)
            .field("shared_secret", &REDACTED)
            .field("client_key", &self.client_key)
            .field("last_seen_at", &self.last_seen_at)
            .finish_non_exhaustive()
    }
}

/// What the upstream adds to a request when it accepts it.
#[derive(Clone, PartialEq, Eq)]
pub struct NewMirror {
    /// Where events are delivered.
    pub events_url: String,
    /// Where it is told that it was removed, if it wants to know.
    pub uninstalled_url: Option<String>,
    /// What both sides sign with.
    pub shared_secret: String,
    /// How this upstream names itself towards the mirror.
    pub client_key: String,
    /// The key of its add-on.
    pub addon_key: String,
    /// The projects that it is to follow; `None` stands for all.
    pub chosen_projects: Option<Vec<String>>,
    /// Epoch milliseconds.
    pub accepted_at: i64,
}

impl fmt::Debug for NewMirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMirror")
            .field("events_url", &self.events_url)
            .field("uninstalled_url", &self.uninstalled_url)
            .field("shared_secret", &REDACTED)
            .field("client_key", &self.client_key)
            .field("accepted_at", &self.accepted_at)
            .finish()
    }
}

/// What to change of a mirror; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorUpdate {
    /// Its name.
    pub name: Option<String>,
    /// Where it is reached.
    pub base_url: Option<String>,
    /// Whether it is told of changes and may authenticate.
    pub enabled: Option<bool>,
    /// How many nodes it has.
    pub mirror_type: Option<MirrorType>,
    /// What it runs; empty removes it.
    pub product_type: Option<String>,
    /// Which version of it.
    pub product_version: Option<String>,
    /// Where it describes its end of the channel.
    pub descriptor_uri: Option<String>,
    /// Where events are delivered.
    pub events_url: Option<String>,
    /// Where it is told that it was removed; empty removes it.
    pub uninstalled_url: Option<String>,
}

/// What a mirror's copy has gained since the mirror last reported of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorProgress {
    /// The generation that it had reported before, if it had reported any.
    pub from: Option<Generation>,
    /// What was recorded after that generation, up to the one that is reported now, as one list of changes for
    /// each generation; `None` if that is not known for all of them.
    pub changes: Option<Vec<Value>>,
}

/// The last that a mirror has reported of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryMirrorState {
    /// Which mirror.
    pub mirror_id: MirrorServerId,
    /// Which repository.
    pub repository_id: RepositoryId,
    /// How its last synchronisation ended.
    pub last_outcome: MirrorOutcome,
    /// What the mirror calls the repository.
    pub mirror_repository_id: Option<LocalRepositoryId>,
    /// The greatest generation that it has reported to serve.
    pub synced_generation: Option<Generation>,
    /// Epoch milliseconds.
    pub reported_at: i64,
    /// The newest order to remove what no ref leads to that it has carried out; 0 for none.
    pub purged: i64,
    /// When it reported that, in epoch milliseconds.
    pub purged_at: Option<i64>,
}
