//! What this server is, on the wire.

use std::time::UNIX_EPOCH;

use heliostat_api::models::RestApplicationProperties;

use super::UpstreamWire;

impl UpstreamWire {
    /// The name of this server and the version that it reports.
    pub fn application_properties(&self) -> RestApplicationProperties {
        RestApplicationProperties {
            version: self.version().to_string(),
            build_number: self.version().build_number().to_string(),
            build_date: build_date(),
            display_name: self.display_name().to_owned(),
        }
    }
}

/// The date of the executable stands for that of its build.
fn build_date() -> String {
    let written = std::env::current_exe().and_then(|path| path.metadata()).and_then(|file| file.modified());
    let since_1970 = written.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since_1970.unwrap_or_default().as_millis().to_string()
}
