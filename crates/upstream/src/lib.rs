//! The primary server: projects, repositories, permissions, mirrors, and announcing changes.
//!
//! [`Upstream`] is the whole of it. Each of its methods is one thing that somebody wants done: it asks
//! `permit` whether the caller may, checks the input, changes the store and what is on disk, and announces the
//! change. Reconcilers run beside it: `deliver_events` and `deliver_webhooks` bring events to mirrors and to
//! webhooks, `reconcile_refs` brings records and disk together. HTTP, JSON of the REST API and links are the server's concern.

mod upstream;

mod bootstrap;
mod identify;
mod permissions;
mod permit;

mod access_tokens;
mod users;

mod branch_changes;
mod branches;
mod git_access;
mod projects;
mod repositories;

mod accept_mirror;
mod addon_descriptor;
mod authenticate_user;
mod config_panel;
mod mirror_reports;
mod mirror_servers;
mod requests;
mod signed_links;

mod deliver_webhooks;
mod webhook_client;
mod webhook_events;
mod webhook_settings;
mod webhooks;

mod announce_change;
mod coalesce;
mod deliver_events;
mod delivery_loop;
mod known_refs;
mod metadata_hash;
mod reconcile_refs;
mod status;
mod wire_event;

#[cfg(test)]
mod fixture;
mod mirror_client;
mod names;
mod register_limit;
mod webhook_date;

#[cfg(test)]
mod tests;

pub use access_tokens::TokenCreation;
pub use announce_change::Announcement;
pub use authenticate_user::{AuthenticatedUser, UserCredentials};
pub use bootstrap::{ADMIN_NAME, AdminAccount, BootstrapError};
pub use branch_changes::BranchDeletion;
pub use branches::{Branch, BranchOrder, BranchQuery};
pub use config_panel::{ConfigPanel, PanelCalls};
pub use deliver_events::DeliveryRecord;
pub use git_access::GitAccess;
pub use identify::RequestFacts;
pub use metadata_hash::metadata_hash;
pub use mirror_reports::SyncReport;
pub use mirror_servers::{AnalyticsSettings, MirrorUpgrade, RepositoryMirror};
pub use projects::ProjectCreation;
pub use reconcile_refs::ReconciliationStatus;
pub use repositories::{RepositoryChange, RepositoryCreation};
pub use requests::Registration;
pub use signed_links::LinkAuthorization;
pub use status::{MirrorStatus, UpstreamStatus};
pub use upstream::{MirrorAddresses, StartError, Upstream, UpstreamOptions};
pub use users::UserCreation;
pub use webhook_date::webhook_date;
pub use webhook_events::SyncType;
pub use webhook_settings::{WebhookCredentials, WebhookFields};
pub use webhooks::{InvocationHistory, WebhookTest};
