//! What the stores take and give: plain values, with secrets kept out of `Debug`.

mod accounts;
mod events;
mod mirrored;
mod mirrors;
mod repositories;

pub use accounts::{
    AccessToken, NewAccessToken, NewUser, PermissionsOfUser, User, UserFilter, UserKind, UserPermission,
    UserUpdate,
};
pub use events::{NewEvent, OutboxEvent};
pub use mirrored::{
    MirroredRepository, MirroredStatus, MirroringMode, RepositoryMetadata, SyncedRepository, UpstreamServer,
    UpstreamSettings, UpstreamState,
};
pub use mirrors::{
    MirrorOutcome, MirrorServer, MirrorType, MirrorUpdate, MirroringRequest, NewMirror, NewRequest,
    RepositoryMirrorState, RequestState,
};
pub use repositories::{
    NewProject, NewRepository, Project, ProjectKind, ProjectUpdate, ProjectsHeld, RefChangeRecord,
    Repository, RepositoryHashes, RepositorySearch, RepositoryState, RepositoryUpdate, Visibility,
};

/// What `Debug` shows in place of a secret that is there.
const REDACTED: &str = "<redacted>";

/// Shows whether an optional secret is there, and nothing else.
fn redact(secret: Option<&String>) -> Option<&'static str> {
    secret.map(|_| REDACTED)
}
