//! Which service a client asks for, in which version of the protocol.

use std::fmt;

/// Longest version request that is passed on; clients send about ten bytes.
const MAX_PROTOCOL_BYTES: usize = 256;

/// The two services of a Git server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GitService {
    /// Clients clone and fetch.
    UploadPack,
    /// Clients push.
    ReceivePack,
}

impl GitService {
    /// Reads the name used in URLs and over SSH, such as `git-upload-pack`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "git-upload-pack" => Some(Self::UploadPack),
            "git-receive-pack" => Some(Self::ReceivePack),
            _ => None,
        }
    }

    /// The name used in URLs and over SSH.
    pub fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }

    /// The command of `git` that answers it.
    pub fn subcommand(self) -> &'static str {
        match self {
            Self::UploadPack => "upload-pack",
            Self::ReceivePack => "receive-pack",
        }
    }
}

impl fmt::Display for GitService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a client says about the protocol it speaks: the value of a `Git-Protocol` header or variable. Nothing said
/// means version 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GitProtocol(Option<String>);

impl GitProtocol {
    /// Takes a header's value. One that no client would send is ignored, as an unknown version is.
    pub fn from_header(value: Option<&str>) -> Self {
        let is_allowed =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '=' | ':' | '.' | '-' | '_' | '/');
        let is_valid = |value: &&str| {
            !value.is_empty() && value.len() <= MAX_PROTOCOL_BYTES && value.chars().all(is_allowed)
        };
        Self(value.filter(is_valid).map(str::to_owned))
    }

    /// The version that will be spoken: the highest one asked for that we know.
    pub fn version(&self) -> u8 {
        let keys = self.0.as_deref().unwrap_or_default().split(':');
        keys.filter_map(|key| match key {
            "version=1" => Some(1),
            "version=2" => Some(2),
            _ => None,
        })
        .max()
        .unwrap_or(0)
    }

    /// The value for the variable `GIT_PROTOCOL`, when the client said something.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_known_version_counts() {
        let version = |value| GitProtocol::from_header(value).version();
        assert_eq!(version(None), 0);
        assert_eq!(version(Some("version=2")), 2);
        assert_eq!(version(Some("version=1:version=2:x=y")), 2);
        assert_eq!(version(Some("version=7")), 0);
    }

    #[test]
    fn odd_values_go_nowhere() {
        for odd in ["", "version=2\n", "version=2 x", "a;b", &"a".repeat(MAX_PROTOCOL_BYTES + 1)] {
            assert_eq!(GitProtocol::from_header(Some(odd)).as_str(), None, "{odd:?}");
        }
    }

    #[test]
    fn services_have_one_name() {
        for service in [GitService::UploadPack, GitService::ReceivePack] {
            assert_eq!(GitService::from_name(service.name()), Some(service));
        }
        assert_eq!(GitService::from_name("git-upload-archive"), None);
    }
}
