//! The primary server: projects, repositories, permissions, webhooks, and announcing changes.
//!
//! [`Upstream`] assembles the parts: [`Accounts`], [`Repositories`], [`Followings`], [`Webhooks`], [`Changes`], and what
//! mirrors need (the crate `heliostat-downstream`). Each method of a part is one thing that a caller wants done: it takes a value of
//! [`permit`] where it needs a right, checks the input, changes the store and what is on disk, and announces it.
//! Reconcilers run beside it: the deliveries bring events to mirrors and to webhooks, `reconcile_refs` brings records
//! and disk together, `following` keeps repositories equal to those of other servers. HTTP, JSON of the REST API and links are the server's concern.

mod origin;
pub mod permit;
mod status;
mod upstream;

mod accounts;
mod changes;
mod following;
mod names;
mod repositories;
mod webhooks;

#[cfg(test)]
mod tests;

pub use accounts::{
    ADMIN_NAME, Accounts, AdminAccount, AuthenticatedUser, BootstrapError, Identified, PasswordChange,
    PasswordResetError, RequestFacts, TokenCreation, UserCreation, UserCredentials, reset_password,
};
pub use changes::{Announcement, Changes, DiskAgreement, ReconciliationStatus, RepositoryFault};
pub use following::{FollowedRepository, FollowingFields, FollowingStatus, Followings};
pub use origin::Primary;
pub use repositories::{
    Branch, BranchDeletion, BranchOrder, BranchQuery, DifferingPart, MirrorPurge, ProjectCreation,
    PurgeProgress, PushAccess, PushCounters, ReferenceDifference, Repositories, RepositoryAdoption,
    RepositoryChange, RepositoryComparison, RepositoryCreation, RepositoryDifferences, RepositoryFaults,
    RepositoryRestoration, RepositoryUsage, RestorationOutcome, UnrecordedRepository, WholeRepository,
};
pub use status::{UpstreamCounts, UpstreamStatus};
pub use upstream::{StartError, Upstream, UpstreamOptions};
pub use webhooks::{
    InvocationHistory, WebhookCounters, WebhookCredentials, WebhookFields, WebhookTest, Webhooks,
};
