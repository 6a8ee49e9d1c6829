//! An upstream with its repositories and a mirror that follows it, set up over REST and git as an administrator
//! does it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::ours::rest::{Rest, eventually, text};
use crate::ours::roles::{ADMIN_PASSWORD, Server, data_in};
use crate::process::{self, without_settings};
use crate::repositories::git::{self, Git};
use crate::scratch;
use crate::site::Site;

const MIRRORING: &str = "/rest/mirroring/latest";
const CORE: &str = "/rest/api/latest";
/// The one project that benchmarks use.
const PROJECT: &str = "BENCH";
/// How long a mirror may take to ask and to be installed.
const JOIN_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a mirror may take for one repository, a large one included.
const MIRROR_TIMEOUT: Duration = Duration::from_secs(600);

/// How long the import of a repository may take.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How long all repositories may take to be packed and indexed.
const HOUSEKEEPING_TIMEOUT: Duration = Duration::from_secs(600);

/// A running upstream with an empty project.
#[derive(Debug)]
pub struct Upstream {
    /// The process.
    pub server: Server,
    /// Calls as its administrator, with a token.
    pub rest: Rest,
    /// Git as its administrator, with the same token; it works at mirrors too.
    pub git: Git,
    /// What administers it, too.
    binary: PathBuf,
    token: String,
}

/// A repository of an upstream.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Its id.
    pub id: i64,
    /// Its name in addresses.
    pub slug: String,
}

/// A running mirror.
#[derive(Debug)]
pub struct Mirror {
    /// The process.
    pub server: Server,
    /// Calls as the upstream's administrator.
    pub rest: Rest,
    /// Its id at the upstream.
    id: String,
    /// The upstream's id here.
    upstream_id: String,
}

/// A mirror that runs and waits to be accepted.
#[derive(Debug)]
pub struct WaitingMirror {
    server: Server,
    request: Value,
    mirror_id: String,
}

impl Upstream {
    /// Starts it and makes a token and a project.
    pub fn start(binary: &Path) -> anyhow::Result<Self> {
        Self::start_at(binary, &Site::loopback())
    }

    /// The same somewhere.
    pub fn start_at(binary: &Path, site: &Site) -> anyhow::Result<Self> {
        Self::begin_with(Server::upstream(binary, site)?, binary)
    }

    /// The same with these settings.
    pub fn start_with(binary: &Path, site: &Site, settings: &[&str]) -> anyhow::Result<Self> {
        Self::begin_with(Server::upstream_with(binary, site, settings)?, binary)
    }

    /// The same with its data in memory, so that no disk is measured.
    pub fn start_in_memory(binary: &Path) -> anyhow::Result<Self> {
        let folder = scratch::folder_in_memory("upstream")?;
        Self::begin_with(Server::upstream_in(binary, &Site::loopback(), folder)?, binary)
    }

    fn begin_with(server: Server, binary: &Path) -> anyhow::Result<Self> {
        let admin = Rest::with_password(server.base_url(), "admin", ADMIN_PASSWORD)?;
        let made = admin.put("/rest/access-tokens/latest/users/admin", &json!({"name": "benchmark"}))?;
        let token = text(&made, "/token")?.to_owned();
        let rest = Rest::with_token(server.base_url(), &token)?;
        rest.post(&format!("{CORE}/projects"), &json!({"key": PROJECT, "name": "Benchmarks"}))?;
        let git = Git::with_token(&token);
        Ok(Upstream { server, rest, git, binary: binary.to_owned(), token })
    }

    /// Ends it, changes its data as they lie there, and starts it again.
    pub fn with_changed_data(self, change: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<Self> {
        let Upstream { server, binary, token, .. } = self;
        let folder = server.end()?;
        change(&data_in(&folder))?;
        let server = Server::upstream_in(&binary, &Site::loopback(), folder)?;
        let rest = Rest::with_token(server.base_url(), &token)?;
        Ok(Upstream { server, rest, git: Git::with_token(&token), binary, token })
    }

    /// Makes an empty repository.
    pub fn create_repository(&self, name: &str) -> anyhow::Result<Repository> {
        let path = format!("{CORE}/projects/{PROJECT}/repos");
        Repository::read(&self.rest.post(&path, &json!({"name": name, "scmId": "git"}))?)
    }

    /// Makes an empty repository that all may read without credentials.
    pub fn create_public_repository(&self, name: &str) -> anyhow::Result<Repository> {
        let path = format!("{CORE}/projects/{PROJECT}/repos");
        let asked = json!({"name": name, "scmId": "git", "public": true});
        Repository::read(&self.rest.post(&path, &asked)?)
    }

    /// Brings a repository of this machine here as an administrator does it, with these attributes.
    pub fn import(&self, name: &str, source: &Path, attributes: &[&str]) -> anyhow::Result<()> {
        let mut command = process::command(&self.binary);
        without_settings(&mut command)
            .args(["repository", "import", git::text(source)?, "--project", PROJECT, "--name", name])
            .args(attributes)
            .args(["--url", self.server.base_url()])
            .env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD);
        process::succeed(&mut command, IMPORT_TIMEOUT)?;
        Ok(())
    }

    /// Waits until its repositories are packed as they should be.
    pub fn wait_for_housekeeping(&self) -> anyhow::Result<()> {
        wait_for_housekeeping(&self.rest).with_context(|| self.server.log())
    }

    /// Finds a repository that another program has made.
    pub fn find_repository(&self, slug: &str) -> anyhow::Result<Repository> {
        Repository::read(&self.rest.get(&format!("{CORE}/projects/{PROJECT}/repos/{slug}"))?)
    }

    /// Deletes a repository.
    pub fn delete_repository(&self, repository: &Repository) -> anyhow::Result<()> {
        self.rest.delete(&format!("{CORE}/projects/{PROJECT}/repos/{}", repository.slug))?;
        Ok(())
    }

    /// Its administrator with the password instead of the token.
    pub fn rest_with_password(&self) -> anyhow::Result<Rest> {
        Rest::with_password(self.server.base_url(), "admin", ADMIN_PASSWORD)
    }

    /// Starts a mirror and waits until it has asked to join.
    pub fn new_mirror(&self, binary: &Path, name: &str) -> anyhow::Result<WaitingMirror> {
        self.new_mirror_at(binary, name, &Site::loopback())
    }

    /// The same somewhere.
    pub fn new_mirror_at(&self, binary: &Path, name: &str, site: &Site) -> anyhow::Result<WaitingMirror> {
        self.new_mirror_with(binary, name, site, &[])
    }

    /// The same with these settings.
    pub fn new_mirror_with(
        &self,
        binary: &Path,
        name: &str,
        site: &Site,
        settings: &[&str],
    ) -> anyhow::Result<WaitingMirror> {
        let server = Server::mirror(binary, self.server.base_url(), name, site, settings)?;
        let request = eventually("the mirror's request to join", JOIN_TIMEOUT, || {
            let page = self.rest.get(&format!("{MIRRORING}/requests?state=PENDING"))?;
            let requests = page["values"].as_array().context("a page has values")?;
            Ok(requests.iter().find(|request| request["mirrorName"] == name).cloned())
        });
        let request = request.with_context(|| server.log())?;
        let mirror_id = text(&request, "/mirrorId")?.to_owned();
        Ok(WaitingMirror { server, request, mirror_id })
    }

    /// Accepts a mirror: when this returns, it has begun to synchronise.
    pub fn accept(&self, waiting: WaitingMirror) -> anyhow::Result<Mirror> {
        let WaitingMirror { server, request, mirror_id } = waiting;
        self.rest.post_nothing(&format!("{MIRRORING}/requests/{}/accept", request["id"]))?;
        let rest = Rest::with_token(server.base_url(), &self.token)?;
        let installed = eventually("the mirror to be installed", JOIN_TIMEOUT, || {
            // A mirror that is not installed yet cannot know who asks.
            let Ok(page) = rest.get(&format!("{MIRRORING}/upstreamServers")) else {
                return Ok(None);
            };
            let upstream = page["values"][0].clone();
            Ok((upstream["state"] == "INSTALLED").then_some(upstream))
        });
        let upstream = installed.with_context(|| server.log())?;
        let upstream_id = text(&upstream, "/id")?.to_owned();
        Ok(Mirror { server, rest, id: mirror_id, upstream_id })
    }

    /// Ends the membership of a mirror, so that the upstream need not follow a mirror that is gone.
    pub fn remove_mirror(&self, mirror: &Mirror) -> anyhow::Result<()> {
        self.rest.delete(&format!("{MIRRORING}/mirrorServers/{}", mirror.id))?;
        Ok(())
    }
}

impl WaitingMirror {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }
}

impl Mirror {
    /// What the mirror says about a repository of the upstream; `None` while it does not know it.
    pub fn repository(&self, repository: &Repository) -> anyhow::Result<Option<Value>> {
        let path = format!("{MIRRORING}/upstreamServers/{}/repos/{}", self.upstream_id, repository.id);
        let response = self.rest.get_response(&path)?;
        if response.status() == 404 {
            return Ok(None);
        }
        let status = response.status();
        let body = response.text()?;
        ensure!(status == 200, "GET {path} answered {status}: {body}");
        Ok(Some(serde_json::from_str(&body)?))
    }

    /// Whether a repository can be cloned here and is as new as the upstream's, as far as is known here.
    pub fn is_current(&self, repository: &Repository) -> anyhow::Result<bool> {
        let Some(state) = self.repository(repository)? else {
            return Ok(false);
        };
        Ok(state["available"] == true && state["generation"] == state["upstreamGeneration"])
    }

    /// Waits until it has a repository to which something was pushed.
    pub fn wait_for(&self, repository: &Repository) -> anyhow::Result<()> {
        let done = eventually("the mirror to have a repository", MIRROR_TIMEOUT, || {
            Ok(self.has_refs_of(repository)?.then_some(()))
        });
        done.with_context(|| self.server.log())
    }

    fn has_refs_of(&self, repository: &Repository) -> anyhow::Result<bool> {
        let generation = |state: Value| state["generation"].as_i64();
        let known = self.repository(repository)?.and_then(generation).unwrap_or_default();
        Ok(known > 0 && self.is_current(repository)?)
    }

    /// Waits until its repositories are packed as they should be.
    pub fn wait_for_housekeeping(&self) -> anyhow::Result<()> {
        wait_for_housekeeping(&self.rest).with_context(|| self.server.log())
    }

    /// Whether the mirror knows what the upstream has, and has nothing left to do.
    pub fn is_done(&self) -> anyhow::Result<bool> {
        let progress = self.progress()?;
        // A mirror that has nothing to do says 0 of 0.
        Ok(progress["discovering"] == false && progress["syncedRepos"] == progress["totalRepos"])
    }

    /// How far the mirror is, as it tells.
    pub fn progress(&self) -> anyhow::Result<Value> {
        self.rest.get(&format!("{MIRRORING}/upstreamServers/{}/progress", self.upstream_id))
    }
}

impl Repository {
    fn read(answer: &Value) -> anyhow::Result<Self> {
        let id = answer["id"].as_i64().with_context(|| format!("a repository has an id: {answer}"))?;
        Ok(Repository { id, slug: text(answer, "/slug")?.to_owned() })
    }

    /// Where a server has it.
    pub fn url(&self, server: &Server) -> String {
        format!("{}{}", server.base_url(), self.path())
    }

    /// The path of its address at every server.
    pub fn path(&self) -> String {
        format!("/scm/{}/{}.git", PROJECT.to_lowercase(), self.slug)
    }

    /// The path at which the upstream describes it with its hashes.
    pub fn enriched_path(&self) -> String {
        format!("{MIRRORING}/repos/{}", self.id)
    }
}

fn wait_for_housekeeping(rest: &Rest) -> anyhow::Result<()> {
    const PENDING: &str = "heliostat_housekeeping_pending_repositories ";
    eventually("the housekeeping of the repositories", HOUSEKEEPING_TIMEOUT, || {
        let metrics = rest.metrics()?;
        let pending = metrics.lines().find_map(|line| line.strip_prefix(PENDING));
        Ok((pending.context("the metrics tell what is pending")? == "0").then_some(()))
    })
}

/// Fails unless a server has exactly the refs of a repository on this machine.
pub fn check_refs(git: &Git, url: &str, expected: &git::Refs) -> anyhow::Result<()> {
    let found = git.remote_refs(url)?;
    let differing = expected.iter().filter(|(name, object)| found.get(*name) != Some(object)).count();
    ensure!(
        differing == 0 && found.len() == expected.len(),
        "{url} has {} refs, {} are expected and {differing} of those differ",
        found.len(),
        expected.len()
    );
    Ok(())
}

/// Fails unless a clone from a server is whole.
pub fn check_clone(git: &Git, url: &str) -> anyhow::Result<()> {
    let folder = scratch::folder("check")?;
    let clone = folder.path().join("clone.git");
    git.clone_mirror(url, &clone)?;
    git.check_connectivity(&clone)
}
