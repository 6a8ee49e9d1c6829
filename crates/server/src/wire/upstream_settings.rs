//! What a mirror mirrors, on the wire.

use heliostat_api::models::{MirrorMode, RestUpstreamSettings};
use heliostat_storage::{MirroringMode, UpstreamSettings};

use super::MirrorWire;

impl MirrorWire {
    /// The mode and the selected projects.
    pub fn upstream_settings(&self, settings: UpstreamSettings) -> RestUpstreamSettings {
        RestUpstreamSettings { mode: mirror_mode(settings.mode), project_ids: settings.project_ids }
    }
}

/// What an upstream says that is to be mirrored.
pub fn upstream_settings(settings: RestUpstreamSettings) -> UpstreamSettings {
    let mode = match settings.mode {
        MirrorMode::AllProjects => MirroringMode::AllProjects,
        MirrorMode::SelectedProjects => MirroringMode::SelectedProjects,
    };
    UpstreamSettings { mode, project_ids: settings.project_ids }
}

/// All projects or selected ones, on the wire.
pub fn mirror_mode(mode: MirroringMode) -> MirrorMode {
    match mode {
        MirroringMode::AllProjects => MirrorMode::AllProjects,
        MirroringMode::SelectedProjects => MirrorMode::SelectedProjects,
    }
}
