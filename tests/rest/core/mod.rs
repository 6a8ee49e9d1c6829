//! The core API of an upstream, resource by resource.

mod access_tokens;
mod application;
mod following;
mod log;
mod permissions;
mod projects;
mod repositories;
mod repository_faults;
mod users;
mod webhooks;

use crate::harness::{Attempt, Identity, Server};
use serde_json::Value;

/// Who may: administrators of the repository. Each of them gets the status of a success.
async fn administrators_only(
    upstream: &Server,
    mirror: &Identity,
    repository: &Value,
    call: &Attempt,
    success: u16,
) {
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(mirror, 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(repository, "REPO_READ").await, 403).await;
    call.by(&upstream.user_on_repository(repository, "REPO_WRITE").await, 403).await;
    call.by(&upstream.user_on_project(&repository["project"], "PROJECT_WRITE").await, 403).await;
    call.by(&upstream.user_on_repository(repository, "REPO_ADMIN").await, success).await;
    call.by(&upstream.user_on_project(&repository["project"], "PROJECT_ADMIN").await, success).await;
    call.by(&Identity::admin(), success).await;
}
