//! Which projects a mirror holds, of the upstream that it follows.

mod get_mirror_mode_1;
mod get_mirror_settings_1;
mod get_mirrored_projects_1;
mod set_mirror_mode_1;
mod set_mirror_settings_1;
mod start_mirroring_project_1;
mod start_mirroring_projects_1;
mod stop_mirroring_project_1;

pub use get_mirror_mode_1::get_mirror_mode_1;
pub use get_mirror_settings_1::get_mirror_settings_1;
pub use get_mirrored_projects_1::get_mirrored_projects_1;
pub use set_mirror_mode_1::set_mirror_mode_1;
pub use set_mirror_settings_1::set_mirror_settings_1;
pub use start_mirroring_project_1::start_mirroring_project_1;
pub use start_mirroring_projects_1::start_mirroring_projects_1;
pub use stop_mirroring_project_1::stop_mirroring_project_1;
