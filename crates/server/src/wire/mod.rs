//! What the stores and the domain know, in the words of the contract.
//!
//! Handlers answer with the types of `heliostat_api::models`; these are made here and nowhere else. What a role
//! needs for that, above all its own address, is in [`UpstreamWire`] for an upstream
//! and in [`MirrorWire`] for a mirror.

pub mod credentials;
pub mod following;
pub mod freshness;
pub mod links;
pub mod mirror_server;
pub mod mirror_standing;
pub mod mirror_wire;
pub mod mirroring_request;
pub mod not_opened;
pub mod page;
pub mod permission;
pub mod reported_version;
pub mod served_repository;
pub mod webhook;
pub mod whole_repository;

mod access_token;
mod addon_descriptor;
mod application_properties;
mod branch;
mod cluster_node;
mod held_back;
mod mirrored_repository;
mod repository;
mod repository_faults;
mod support_info;
mod sync_progress;
mod upstream_server;
mod upstream_settings;
mod upstream_wire;
mod user;

pub use held_back::held_back;
pub use mirror_wire::MirrorWire;
pub use support_info::{delayed_sync, synchronization_request, synchronization_status};
pub use sync_progress::{sync_progress, sync_progress_at_rest_too};
pub use upstream_settings::{mirror_mode, upstream_settings};
pub use upstream_wire::UpstreamWire;
