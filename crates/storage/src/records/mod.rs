//! What the stores take and give: plain values, with secrets kept out of `Debug`.

mod accounts;
mod counts;
mod events;
mod followings;
mod mirrored;
mod mirrors;
mod origins;
mod repositories;
mod webhooks;

pub use accounts::{
    AccessToken, NewAccessToken, NewUser, PermissionLevel, PermissionsOfUser, User, UserFilter, UserKind,
    UserPermission,
};
pub use counts::{UpstreamHoldings, WaitingForWebhooks};
pub use events::{Audience, NewEvent, OutboxEvent, WaitingReceiver};
pub use followings::{FollowedSource, Following, FollowingError, FollowingFault, FollowingOutcome};
pub use mirrored::{
    HeldReason, MirroredRepository, MirroredStatus, MirroringMode, NewMirroredRepository, RepositoryMetadata,
    SyncedRepository, UpstreamServer, UpstreamSettings, UpstreamState,
};
pub use mirrors::{
    MirrorOutcome, MirrorProgress, MirrorServer, MirrorType, MirrorUpdate, MirroringRequest, NameHolder,
    NewMirror, NewRequest, OpenRequestLimits, RepositoryMirrorState, RequestState,
};
pub use origins::{OriginReader, OriginRefusal, OriginRepository};
pub use repositories::{
    ComparedRepository, NewProject, NewRepository, Project, ProjectKind, ProjectUpdate, ProjectsHeld,
    PurgeOrders, RefChangeRecord, Repository, RepositoryFormat, RepositoryHashes, RepositorySearch,
    RepositoryState, RepositoryUpdate, Visibility,
};
pub use webhooks::{
    DeliveryFate, Exchange, Invocation, InvocationCounts, InvocationOutcome, Webhook, WebhookDelivery,
    WebhookSecrets, WebhookSettings,
};

/// What `Debug` shows in place of a secret that is there.
const REDACTED: &str = "<redacted>";

/// Shows whether an optional secret is there, and nothing else.
fn redact(secret: Option<&String>) -> Option<&'static str> {
    secret.map(|_| REDACTED)
}
