//! The receiver of a webhook, and webhooks that lead to it.

use serde_json::{Value, json};

use super::furnish::repository_path;
use super::server::Server;
use super::tiny_http::{Received, Reply, TinyHttp};
use super::wait::eventually;

/// What plays the build server.
#[derive(Debug)]
pub struct Receiver {
    server: TinyHttp,
}

impl Receiver {
    /// Takes everything in.
    pub fn start() -> Self {
        Self::answering(|_| (200, json!({"taken": true})))
    }

    /// Answers what the function says.
    pub fn answering(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Receiver { server: TinyHttp::start(|_| answer) }
    }

    /// Where webhooks are to post.
    pub fn url(&self) -> String {
        self.server.base.join("/hook").expect("is a path").to_string()
    }

    /// Everything that came so far.
    pub fn received(&self) -> Vec<Received> {
        self.server.received()
    }

    /// Waits until this many came, and returns all that came by then.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        eventually(&format!("{count} deliveries"), || async {
            Some(self.received()).filter(|received| received.len() >= count)
        })
        .await
    }

    /// Waits for the first that tells of an event and that the function accepts.
    pub async fn wait_for_event(&self, key: &str, accept: impl Fn(&Value) -> bool) -> Received {
        eventually(key, || async {
            self.received()
                .into_iter()
                .find(|request| request.header("x-event-key") == key && accept(&request.body))
        })
        .await
    }
}

impl Server {
    /// A new webhook of a repository; returns its wire form.
    pub async fn new_webhook(&self, repository: &Value, url: &str, events: &[&str]) -> Value {
        let body = json!({"name": "A receiver", "url": url, "events": events});
        self.admin().post(&webhooks_path(repository), &body).await.promised(200)
    }
}

/// The path of the webhooks of a repository.
pub fn webhooks_path(repository: &Value) -> String {
    format!("{}/webhooks", repository_path(repository))
}
