//! What repositories follow, and how that goes.

mod delete_following;
mod follow_now;
mod get_following;
mod get_followings;
mod set_following;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::administrators_only;
use crate::harness::{Checkout, Server, eventually, git, reference_url, repository_path};

/// An address at which nothing listens.
const NOWHERE: &str = "http://127.0.0.1:9/acme/tool.git";

/// A repository that git serves by itself.
struct Source {
    folder: TempDir,
    checkout: Checkout,
    url: String,
}

impl Source {
    /// With one commit on `main`.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        git(folder.path(), &["init", "--quiet", "--bare", "source.git"]);
        let url = reference_url(&folder.path().join("source.git")).to_string();
        let source = Self { checkout: Checkout::new(), url, folder };
        source.push(&["HEAD:refs/heads/main"]);
        source
    }

    /// Pushes to it, past the server.
    fn push(&self, refspecs: &[&str]) {
        let bare = self.folder.path().join("source.git");
        let mut arguments = vec!["push", "--quiet", "--force", bare.to_str().expect("plain names")];
        arguments.extend(refspecs);
        git(self.checkout.path(), &arguments);
    }
}

fn path_of(repository: &Value) -> String {
    format!("{}/following", repository_path(repository))
}

/// Waits until a repository stands so to its source, and nothing is under way.
async fn stands(upstream: &Server, repository: &Value, state: &str) -> Value {
    eventually(&format!("the repository to be {state}"), || async {
        let told = upstream.admin().get(&path_of(repository)).await.promised(200);
        (told["state"] == state && told["inProgress"] == false).then_some(told)
    })
    .await
}

/// Lets a repository follow a source, which is looked at on request only.
async fn follow(upstream: &Server, repository: &Value, url: &str) -> Value {
    let body = json!({"url": url, "intervalSeconds": 604_800});
    upstream.admin().put(&path_of(repository), &body).await.promised(200)
}
