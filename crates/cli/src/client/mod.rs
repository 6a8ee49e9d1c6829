//! Calls the REST API of a running upstream or mirror.
//!
//! Bodies stay JSON values: the administration prints what the server says, including fields that are newer than
//! this binary. Nothing is repeated on failure; that is up to the caller.

pub mod credentials;
mod prompt;

use std::fmt::Write as _;
use std::time::Duration;

use heliostat_peer::http::{NoAnswer, cause_of};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value};
use url::Url;

use credentials::Authorization;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// An answer larger than this is not one of ours.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// Values asked for at once when a whole list is wanted; the server's own cap.
const PAGE_LIMIT: &str = "1000";
/// A list that is still not over after so many pages is taken for a server error.
const MAX_PAGES: usize = 10_000;
/// How much of an answer that is not ours is shown.
const MAX_SHOWN_CHARS: usize = 200;

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No answer.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// What was called.
        url: Url,
        /// What went wrong on the way, and what can be done about it.
        reason: String,
    },
    /// The server refused.
    #[error("{message}")]
    Refused {
        /// The status of the answer.
        status: StatusCode,
        /// The server's own words.
        message: String,
    },
    /// The answer is not one of this API.
    #[error("{url} gave an answer that is not from this API: {reason}")]
    Strange {
        /// What was called.
        url: Url,
        /// What is strange.
        reason: String,
    },
    /// A name that cannot be part of a path.
    #[error("\"{0}\" cannot be a name here")]
    Unnameable(String),
}

impl CallError {
    /// The status with which the server refused.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// One server and who calls it.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: Url,
    authorization: Option<HeaderValue>,
}

impl Client {
    /// A client for the server at `base_url`; without authorization it calls anonymously.
    pub fn new(base_url: Url, authorization: Option<&Authorization>) -> Self {
        let mut http = heliostat_peer::with_authorities(reqwest::Client::builder())
            .user_agent(concat!("heliostat/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            // Credentials go where the caller said, nowhere else.
            .redirect(reqwest::redirect::Policy::none());
        if is_loopback(&base_url) {
            http = http.no_proxy();
        }
        Self {
            http: http.build().expect("the options of the client do not depend on input"),
            base_url,
            authorization: authorization.map(Authorization::header),
        }
    }

    /// The server's address.
    pub fn base_url(&self) -> &Url {
        &self.base_url
    }

    /// Starts a GET of the path made of `segments`, below the base URL.
    pub fn get(&self, segments: &[&str]) -> Call<'_> {
        self.call(Method::GET, segments)
    }

    /// Starts a POST.
    pub fn post(&self, segments: &[&str]) -> Call<'_> {
        self.call(Method::POST, segments)
    }

    /// Starts a PUT.
    pub fn put(&self, segments: &[&str]) -> Call<'_> {
        self.call(Method::PUT, segments)
    }

    /// Starts a DELETE.
    pub fn delete(&self, segments: &[&str]) -> Call<'_> {
        self.call(Method::DELETE, segments)
    }

    fn call(&self, method: Method, segments: &[&str]) -> Call<'_> {
        let url = url_below(&self.base_url, segments);
        Call { client: self, method, url, body: None }
    }
}

/// A call that is being put together.
pub struct Call<'a> {
    client: &'a Client,
    method: Method,
    url: Result<Url, CallError>,
    body: Option<Value>,
}

impl Call<'_> {
    /// Adds a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        if let Ok(url) = &mut self.url {
            url.query_pairs_mut().append_pair(name, value);
        }
        self
    }

    /// Sets the JSON body.
    pub fn body(mut self, body: impl Into<Value>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Calls, and gives the answer's JSON; null when the answer is empty.
    pub async fn send(self) -> Result<Value, CallError> {
        let url = self.url?;
        let (status, body) = exchange(self.client, self.method, &url, self.body.as_ref()).await?;
        if status.is_success() {
            if body.is_empty() {
                return Ok(Value::Null);
            }
            return serde_json::from_slice(&body)
                .map_err(|error| CallError::Strange { url, reason: format!("no valid JSON, {error}") });
        }
        Err(refusal(url, status, &body))
    }

    /// Calls, and gives the answer's JSON whatever its status is: a report on a server that is not well.
    pub async fn report(self) -> Result<(StatusCode, Value), CallError> {
        let url = self.url?;
        let (status, body) = exchange(self.client, self.method, &url, self.body.as_ref()).await?;
        match serde_json::from_slice::<Value>(&body) {
            Ok(report) if report.get("state").is_some() => Ok((status, report)),
            Ok(_) | Err(_) => Err(refusal(url, status, &body)),
        }
    }

    /// Calls, and gives the answer as text, whatever it is.
    pub async fn text(self) -> Result<String, CallError> {
        let url = self.url?;
        let (status, body) = exchange(self.client, self.method, &url, self.body.as_ref()).await?;
        match status.is_success() {
            true => Ok(String::from_utf8_lossy(&body).into_owned()),
            false => Err(refusal(url, status, &body)),
        }
    }

    /// Calls for a paged list, page after page, and gives all values.
    pub async fn all(self) -> Result<Vec<Value>, CallError> {
        let first = self.url?;
        let mut values = Vec::new();
        let mut start = String::from("0");
        for _ in 0..MAX_PAGES {
            let mut url = first.clone();
            url.query_pairs_mut().append_pair("start", &start).append_pair("limit", PAGE_LIMIT);
            let page =
                Call { client: self.client, method: Method::GET, url: Ok(url), body: None }.send().await?;
            let strange = |reason: &str| CallError::Strange { url: first.clone(), reason: reason.to_owned() };
            let found =
                page.get("values").and_then(Value::as_array).ok_or_else(|| strange("no page of values"))?;
            values.extend(found.iter().cloned());
            if page.get("isLastPage").and_then(Value::as_bool).unwrap_or(true) {
                return Ok(values);
            }
            let next =
                page.get("nextPageStart").and_then(Value::as_u64).ok_or_else(|| strange("no next page"))?;
            start = next.to_string();
        }
        Err(CallError::Strange { url: first, reason: format!("still not the last page after {MAX_PAGES}") })
    }
}

async fn exchange(
    client: &Client,
    method: Method,
    url: &Url,
    body: Option<&Value>,
) -> Result<(StatusCode, Vec<u8>), CallError> {
    let unreachable = |error: reqwest::Error| {
        let reason = match cause_of(&error.without_url()) {
            NoAnswer::AddressRefused(refused) => refused.to_string(),
            NoAnswer::Other(reason) => reason,
        };
        // Which page of a list was asked for is of no use to who reads this.
        let mut url = url.clone();
        url.set_query(None);
        CallError::Unreachable { url, reason }
    };
    let mut request = client.http.request(method, url.clone());
    if let Some(authorization) = &client.authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let mut answer = request.send().await.map_err(unreachable)?;
    let mut received = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
        if received.len() + chunk.len() > MAX_ANSWER_BYTES {
            let reason = format!("more than {MAX_ANSWER_BYTES} bytes");
            return Err(CallError::Strange { url: url.clone(), reason });
        }
        received.extend_from_slice(&chunk);
    }
    if answer.status().is_redirection() {
        let target =
            answer.headers().get(reqwest::header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("?");
        let reason = format!("a redirection to {target}; give the server's own address");
        return Err(CallError::Strange { url: url.clone(), reason });
    }
    Ok((answer.status(), received))
}

/// The messages of the error envelope, or the beginning of whatever came instead.
fn refusal(url: Url, status: StatusCode, body: &[u8]) -> CallError {
    let envelope = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let errors = envelope.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut message = String::new();
    for error in errors.iter().filter_map(Value::as_object) {
        let separator = if message.is_empty() { "" } else { "; " };
        let _ = write!(message, "{separator}{}", one_error(error));
    }
    if !message.is_empty() {
        return CallError::Refused { status, message };
    }
    let shown: String = String::from_utf8_lossy(body).chars().take(MAX_SHOWN_CHARS).collect();
    CallError::Strange { url, reason: format!("status {status}, {shown:?}") }
}

fn one_error(error: &Map<String, Value>) -> String {
    let text = |name| error.get(name).and_then(Value::as_str).filter(|text: &&str| !text.is_empty());
    let message = text("message").unwrap_or("refused without a reason");
    match text("context") {
        Some(field) => format!("{field}: {message}"),
        None => message.to_owned(),
    }
}

fn url_below(base_url: &Url, segments: &[&str]) -> Result<Url, CallError> {
    let mut url = base_url.clone();
    // These would silently be dropped and another resource would be meant.
    if let Some(bad) = segments.iter().find(|segment| matches!(**segment, "" | "." | "..")) {
        return Err(CallError::Unnameable((*bad).to_owned()));
    }
    match url.path_segments_mut() {
        Ok(mut path) => path.pop_if_empty().extend(segments),
        Err(()) => return Err(CallError::Unnameable(base_url.to_string())),
    };
    Ok(url)
}

/// Whether a server is on this machine, as far as its address tells.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests;
