//! A far Git server that is not ours and knows its readers, who pushes there, and the mirrors that are put in front.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::ensure;
use tempfile::TempDir;

use crate::client::clone_request::Depth;
use crate::measuring::cores::Core;
use crate::network::Network;
use crate::ours::rest::basic;
use crate::ours::roles::Server;
use crate::peers::origin_mirrors::OriginMirror;
use crate::peers::served::ServedFolder;
use crate::peers::{self, Peer};
use crate::repositories::author::Author;
use crate::repositories::git::{Git, Refs, branches_and_tags};
use crate::scratch;
use crate::site::Site;
use crate::testbed::{Contender, Standing};

const SLUG: &str = "tool";
const READER: (&str, &str) = ("reader", "correct-horse-battery-staple");
const OUTSIDER: (&str, &str) = ("outsider", "correct-horse-battery-staple");

/// The server with one repository.
#[derive(Debug)]
pub struct Origin {
    /// Where mirrors reach it.
    for_mirrors: Peer,
    /// Where clients reach it.
    for_clients: Peer,
    author: Author,
    served: ServedFolder,
    _readers: TempDir,
}

/// What clients ask instead of the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// A mirror of ours.
    Ours,
    /// Another one.
    Peer(OriginMirror),
    /// Nothing: they ask the origin.
    Nothing,
}

/// What clients ask, as long as it runs.
#[derive(Debug)]
pub struct Asked {
    server: Option<Server>,
    _peer: Option<Peer>,
    /// Where, and by whose credentials. Ends last, with the group of the processes.
    pub contender: Contender,
}

impl Origin {
    /// Why there can be none, if so.
    pub fn why_not() -> Option<String> {
        peers::why_no_origin()
    }

    /// Starts it at the far end with a copy of a repository.
    pub fn start(network: &Network, source: &Path) -> anyhow::Result<Self> {
        let folder = scratch::folder("readers")?;
        let readers = folder.path().join("readers");
        let (name, password) = READER;
        fs::write(&readers, format!("{name}:{{PLAIN}}{password}\n"))?;
        let served = ServedFolder::new()?;
        served.add(SLUG, source)?;
        let at = |address| peers::start_origin(&served, &Site::at(Some(&network.far), address), &readers);
        let (for_mirrors, for_clients) = (at(Network::FAR_FOR_NEAR)?, at(Network::FAR_FOR_CLIENTS)?);
        Ok(Origin { for_mirrors, for_clients, author: Author::of(source)?, served, _readers: folder })
    }

    /// Puts something in front of it that has nothing yet, on a core where its clients are not.
    pub fn put(&self, between: Between, binary: &Path) -> anyhow::Result<Asked> {
        let _there = Core::First.enter()?;
        let site = Site::at(None, Network::NEAR);
        let (origin, authorization) = (&self.for_mirrors.base, reader());
        let (mut server, mut peer) = (None, None);
        let base = match between {
            Between::Ours => {
                server.insert(Server::mirror_of_origin(binary, origin, &site)?).base_url().to_owned()
            }
            Between::Peer(kind) => peer.insert(kind.start(origin, &authorization, &site)?).base.clone(),
            Between::Nothing => self.for_clients.base.clone(),
        };
        let contender = Contender {
            name: between.name().into(),
            standing: between.standing(),
            group: Arc::clone(&site.group),
            url: format!("{base}/{SLUG}.git"),
            authorization: Some(authorization),
            certificate: None,
        };
        Ok(Asked { server, _peer: peer, contender })
    }

    /// Pushes a new commit to it.
    pub fn push(&self) -> anyhow::Result<()> {
        self.author.commit()?;
        self.author.push_to_folder(&self.served.path(SLUG))
    }

    /// The branch that commits go to.
    pub fn branch(&self) -> &str {
        &self.author.branch
    }

    /// The newest commit.
    pub fn tip(&self) -> anyhow::Result<String> {
        self.author.tip()
    }

    /// Its branches and tags.
    pub fn refs(&self) -> anyhow::Result<Refs> {
        self.author.refs()
    }

    /// Whether a clone has the newest commit; fails unless it is whole.
    pub fn is_newest_in(&self, clone: &Path) -> anyhow::Result<bool> {
        let git = Git::without_credentials();
        git.check_connectivity(clone)?;
        Ok(git.run(clone, &["rev-parse", "HEAD"])? == self.tip()?)
    }

    /// Fails unless a clone is whole and has what is here now.
    pub fn check_clone(&self, clone: &Path, depth: Depth) -> anyhow::Result<()> {
        ensure!(self.is_newest_in(clone)?, "a {} clone lacks the newest commit", depth.name());
        if depth == Depth::Full {
            let found = branches_and_tags(&Git::without_credentials().refs(clone)?);
            ensure!(found == self.refs()?, "a clone has other references than the origin");
        }
        Ok(())
    }
}

impl Between {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Between::Ours => "ours",
            Between::Peer(kind) => kind.name(),
            Between::Nothing => "the origin itself",
        }
    }

    /// The other mirrors are what people have; the origin itself tells what any of them is worth.
    fn standing(self) -> Standing {
        match self {
            Between::Ours => Standing::Ours,
            Between::Peer(_) => Standing::Incumbent,
            Between::Nothing => Standing::Peer,
        }
    }
}

impl Asked {
    /// What went wrong there, with the last lines of the log of ours.
    pub fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        match &self.server {
            Some(server) => error.context(server.log()),
            None => error,
        }
    }
}

/// The credentials of clients that may not read.
pub fn outsiders() -> [Option<String>; 2] {
    [Some(basic(OUTSIDER.0, OUTSIDER.1)), None]
}

fn reader() -> String {
    basic(READER.0, READER.1)
}
