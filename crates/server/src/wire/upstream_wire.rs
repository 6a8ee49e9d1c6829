//! What an upstream's answers are made with: the address that its links start with, and its name.

use url::Url;

use super::reported_version::ReportedVersion;

/// Makes the wire types of an upstream; one block of methods for each kind of thing, in the files beside this one.
#[derive(Debug, Clone)]
pub struct UpstreamWire {
    base: String,
    display_name: String,
    version: ReportedVersion,
}

impl UpstreamWire {
    /// For an upstream that clients reach at `base_url` and that is called `display_name`.
    pub fn new(base_url: &Url, display_name: impl Into<String>) -> Self {
        let base = base_url.as_str().trim_end_matches('/').to_owned();
        UpstreamWire { base, display_name: display_name.into(), version: ReportedVersion::own() }
    }

    /// The same, telling clients another version than Heliostat's own.
    #[must_use]
    pub fn reporting(self, version: ReportedVersion) -> Self {
        UpstreamWire { version, ..self }
    }

    /// The base URL, without a slash at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The version that clients are told.
    pub fn version(&self) -> ReportedVersion {
        self.version
    }

    /// The name of this server.
    pub fn display_name(&self) -> &str {
        &self.display_name
    }
}
