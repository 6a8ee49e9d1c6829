//! REST calls to the roles, as an administrator makes them.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use reqwest::blocking::{Client, Response};
use serde_json::Value;

use crate::ours::roles::METRICS_TOKEN;

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Pause between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(20);

/// A client of one server with one identity; connections are kept.
#[derive(Debug, Clone)]
pub struct Rest {
    base_url: String,
    authorization: String,
    http: Client,
}

impl Rest {
    /// With a user's password.
    pub fn with_password(base_url: &str, user: &str, password: &str) -> anyhow::Result<Self> {
        Self::new(base_url, basic(user, password))
    }

    /// With an access token.
    pub fn with_token(base_url: &str, token: &str) -> anyhow::Result<Self> {
        Self::new(base_url, format!("Bearer {token}"))
    }

    fn new(base_url: &str, authorization: String) -> anyhow::Result<Self> {
        // Fails only when a provider is there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().timeout(ANSWER_TIMEOUT).no_proxy().tcp_nodelay(true);
        // All servers are on this machine, and were started here.
        let http = http.tls_danger_accept_invalid_certs(true).build()?;
        Ok(Rest { base_url: base_url.to_owned(), authorization, http })
    }

    /// The value of the header that says who calls.
    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    /// GET of JSON.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(&Method::GET, path, None)
    }

    /// GET of whatever it is; any status is an answer.
    pub fn get_response(&self, path: &str) -> anyhow::Result<Response> {
        self.send(&Method::GET, path, None)
    }

    /// What a server that a benchmark has started counts.
    pub fn metrics(&self) -> anyhow::Result<String> {
        let reader = Rest { authorization: format!("Bearer {METRICS_TOKEN}"), ..self.clone() };
        Ok(reader.send(&Method::GET, "/metrics", None)?.error_for_status()?.text()?)
    }

    /// POST of JSON.
    pub fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(&Method::POST, path, Some(body))
    }

    /// POST of nothing.
    pub fn post_nothing(&self, path: &str) -> anyhow::Result<Value> {
        self.call(&Method::POST, path, None)
    }

    /// PUT of JSON.
    pub fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(&Method::PUT, path, Some(body))
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.call(&Method::DELETE, path, None)
    }

    /// Any call whose answer must be a success; no content is `null`.
    fn call(&self, method: &Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let response = self.send(method, path, body)?;
        let status = response.status();
        let text = response.text().with_context(|| format!("{method} {path} broke off"))?;
        if !status.is_success() {
            bail!("{method} {path} answered {status}: {text}");
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{method} {path} did not answer JSON: {text}"))
    }

    fn send(&self, method: &Method, path: &str, body: Option<&Value>) -> anyhow::Result<Response> {
        let url = format!("{}{path}", self.base_url);
        let mut request = self.http.request(method.clone(), url);
        request = request.header("Authorization", &self.authorization);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        request.send().with_context(|| format!("{method} {path} failed"))
    }
}

/// The value of the header that shows a user's password.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// Asks until there is an answer; fails when it takes longer than the timeout.
pub fn eventually<T>(
    what: &str,
    timeout: Duration,
    ask: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    eventually_with_pause(what, timeout, PAUSE, ask)
}

/// The same for who needs to know sooner.
pub fn eventually_with_pause<T>(
    what: &str,
    timeout: Duration,
    pause: Duration,
    mut ask: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if started.elapsed() > timeout {
            bail!("waited {} s in vain for {what}", timeout.as_secs());
        }
        thread::sleep(pause);
    }
}

/// A text field of an answer.
pub fn text<'a>(answer: &'a Value, pointer: &str) -> anyhow::Result<&'a str> {
    let value = answer.pointer(pointer).and_then(Value::as_str);
    value.with_context(|| format!("the answer has no text at {pointer}: {answer}"))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use serde_json::json;

    use super::*;

    #[test]
    fn waiting_ends_with_the_condition_or_the_timeout() {
        let asked = Cell::new(0);
        let ask = || {
            asked.set(asked.get() + 1);
            Ok((asked.get() == 3).then_some("here"))
        };
        assert_eq!(eventually("it", Duration::from_mins(2), ask).expect("it comes"), "here");
        let never = eventually("more", Duration::ZERO, || Ok(None::<()>)).expect_err("it never comes");
        assert_eq!(never.to_string(), "waited 0 s in vain for more");
    }

    #[test]
    fn fields_are_found_by_pointer() {
        let answer = json!({"project": {"key": "P"}});
        assert_eq!(text(&answer, "/project/key").expect("it is there"), "P");
        assert!(text(&answer, "/project").is_err());
    }
}
