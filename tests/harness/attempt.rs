//! One request, made by one caller after the other: who may, and who may not.

use reqwest::Method;
use serde_json::Value;

use super::client::{Client, Identity};
use super::server::Server;

/// Refusals start here.
const FIRST_ERROR: u16 = 400;

/// A request that waits for callers.
pub struct Attempt {
    client: Client,
    method: Method,
    path: String,
    body: Option<Value>,
}

impl Attempt {
    /// GET at a server.
    pub fn get(server: &Server, path: impl Into<String>) -> Self {
        Self::new(server, Method::GET, path, None)
    }

    /// POST of JSON.
    pub fn post(server: &Server, path: impl Into<String>, body: Value) -> Self {
        Self::new(server, Method::POST, path, Some(body))
    }

    /// POST without a body.
    pub fn post_nothing(server: &Server, path: impl Into<String>) -> Self {
        Self::new(server, Method::POST, path, None)
    }

    /// PUT of JSON.
    pub fn put(server: &Server, path: impl Into<String>, body: Value) -> Self {
        Self::new(server, Method::PUT, path, Some(body))
    }

    /// PUT without a body.
    pub fn put_nothing(server: &Server, path: impl Into<String>) -> Self {
        Self::new(server, Method::PUT, path, None)
    }

    /// DELETE without a body.
    pub fn delete(server: &Server, path: impl Into<String>) -> Self {
        Self::new(server, Method::DELETE, path, None)
    }

    /// DELETE with JSON.
    pub fn delete_with(server: &Server, path: impl Into<String>, body: Value) -> Self {
        Self::new(server, Method::DELETE, path, Some(body))
    }

    fn new(server: &Server, method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        Attempt { client: server.anonymous(), method, path: path.into(), body }
    }

    /// Makes it; fails unless the answer has this status and is what the contract promises for it.
    pub async fn by(&self, caller: &Identity, status: u16) -> Value {
        let client = self.client.as_(caller.clone());
        let answer = client.send(self.method.clone(), &self.path, self.body.as_ref()).await;
        if status < FIRST_ERROR { answer.promised(status) } else { answer.refused(status) }
    }
}
