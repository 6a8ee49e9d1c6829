//! The mirrors that have joined, what they have of this server's repositories, and their settings page.

mod config_panel;
mod last_seen;
mod mirror_servers;
mod mirrored_repositories;
mod standing;

pub use config_panel::{ConfigPanel, PanelCalls};
pub use mirror_servers::{AnalyticsSettings, Members, MirrorUpgrade};
pub(crate) use mirror_servers::{MAX_MIRROR_ID_BYTES, product};
pub use mirrored_repositories::{MirroredRepositories, RepositoryMirror, SyncReport};
pub use standing::{MirrorCopies, MirrorStanding, Standing};
