//! What this server is, on the wire.

use std::time::UNIX_EPOCH;

use heliostat_api::models::RestApplicationProperties;

use super::UpstreamWire;

impl UpstreamWire {
    /// Name and version of this server.
    pub fn application_properties(&self) -> RestApplicationProperties {
        RestApplicationProperties {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build_number: build_number(),
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

/// A number that grows with the version: three digits for each of its parts.
fn build_number() -> String {
    let part = |text: &str| text.parse().unwrap_or(0_u64);
    let (major, minor) = (part(env!("CARGO_PKG_VERSION_MAJOR")), part(env!("CARGO_PKG_VERSION_MINOR")));
    (major * 1_000_000 + minor * 1_000 + part(env!("CARGO_PKG_VERSION_PATCH"))).to_string()
}
