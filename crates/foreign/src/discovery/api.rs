//! Questions to a provider's interface: bounded, no more often than it likes, and without an answer where nothing has changed.

use std::collections::HashMap;
use std::time::Duration;

use heliostat_peer::http::{self, Destinations, NoAnswer, read_at_most};
use heliostat_peer::{Authorities, Clock};
use parking_lot::Mutex;
use reqwest::header::{ACCEPT, AUTHORIZATION, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use url::Url;

use super::page::{Page, read_page};
use super::rate_limit::{Allowance, RateLimit};
use crate::Credentials;
use crate::provider::{Bitbucket, Provider};
use crate::smart_http::UnusableServer;

const USER_AGENT: &str = concat!("heliostat-mirror/", env!("CARGO_PKG_VERSION"));
/// GitHub asks for the first; the others answer JSON to both.
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/vnd.github+json, application/json");
/// How long an answer may take as a whole.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest answer that is read. A page of 1,000 repositories of Bitbucket has about 2 MiB.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// Most pages of which is remembered what they held.
const MAX_KNOWN_PAGES: usize = 4_000;

/// Where a provider is asked, and how.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// Its interface, such as `https://api.github.com/`.
    pub base: Url,
    /// Authorities that are trusted besides those of the system.
    pub authorities: Authorities,
    /// Which Bitbucket it is, if it is one.
    pub bitbucket: Bitbucket,
}

/// Why a provider did not tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryFailure {
    /// There is no credential to ask with.
    #[error("{0}")]
    NoCredential(String),
    /// It does not accept the credential.
    #[error("{0} does not accept the credential (401): see whether it is still good")]
    NotAccepted(String),
    /// The credential may not list this.
    #[error("{0} does not let the credential list repositories (403): give it the right to read them")]
    Forbidden(String),
    /// There is nothing of this name.
    #[error("{0} has nothing at {1}, or does not show it to this credential (404)")]
    NotFound(String, String),
    /// It was asked often enough.
    #[error("{host} wants to be asked less often, and is left alone for now")]
    AskedTooOften {
        /// Where it is.
        host: String,
        /// Until when, in epoch milliseconds.
        until: i64,
    },
    /// It cannot be reached, or has trouble of its own.
    #[error("{0} does not answer: {1}")]
    Away(String, String),
    /// It answers something else.
    #[error("{0} answers what is not understood: {1}")]
    Nonsense(String, String),
}

/// A provider's interface.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) options: ApiOptions,
    http: reqwest::Client,
    limit: RateLimit,
    known: Mutex<HashMap<Url, KnownPage>>,
    pub(super) clock: Clock,
}

/// A page that is asked for with its ETag: where nothing has changed, the provider says no more than that, and GitHub does
/// not count it.
#[derive(Debug, Clone)]
struct KnownPage {
    etag: HeaderValue,
    page: Page,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Api {
    pub(super) fn new(options: ApiOptions, clock: Clock) -> Result<Self, UnusableServer> {
        let client = options.authorities.trusted_by(http::client(USER_AGENT, &Destinations::Configured));
        let http = client.timeout(ANSWER_TIMEOUT).build().map_err(UnusableServer)?;
        Ok(Self { options, http, limit: RateLimit::default(), known: Mutex::default(), clock })
    }

    /// A page of repositories, from memory if the provider says that it has not changed.
    pub(super) async fn page(
        &self,
        provider: Provider,
        address: &Url,
        credentials: &Credentials,
    ) -> Result<Page, DiscoveryFailure> {
        let known = self.known.lock().get(address).cloned();
        let etag = known.as_ref().map(|known| &known.etag);
        let answer = self.ask(Method::GET, address, credentials, etag).await?;
        if let (StatusCode::NOT_MODIFIED, Some(known)) = (answer.status, known) {
            return Ok(known.page);
        }
        let body = self.success(address, &answer)?;
        let (bitbucket, now_ms) = (self.options.bitbucket, self.clock.now_ms());
        let page = read_page(provider, address, &answer.headers, body, bitbucket, now_ms);
        let page = page.map_err(|reason| DiscoveryFailure::Nonsense(self.host(), reason))?;
        let mut known = self.known.lock();
        match answer.headers.get(ETAG) {
            Some(etag) if known.len() < MAX_KNOWN_PAGES || known.contains_key(address) => {
                known.insert(address.clone(), KnownPage { etag: etag.clone(), page: page.clone() });
            }
            _ => drop(known.remove(address)),
        }
        Ok(page)
    }

    /// An answer in JSON to a question that is not a page.
    pub(super) async fn json<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        parts: &[&str],
        credentials: &Credentials,
    ) -> Result<T, DiscoveryFailure> {
        let mut address = self.options.base.clone();
        if let Ok(mut path) = address.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        let answer = self.ask(method, &address, credentials, None).await?;
        let body = self.success(&address, &answer)?;
        // What was read may be a token, so nothing of it is repeated.
        serde_json::from_slice(body).map_err(|_| {
            let reason = format!("what is at {} is not the JSON that it publishes", address.path());
            DiscoveryFailure::Nonsense(self.host(), reason)
        })
    }

    /// Until when nothing more is asked, in epoch milliseconds.
    pub(super) fn wait_until(&self) -> Option<i64> {
        self.limit.wait_until(self.clock.now_ms())
    }

    async fn ask(
        &self,
        method: Method,
        address: &Url,
        credentials: &Credentials,
        etag: Option<&HeaderValue>,
    ) -> Result<Answer, DiscoveryFailure> {
        if let Some(until) = self.wait_until() {
            return Err(DiscoveryFailure::AskedTooOften { host: self.host(), until });
        }
        let mut request = self.http.request(method, address.clone()).header(ACCEPT, ACCEPTED);
        if let Some(header) = credentials.header_value() {
            request = request.header(AUTHORIZATION, header);
        }
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let away = |error: &reqwest::Error| {
            let reason = match http::cause_of(error) {
                NoAnswer::AddressRefused(refused) => refused.to_string(),
                NoAnswer::Other(reason) => reason,
            };
            DiscoveryFailure::Away(self.host(), reason)
        };
        let response = request.send().await.map_err(|error| away(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if let Allowance::AskedTooOften { until } = self.limit.note(status, &headers, self.clock.now_ms()) {
            return Err(DiscoveryFailure::AskedTooOften { host: self.host(), until });
        }
        let (body, is_whole) =
            read_at_most(response, MAX_ANSWER_BYTES).await.map_err(|error| away(&error))?;
        if !is_whole {
            let reason = format!("an answer is longer than {MAX_ANSWER_BYTES} bytes");
            return Err(DiscoveryFailure::Nonsense(self.host(), reason));
        }
        Ok(Answer { status, headers, body })
    }

    fn success<'a>(&self, address: &Url, answer: &'a Answer) -> Result<&'a [u8], DiscoveryFailure> {
        match answer.status {
            status if status.is_success() => Ok(&answer.body),
            StatusCode::UNAUTHORIZED => Err(DiscoveryFailure::NotAccepted(self.host())),
            StatusCode::FORBIDDEN => Err(DiscoveryFailure::Forbidden(self.host())),
            StatusCode::NOT_FOUND => Err(DiscoveryFailure::NotFound(self.host(), address.path().to_owned())),
            status if status.is_server_error() => {
                Err(DiscoveryFailure::Away(self.host(), format!("it answers {status}")))
            }
            status => Err(DiscoveryFailure::Nonsense(self.host(), format!("it answers {status}"))),
        }
    }

    fn host(&self) -> String {
        self.options.base.host_str().unwrap_or_default().to_owned()
    }
}
