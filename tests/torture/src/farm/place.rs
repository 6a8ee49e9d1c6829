//! Where clients find a server, and what is there all the time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::{ADMIN_PASSWORD, PROJECT, wait_for};
use crate::client::{GitClient, HttpClient};

/// Repositories that last, by their names in addresses. All may read the last one.
pub const REPOSITORIES: [&str; 4] = ["alpha", "beta", "gamma", "open"];
/// How long a server may take to answer with good intent.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// What a server is to its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Where people push.
    Upstream,
    /// A mirror, and the id under which it knows its upstream.
    Mirror(String),
    /// A mirror that takes the upstream for any Git server.
    OfOrigin,
}

/// A server as its clients see it.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its name, for people.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it is.
    pub role: Role,
    /// The ids of the repositories that last, at the upstream.
    pub ids: Vec<i64>,
}

impl Place {
    /// A fresh upstream, to which it gives the project and the repositories that last.
    pub(super) fn upstream(address: SocketAddr) -> anyhow::Result<Self> {
        let mut place = Place { name: "upstream".into(), address, role: Role::Upstream, ids: Vec::new() };
        let project = json!({"key": PROJECT, "name": "Torture"});
        place.must("POST", "/rest/api/latest/projects", Some(&project))?;
        for name in REPOSITORIES {
            let body = json!({"name": name, "public": name == "open"});
            let made =
                place.must("POST", &format!("/rest/api/latest/projects/{PROJECT}/repos"), Some(&body))?;
            place.ids.push(made["id"].as_i64().context("a repository has an id")?);
        }
        Ok(place)
    }

    /// Requests of the administrator.
    pub fn admin(&self) -> HttpClient {
        HttpClient::of_user(self.address, "admin", ADMIN_PASSWORD)
    }

    /// Git of the administrator. A mirror of an origin asks it anew only where a request begins a git command.
    pub fn git(&self) -> GitClient {
        let git = GitClient::new(self.admin());
        if self.role == Role::OfOrigin { git.beginning_with_a_visit() } else { git }
    }

    /// The address of a repository for real git of the administrator.
    pub fn git_url(&self, slug: &str) -> String {
        let password = ADMIN_PASSWORD.replace(' ', "%20");
        format!("http://admin:{password}@{}{}", self.address, git_path(slug))
    }

    /// A request that succeeds sooner or later.
    pub fn must(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let mut last = String::new();
        let answer = wait_for(&format!("{method} {path} at {}", self.name), ANSWER_PATIENCE, || {
            match self.admin().rest(method, path, body) {
                Ok((status, answer)) if status < 300 => return Some(answer),
                Ok((status, answer)) => last = format!("{status} {answer}"),
                Err(failure) => last = failure.kind(),
            }
            None
        });
        answer.with_context(|| format!("the last answer was {last}"))
    }

    /// The content hashes of all repositories by their ids at the upstream; `None` if they are not answered now.
    pub fn hashes(&self) -> Option<BTreeMap<i64, String>> {
        let answer = self.admin().rest("GET", "/rest/mirroring/latest/repo-hashes/content", None);
        let (200, answer) = answer.ok()? else { return None };
        let projects = answer["projects"].as_array()?.iter();
        let repositories = projects.filter_map(|project| project["repositories"].as_array()).flatten();
        repositories
            .map(|repository| {
                let hash = repository["hashes"]["content"].as_str().unwrap_or_default();
                Some((repository["id"].as_i64()?, hash.to_owned()))
            })
            .collect()
    }
}

/// The path of a repository in Git's addresses.
pub fn git_path(slug: &str) -> String {
    format!("/scm/{}/{slug}.git", PROJECT.to_lowercase())
}
