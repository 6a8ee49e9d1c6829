//! The tables, one file each. Nothing outside this crate sees them.

pub(crate) mod access_token;
pub(crate) mod deleted_repository;
pub(crate) mod global_permission;
pub(crate) mod mirror_server;
pub(crate) mod mirror_setting;
pub(crate) mod mirrored_repository;
pub(crate) mod mirroring_request;
pub(crate) mod origin_reader;
pub(crate) mod origin_refusal;
pub(crate) mod origin_repository;
pub(crate) mod outbox_event;
pub(crate) mod preferred_mirror;
pub(crate) mod project;
pub(crate) mod project_permission;
pub(crate) mod ref_change;
pub(crate) mod repository;
pub(crate) mod repository_following;
pub(crate) mod repository_mirror_state;
pub(crate) mod repository_permission;
pub(crate) mod selected_project;
pub(crate) mod upstream_server;
pub(crate) mod upstream_setting;
pub(crate) mod user_account;
pub(crate) mod webhook;
pub(crate) mod webhook_delivery;
pub(crate) mod webhook_invocation;
