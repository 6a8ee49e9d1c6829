//! A server with something private and something public on it, and everyone who might call.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::Url;

use super::callers::{Callers, METRICS_TOKEN, Users};
use crate::harness::{Checkout, Server, repository_path, unique};

/// What placeholders of the matrix stand for.
pub type Samples = BTreeMap<String, String>;

/// A server of one role, who calls it, and what it has.
pub struct Scene {
    /// Where it listens.
    pub address: Url,
    /// By the names of the matrix.
    pub callers: Callers,
    /// By the names of the matrix and of the contract's parameters.
    pub samples: Samples,
    /// Names of what is private.
    pub private_names: Vec<String>,
}

/// What an upstream has, and its users.
pub struct Furnished {
    /// The private repository, the only one of its private project.
    pub repository: Value,
    /// A repository that everyone may read, in a project that everyone may see.
    pub public_repository: Value,
    /// Users.
    pub users: Users,
    /// Of all these.
    pub samples: Samples,
    /// Names of what is private.
    pub private_names: Vec<String>,
}

/// The token of `/metrics`, for a server that is started.
pub fn metrics_token() -> Vec<(String, String)> {
    vec![("HELIOSTAT_METRICS_TOKEN".to_owned(), METRICS_TOKEN.to_owned())]
}

/// Puts it all on an upstream.
pub async fn furnish(server: &Server) -> Furnished {
    let (project_name, about) = (format!("Hidden {}", unique()), format!("about {}", unique()));
    let body = json!({"key": format!("P{}", unique()), "name": project_name, "description": about});
    let project = server.admin().post("/rest/api/latest/projects", &body).await.promised(201);
    let repository = pushed(server, &project).await;
    let described = format!("about {}", unique());
    let change = json!({"description": described});
    server.admin().put(&repository_path(&repository), &change).await.promised(201);
    let public_project = server.new_project(true).await;
    let public_repository = pushed(server, &public_project).await;
    let users = Users::of(server, &repository).await;
    let samples = [
        ("git", git_path(&repository)),
        ("publicGit", git_path(&public_repository)),
        ("public", repository_path(&public_repository)),
        ("projectId", text(&project["id"])),
        ("projectKey", text(&project["key"])),
        ("repoId", text(&repository["id"])),
        ("repositorySlug", text(&repository["slug"])),
        ("repositoryName", text(&repository["name"])),
    ];
    let samples: Samples = samples.map(|(name, value)| (name.to_owned(), value)).into();
    let names = ["projectKey", "repositorySlug", "repositoryName"].map(|name| samples[name].clone());
    let private_names = names.into_iter().chain([project_name, about, described]).collect();
    Furnished { repository, public_repository, users, samples, private_names }
}

/// A new repository with a commit.
pub async fn pushed(server: &Server, project: &Value) -> Value {
    let repository = server.new_repository(project).await;
    Checkout::new().push(&server.admin_url(&repository), &["HEAD:refs/heads/main"]);
    repository
}

fn git_path(repository: &Value) -> String {
    let key = text(&repository["project"]["key"]).to_lowercase();
    format!("/scm/{key}/{}.git", text(&repository["slug"]))
}

/// A value as it stands in an address.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
