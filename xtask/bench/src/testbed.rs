//! All servers side by side: our upstream with a mirror, and the peers, in front of the same repositories.
//!
//! What is measured of ours is the mirror; the upstream is told beside it. A push goes to every server and counts
//! as arrived when each lists exactly the refs that were pushed: a server that stays behind, or serves a stale answer,
//! fails the run.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustls::ClientConfig;

use crate::client::clone_request::{listed_refs, listing};
use crate::client::raw_post::{Connection, Request};
use crate::client::tls::Certificate;
use crate::measuring::group::Group;
use crate::measuring::hits::{self, Tally};
use crate::ours::farm::{Mirror, Repository, Upstream};
use crate::ours::rest::eventually_with_pause;
use crate::peers::served::ServedFolder;
use crate::peers::tls_front::{TlsFront, TokenCheck};
use crate::peers::{self, Peer};
use crate::repositories::author::Author;
use crate::repositories::git::{Git, Refs, text};
use crate::run::Run;
use crate::site::Site;

/// How long a server may take to serve a push.
const PUSH_TIMEOUT: Duration = Duration::from_secs(60);
/// Pause between two looks whether a push is served.
const PAUSE: Duration = Duration::from_millis(2);

/// All servers.
#[derive(Debug)]
pub struct Testbed {
    /// Ours, where pushes go.
    pub upstream: Upstream,
    /// Ours, which is measured.
    pub mirror: Mirror,
    /// Counts for the upstream.
    pub upstream_group: Arc<Group>,
    mirror_group: Arc<Group>,
    peers: Vec<Peer>,
    served: ServedFolder,
    /// The peers that are not here, with the reason.
    pub absent: Vec<String>,
    /// For those that speak TLS.
    pub certificate: Arc<Certificate>,
}

/// A repository that all servers serve.
#[derive(Debug)]
pub struct Subject {
    /// Makes commits.
    pub author: Author,
    slug: String,
    public: Repository,
    private: Option<Repository>,
}

/// What a server is in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Ours, asked without credentials.
    Ours,
    /// Ours, a repository that only the bearer of a token may read.
    OursWithToken,
    /// What people have: the better one of these is the yardstick.
    Incumbent,
    /// Any other server.
    Peer,
}

/// A server of a repository.
#[derive(Debug, Clone)]
pub struct Contender {
    /// For people.
    pub name: String,
    /// What it is.
    pub standing: Standing,
    /// Counts for it.
    pub group: Arc<Group>,
    /// Address of the repository.
    pub url: String,
    /// Value of the header that says who asks.
    pub authorization: Option<String>,
    /// What is trusted, where the address is one of TLS.
    pub certificate: Option<Arc<Certificate>>,
}

/// Which of ours take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A public repository.
    Public,
    /// The same again as a private one.
    PublicAndPrivate,
}

/// How a repository comes to our upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// By a push.
    Pushed,
    /// By `heliostat repository import`, for repositories with very many refs: a push of git's own over HTTP takes a
    /// time that grows with their square.
    Imported,
}

impl Testbed {
    /// Starts all servers.
    pub fn open(run: &Run) -> anyhow::Result<Self> {
        Self::open_at(run, &Site::loopback(), &Site::loopback())
    }

    /// Starts our upstream in one place, all other servers in another.
    pub fn open_at(run: &Run, far: &Site, near: &Site) -> anyhow::Result<Self> {
        let (far, near) = (far.with_own_group(), near.with_own_group());
        let certificate = Arc::new(Certificate::new()?);
        let certificate_file = certificate.certificate();
        let settings = ["--ca-file", text(&certificate_file)?];
        let upstream = Upstream::start_with(&run.binary, &far, &settings)?;
        let mirror = upstream.accept(upstream.new_mirror_at(&run.binary, "testbed", &near)?)?;
        let served = ServedFolder::new()?;
        let (peers, absent) = peers::start_all(&served, &near)?;
        Ok(Testbed {
            upstream,
            mirror,
            upstream_group: far.group,
            mirror_group: near.group,
            peers,
            served,
            absent,
            certificate,
        })
    }

    /// One more mirror, which speaks TLS itself, and a private repository there.
    pub fn secured(&self, run: &Run, subject: &Subject) -> anyhow::Result<(Mirror, Contender)> {
        let private = subject.private.as_ref().context("there is a private repository")?;
        let site = Site::loopback();
        let (certificate, key) = (self.certificate.certificate(), self.certificate.key());
        let settings = ["--tls-certificate", text(&certificate)?, "--tls-key", text(&key)?];
        let waiting = self.upstream.new_mirror_with(&run.binary, "secured", &site, &settings)?;
        let mirror = self.upstream.accept(waiting)?;
        mirror.wait_for(private)?;
        mirror.wait_for_housekeeping()?;
        let contender = Contender {
            name: "ours".into(),
            standing: Standing::Ours,
            group: Arc::clone(&site.group),
            url: private.url(&mirror.server),
            authorization: Some(self.upstream.rest.authorization().to_owned()),
            certificate: Some(Arc::clone(&self.certificate)),
        };
        Ok((mirror, contender))
    }

    /// Gives a repository to all servers.
    pub fn publish(
        &self,
        slug: &str,
        source: &Path,
        access: Access,
        arrival: Arrival,
    ) -> anyhow::Result<Subject> {
        eprintln!("   giving {} to all servers", source.display());
        let author = Author::of(source)?;
        self.served.add(slug, source)?;
        let public = match arrival {
            Arrival::Pushed => {
                let public = self.upstream.create_public_repository(slug)?;
                author.push_all(&self.upstream.git, &public.url(&self.upstream.server))?;
                public
            }
            Arrival::Imported => {
                self.upstream.import(slug, source, &["--public"])?;
                self.upstream.find_repository(slug)?
            }
        };
        let private = if access == Access::PublicAndPrivate {
            let private = self.upstream.create_repository(&format!("{slug}-private"))?;
            author.push_all(&self.upstream.git, &private.url(&self.upstream.server))?;
            Some(private)
        } else {
            None
        };
        for repository in [Some(&public), private.as_ref()].into_iter().flatten() {
            self.mirror.wait_for(repository)?;
        }
        let subject = Subject { author, slug: slug.to_owned(), public, private };
        self.wait_until_served(&subject)?;
        // The peers' repositories were packed and indexed before; ours have to be when we begin to measure.
        self.upstream.wait_for_housekeeping()?;
        self.mirror.wait_for_housekeeping()?;
        Ok(subject)
    }

    /// All servers of a repository, ours first.
    pub fn contenders(&self, subject: &Subject) -> Vec<Contender> {
        let ours = Contender {
            name: "ours".into(),
            standing: Standing::Ours,
            group: Arc::clone(&self.mirror_group),
            url: subject.public.url(&self.mirror.server),
            authorization: None,
            certificate: None,
        };
        let with_token = subject.private.as_ref().map(|private| Contender {
            name: "ours, with a token".into(),
            standing: Standing::OursWithToken,
            url: private.url(&self.mirror.server),
            authorization: Some(self.upstream.rest.authorization().to_owned()),
            ..ours.clone()
        });
        std::iter::once(ours).chain(with_token).chain(self.contenders_of(&self.peers, subject)).collect()
    }

    /// Our upstream, where its repositories can be read too.
    pub fn upstream_as_contender(&self, subject: &Subject) -> Contender {
        Contender {
            name: "our upstream".into(),
            standing: Standing::Peer,
            group: Arc::clone(&self.upstream_group),
            url: subject.public.url(&self.upstream.server),
            authorization: None,
            certificate: None,
        }
    }

    /// These peers, serving a repository.
    pub fn contenders_of(&self, peers: &[Peer], subject: &Subject) -> Vec<Contender> {
        let contender = |peer: &Peer| Contender {
            name: peer.name.into(),
            standing: if peer.is_incumbent { Standing::Incumbent } else { Standing::Peer },
            group: Arc::clone(&peer.site.group),
            url: format!("{}/{}.git", peer.base, subject.slug),
            authorization: None,
            certificate: None,
        };
        peers.iter().map(contender).collect()
    }

    /// Starts more incumbents somewhere else, in front of the same repositories.
    pub fn start_incumbents_at(&self, site: &Site) -> anyhow::Result<Vec<Peer>> {
        peers::start_incumbents(&self.served, site)
    }

    /// Pushes a new commit to all servers and waits until they serve it; returns the commit.
    pub fn push(&self, subject: &Subject) -> anyhow::Result<String> {
        let commit = self.push_without_waiting(subject)?;
        self.wait_until_served(subject)?;
        Ok(commit)
    }

    /// Pushes a new commit to all servers and returns as soon as the upstreams have it.
    pub fn push_without_waiting(&self, subject: &Subject) -> anyhow::Result<String> {
        let commit = subject.author.commit()?;
        subject.author.push_to_folder(&self.served.path(&subject.slug))?;
        for repository in [Some(&subject.public), subject.private.as_ref()].into_iter().flatten() {
            subject.author.push(&self.upstream.git, &repository.url(&self.upstream.server))?;
        }
        Ok(commit)
    }

    /// Waits until all servers list exactly the author's refs.
    pub fn wait_until_served(&self, subject: &Subject) -> anyhow::Result<()> {
        let refs = subject.author.refs()?;
        for contender in self.contenders(subject) {
            contender.wait_for_refs(&refs).with_context(|| self.mirror.server.log())?;
        }
        Ok(())
    }

    /// How often the mirror's cache, and those of peers, had the answer until now; by name.
    pub fn tallies(&self) -> anyhow::Result<Vec<(String, Tally)>> {
        let ours = hits::of_metrics(&self.mirror.rest.metrics()?);
        let mut tallies: Vec<_> = ours.map(|tally| ("ours".to_owned(), tally)).into_iter().collect();
        for peer in &self.peers {
            if let Some(log) = &peer.cache_log {
                let log = std::fs::read_to_string(log).unwrap_or_default();
                tallies.push((peer.name.to_owned(), hits::of_log(&log)));
            }
        }
        Ok(tallies)
    }
}

impl Contender {
    /// Ours or not.
    pub fn is_ours(&self) -> bool {
        matches!(self.standing, Standing::Ours | Standing::OursWithToken)
    }

    /// A request over a connection of its own.
    pub fn request(&self, body: &[u8], connection: Connection) -> anyhow::Result<Request> {
        let request = Request::upload_pack(&self.url, self.authorization.as_deref(), body, connection)?;
        Ok(request.over(self.trusted()))
    }

    /// Git as it asks here.
    pub fn git(&self) -> Git {
        let git =
            self.authorization.as_deref().map_or_else(Git::without_credentials, Git::with_authorization);
        match &self.certificate {
            Some(certificate) => git.trusting(&certificate.certificate()),
            None => git,
        }
    }

    fn trusted(&self) -> Option<&Arc<ClientConfig>> {
        self.certificate.as_ref().map(|certificate| certificate.client())
    }

    /// The same behind an end of TLS, which counts for it and to which it must show a token.
    pub fn behind_tls(
        &self,
        token: &str,
        certificate: &Arc<Certificate>,
    ) -> anyhow::Result<(Self, TlsFront)> {
        let plain = self.url.strip_prefix("http://").context("the address is that of plain HTTP")?;
        let (authority, path) = plain.split_once('/').context("the address has a path")?;
        let check = if self.is_ours() { TokenCheck::Behind } else { TokenCheck::InFront(token) };
        let site = Site { group: Arc::clone(&self.group), ..Site::loopback() };
        let front = TlsFront::start(authority, check, certificate, &site)?;
        let contender = Contender {
            url: format!("{}/{path}", front.base),
            authorization: Some(token.to_owned()),
            certificate: Some(Arc::clone(certificate)),
            ..self.clone()
        };
        Ok((contender, front))
    }

    /// What it lists now.
    pub fn refs(&self) -> anyhow::Result<Refs> {
        // Some look for news only when they are asked for this.
        let news = Request::info_refs(&self.url, self.authorization.as_deref(), Connection::Closed)?;
        news.over(self.trusted()).send(|_| ())?;
        let mut answer = Vec::new();
        self.request(&listing(&[]), Connection::Closed)?.send(|piece| answer.extend(piece))?;
        listed_refs(&answer)
    }

    /// Waits until it lists exactly these.
    pub fn wait_for_refs(&self, expected: &Refs) -> anyhow::Result<()> {
        let what = format!("{} to serve what was pushed", self.name);
        let found = eventually_with_pause(&what, PUSH_TIMEOUT, PAUSE, || {
            let refs = self.refs().with_context(|| format!("{} failed", self.name))?;
            Ok((refs == *expected).then_some(refs.len()))
        })?;
        ensure!(found == expected.len(), "{} lists {found} refs", self.name);
        Ok(())
    }
}
