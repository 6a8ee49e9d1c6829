//! Projects on the wire.

use heliostat_api::models::{ProjectType, RestProject};
use heliostat_storage::{Project, ProjectKind};

use super::UpstreamWire;
use super::links::self_links;

impl UpstreamWire {
    /// A project.
    pub fn project(&self, project: &Project) -> RestProject {
        RestProject {
            id: project.id.0,
            key: project.key.clone(),
            name: project.name.clone(),
            description: project.description.clone(),
            public: project.public,
            kind: match project.kind {
                ProjectKind::Normal => ProjectType::Normal,
                ProjectKind::Personal => ProjectType::Personal,
            },
            scope: "PROJECT".to_owned(),
            links: self_links(format!("{}/projects/{}", self.base(), project.key)),
        }
    }
}
