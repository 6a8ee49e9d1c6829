//! What people do to an upstream all the time, each change written down before and after it was acknowledged.
//!
//! Each worker goes on until the power is gone; what fails until then was not acknowledged.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    ADMIN_PASSWORD, Checkout, FakeMirror, Server, USER_PASSWORD, clone_url, git_output, http, project_path,
    repository_path, request_of, unique,
};

use super::ledger::Ledger;

/// No answer comes later than this, unless the server has died.
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);
/// More files than git unpacks: such a push is kept as a pack.
const FILES_OF_A_PACK: u32 = 120;
const BRANCHES: u32 = 6;
/// Every repository has them all the time.
pub const LASTING_BRANCHES: [&str; 2] = ["refs/heads/main", "refs/heads/trunk"];
/// Each gets every event, so there are a few only.
const MOST_MIRRORS: usize = 4;

/// An upstream that is changed.
pub struct Changes<'a> {
    /// It.
    pub upstream: &'a Server,
    /// Where all repositories are.
    pub project: &'a Value,
    /// Those that stay.
    pub repositories: &'a [Value],
    /// What plays all the mirrors that join.
    pub mirror: &'a FakeMirror,
    /// The mirror that stays.
    pub lasting_mirror: &'a str,
    /// What was acknowledged.
    pub ledger: &'a Ledger,
}

impl Changes<'_> {
    /// Pushes until the power is gone: one to three references at a time, made, moved, or removed.
    ///
    /// Each worker has branches of its own: of two pushes to one branch it could not be said which came last.
    pub async fn push(
        &self,
        worker: &str,
        checkout: &Checkout,
        mut chance: StdRng,
        is_over: impl Fn() -> bool,
    ) {
        let mut number = 0;
        while !is_over() {
            number += 1;
            let repository = &self.repositories[chance.random_range(0..self.repositories.len())];
            let commit = self.commit(checkout, &mut chance, number);
            let mut refs: Vec<(String, Option<String>)> = Vec::new();
            for _ in 0..chance.random_range(1..=3) {
                let name = match chance.random_range(0..=BRANCHES) {
                    0 => format!("refs/tags/{}", unique()),
                    branch => format!("refs/heads/{worker}/b{branch}"),
                };
                if refs.iter().all(|(other, _)| *other != name) {
                    let target =
                        (name.starts_with("refs/tags/") || chance.random_bool(0.8)).then(|| commit.clone());
                    refs.push((name, target));
                }
            }
            self.push_refs(checkout, repository, &refs).await;
        }
    }

    fn commit(&self, checkout: &Checkout, chance: &mut StdRng, number: u32) -> String {
        if chance.random_bool(0.2) {
            for file in 0..FILES_OF_A_PACK {
                let path = checkout.path().join(format!("many-{file}"));
                std::fs::write(path, format!("{number} {file} {}\n", unique()))
                    .expect("a file can be written");
            }
        }
        checkout.commit("file", &format!("{number} {}\n", unique()))
    }

    /// Pushes these, atomically; `None` removes.
    pub async fn push_refs(
        &self,
        checkout: &Checkout,
        repository: &Value,
        refs: &[(String, Option<String>)],
    ) {
        let slug = repository["slug"].as_str().expect("is text");
        let fact = |name: &str| format!("ref {slug} {name}");
        refs.iter().for_each(|(name, target)| self.ledger.asked(&fact(name), target.as_deref()));
        let url = clone_url(self.upstream.base_url(), repository, Some(("admin", ADMIN_PASSWORD)));
        let specs =
            refs.iter().map(|(name, target)| format!("{}:{name}", target.as_deref().unwrap_or_default()));
        let start = ["push", "--quiet", "--force", "--atomic", url.as_str()].map(str::to_owned);
        let arguments: Vec<String> = start.into_iter().chain(specs).collect();
        let folder = checkout.path().to_owned();
        let pushed = tokio::task::spawn_blocking(move || {
            git_output(&folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
        });
        if pushed.await.expect("git was run").status.success() {
            refs.iter().for_each(|(name, target)| self.ledger.acknowledged(&fact(name), target.as_deref()));
        }
    }

    /// Users, permissions, tokens, repositories and mirrors come and go until the power is gone.
    pub async fn administer(&self, mut chance: StdRng, is_over: impl Fn() -> bool) {
        while !is_over() {
            match chance.random_range(0..11) {
                0 | 1 => self.create_user().await,
                10 => self.change_default_branch(&mut chance).await,
                2..=4 => self.change_permission(&mut chance).await,
                5 => self.create_token().await,
                6 => self.delete_token().await,
                7 => self.create_repository().await,
                8 => self.delete_repository().await,
                _ => self.join_or_leave().await,
            }
        }
    }

    async fn create_user(&self) {
        let name = format!("user-{}", unique());
        let body = json!({"name": name, "password": USER_PASSWORD, "displayName": name,
            "emailAddress": format!("{name}@example.com")});
        self.change(
            &format!("user {name}"),
            Some("there"),
            Method::POST,
            "/rest/api/latest/admin/users",
            Some(&body),
        )
        .await;
    }

    async fn change_permission(&self, chance: &mut StdRng) {
        let users = self.ledger.certain("user ");
        let Some(user) = users.get(chance.random_range(0..=users.len())) else { return };
        let repository = &self.repositories[0];
        let permission =
            ["REPO_READ", "REPO_WRITE", "REPO_ADMIN"].get(chance.random_range(0..4_usize)).copied();
        let path = format!("{}/permissions/users?name={user}", repository_path(repository));
        let fact = format!("permission {user}");
        match permission {
            Some(level) => {
                let path = format!("{path}&permission={level}");
                self.change(&fact, permission, Method::PUT, &path, None).await;
            }
            None => self.change(&fact, None, Method::DELETE, &path, None).await,
        }
    }

    async fn create_token(&self) {
        let body = json!({"name": format!("token-{}", unique()), "permissions": []});
        let path = "/rest/access-tokens/latest/users/admin";
        let Some(token) = self.ask(Method::PUT, path, Some(&body)).await else { return };
        let id = token["id"].as_str().expect("a token has an id");
        self.ledger.acknowledged(&format!("token {id}"), Some("there"));
    }

    async fn delete_token(&self) {
        let Some(id) = self.ledger.certain("token ").pop() else { return };
        let path = format!("/rest/access-tokens/latest/users/admin/{id}");
        self.change(&format!("token {id}"), None, Method::DELETE, &path, None).await;
    }

    async fn create_repository(&self) {
        let slug = format!("passing-{}", unique()).to_lowercase();
        let path = format!("{}/repos", project_path(self.project));
        let body = json!({"name": slug});
        self.change(&format!("repository {slug}"), Some("there"), Method::POST, &path, Some(&body)).await;
    }

    async fn delete_repository(&self) {
        let Some(slug) =
            self.ledger.certain("repository ").into_iter().find(|slug| slug.starts_with("passing-"))
        else {
            return;
        };
        let path = format!("{}/repos/{slug}", project_path(self.project));
        self.change(&format!("repository {slug}"), None, Method::DELETE, &path, None).await;
    }

    async fn change_default_branch(&self, chance: &mut StdRng) {
        let repository = &self.repositories[0];
        let branch = LASTING_BRANCHES[chance.random_range(0..LASTING_BRANCHES.len())];
        let path = format!("{}/default-branch", repository_path(repository));
        self.change("default branch", Some(branch), Method::PUT, &path, Some(&json!({"id": branch}))).await;
    }

    /// A mirror asks and is accepted, or one that was is removed.
    async fn join_or_leave(&self) {
        let mirrors = self.ledger.certain("mirror ").into_iter();
        let passing: Vec<String> = mirrors.filter(|id| id != self.lasting_mirror).collect();
        if let Some(id) = passing.get(MOST_MIRRORS) {
            let path = format!("/rest/mirroring/latest/mirrorServers/{id}");
            self.change(&format!("mirror {id}"), None, Method::DELETE, &path, None).await;
            return;
        }
        let id = heliostat_auth::server_id();
        let mut base = self.mirror.base.clone();
        // Its base URL is a mirror's own; the path tells them apart.
        base.set_path(&format!("/{}", unique()));
        let body = request_of(&id, &format!("mirror-{}", unique()), &base);
        let Some(request) = self.ask(Method::POST, "/rest/mirroring/latest/requests", Some(&body)).await
        else {
            return;
        };
        let path = format!("/rest/mirroring/latest/requests/{}/accept", request["id"]);
        self.change(&format!("mirror {id}"), Some("there"), Method::POST, &path, None).await;
    }

    /// Asks for a change of a fact, and notes whether it was acknowledged.
    async fn change(
        &self,
        fact: &str,
        value: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) {
        self.ledger.asked(fact, value);
        if self.ask(method, path, body).await.is_some() {
            self.ledger.acknowledged(fact, value);
        }
    }

    /// Asks as the administrator; the answer if it was a good one.
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Value> {
        let url = format!("{}{path}", self.upstream.base());
        let mut request = http().request(method, url).timeout(ANSWER_PATIENCE);
        request = request.basic_auth("admin", Some(ADMIN_PASSWORD));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.ok().filter(|response| response.status().is_success())?;
        let text = response.text().await.ok()?;
        Some(serde_json::from_str(&text).unwrap_or_default())
    }
}
