//! The peers that stand in front of any Git server, as a mirror of ours does with `--origin`.

use anyhow::Context;

use super::install::Missing;
use super::{Peer, git_cache_proxy, git_cdn, nginx_mirror};
use crate::site::Site;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginMirror {
    /// Has one credential, and shows all to all.
    GitCacheProxy,
    /// Shows the credentials of each request to the server behind.
    GitCdn,
    /// Asks the server behind about each reader.
    Nginx,
}

impl OriginMirror {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::GitCacheProxy, Self::GitCdn, Self::Nginx];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::GitCacheProxy => "git-cache-proxy",
            Self::GitCdn => "git-cdn",
            Self::Nginx => "nginx POST cache",
        }
    }

    /// Why it takes no part, if so.
    pub fn why_absent(self) -> Option<String> {
        match self {
            Self::GitCacheProxy => {
                git_cache_proxy::program().is_none().then(|| Missing::GitCacheProxy.to_string())
            }
            Self::GitCdn => (!git_cdn::is_installed()).then(|| {
                let home = git_cdn::home();
                format!("git-cdn is not installed: no virtual environment with it is at {}", home.display())
            }),
            // The server behind is nginx too.
            Self::Nginx => None,
        }
    }

    /// Starts it in front of a server, which one reader's header opens to those who know no readers themselves.
    pub fn start(self, origin: &str, authorization: &str, site: &Site) -> anyhow::Result<Peer> {
        match self {
            Self::GitCacheProxy => {
                let program = git_cache_proxy::program().context("git-cache-proxy is installed")?;
                git_cache_proxy::start_with_credential(&program, origin, authorization, site)
            }
            Self::GitCdn => git_cdn::start(origin, site),
            Self::Nginx => nginx_mirror::start(origin, site),
        }
    }
}
