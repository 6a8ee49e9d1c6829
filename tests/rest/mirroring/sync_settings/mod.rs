//! What a mirror holds of the upstream that it follows.

mod get_mirror_mode_1;
mod get_mirror_settings_1;
mod get_mirrored_projects_1;
mod set_mirror_mode_1;
mod set_mirror_settings_1;
mod start_mirroring_project_1;
mod start_mirroring_projects_1;
mod stop_mirroring_project_1;
