//! What a mirror answers about its upstreams.

pub mod administrators;
mod confirm_removal;
mod get_addon_descriptor;
mod get_farm_nodes;
mod get_held_back;
mod get_mirror_mode;
mod get_mirror_settings;
mod get_mirrored_projects;
mod get_mirrored_repository;
mod get_synchronization_progress;
mod get_upstream_server;
mod list_upstream_servers;
mod on_addon_disabled;
mod on_addon_enabled;
mod on_addon_event;
mod on_addon_installed;
mod on_addon_uninstalled;
mod set_mirror_mode;
mod set_mirror_settings;
mod start_mirroring_project;
mod start_mirroring_projects;
mod stop_mirroring_project;
mod stop_mirroring_projects;
mod synchronize_repository_with_upstream;
mod synchronize_with_upstream;
mod wait_for_repository;
