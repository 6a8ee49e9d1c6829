//! One call to another server: signed, and bounded in time and size; JSON unless it says otherwise.
//!
//! Redirects are not followed, because a signature is good for one address only. A call that fails is not repeated
//! here: when to try again is known by the work that needs the answer. The one exception is a question whose connection
//! is closed before anything was answered, as servers close those that were idle; it is asked once more.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::time::Duration;

use heliostat_api::{BodyOf, Callback, ErrorName, RemoteCall};
use heliostat_auth::SERVER_TOKEN_LIFETIME_SECONDS;
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use url::Url;

use crate::address_rules::AddressRefused;
use crate::clock::Clock;
use crate::http::{self, Destinations, NoAnswer, NotResolved, read_at_most};
use crate::items::Items;
use crate::problem::PeerProblem;
use crate::request_context::{REQUEST_ID, RequestContext, TRACE_PARENT};
use crate::shown_address::shown_address;
use crate::signer::Signer;

/// How long a call may take, body included, unless it says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read unless a call says otherwise: a page of a thousand repositories is about two MiB.
const DEFAULT_MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// What servers send each other unless a call says otherwise.
const JSON: &str = "application/json";
/// How much of an error's body is looked at for its reason, in bytes.
const MAX_ERROR_BODY_BYTES: usize = 16 * 1024;

/// Why a call did not bring an answer.
#[derive(Debug, Error)]
pub enum CallError {
    /// The address must not be called.
    #[error(transparent)]
    AddressRefused(#[from] AddressRefused),
    /// The address does not belong to the server for which the call was to be signed.
    #[error("{0} is not an address of this server")]
    ForeignAddress(String),
    /// What was to be sent cannot be written as JSON.
    #[error("cannot write the body of a call to {url}")]
    Unwritable {
        /// Where it was to go.
        url: String,
        /// Why not.
        #[source]
        error: serde_json::Error,
    },
    /// No HTTP answer arrived.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// Where no answer came from.
        url: String,
        /// The innermost cause.
        reason: String,
    },
    /// The server answered with another status than 2xx. What it says is a part of a sentence here.
    #[error(
        "{url} answered {status}{}{}",
        if .problem.message.is_empty() { "" } else { ": " },
        .problem.message.trim_end_matches('.')
    )]
    Refused {
        /// Who answered.
        url: String,
        /// What it answered.
        status: StatusCode,
        /// What its body says.
        problem: PeerProblem,
    },
    /// The answer is larger than it may be.
    #[error("{url} answered more than {limit} bytes")]
    TooLarge {
        /// Who answered.
        url: String,
        /// What was the limit.
        limit: usize,
    },
    /// The answer is not what the contract promises.
    #[error("{url} answered what the contract does not allow: {problem}")]
    Malformed {
        /// Who answered.
        url: String,
        /// What is wrong.
        problem: String,
    },
}

impl CallError {
    /// The status of the answer, if one arrived that says no.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// What kind of problem it is, if the server gave a name that the contract knows.
    pub fn name(&self) -> Option<ErrorName> {
        match self {
            Self::Refused { problem, .. } => problem.name,
            _ => None,
        }
    }

    /// Whether the receiver does not like what it is told, so that it would refuse it again.
    pub fn refuses_content(&self) -> bool {
        self.status().is_some_and(http::refuses_content)
    }

    /// Whether the same call may succeed later although the caller changes nothing.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Refused { status, .. } => {
                !status.is_client_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::AddressRefused(_) | Self::ForeignAddress(_) | Self::Unwritable { .. } => false,
            Self::Unreachable { .. } | Self::TooLarge { .. } | Self::Malformed { .. } => true,
        }
    }
}

/// A call before it is sent.
///
/// Made of an operation of the contract, it is answered by what that operation answers (`R`); made of a method and an
/// address, by whatever is there.
#[derive(Debug)]
pub struct Call<'a, R = ()> {
    operation: PhantomData<fn() -> R>,
    method: Method,
    url: Url,
    headers: Vec<(&'static str, &'a str)>,
    body_type: &'static str,
    body: Option<serde_json::Result<Vec<u8>>>,
    answer_type: AnswerType,
    signer: Option<Signer<'a>>,
    timeout: Duration,
    max_answer_bytes: usize,
}

/// What kind of document an answer may be.
#[derive(Debug, Clone, Copy)]
enum AnswerType {
    /// JSON is asked for; who reads the answer finds out whether it is.
    Json,
    /// Exactly this type, with status 200: what comes with anything else is not looked at.
    Exactly(&'static str),
}

impl<'a> Call<'a> {
    /// A call without a body and without a signature.
    pub fn new(method: Method, url: Url) -> Self {
        Self::to(method, url)
    }

    /// The call of an operation where the server's descriptor says, without a signature.
    pub fn at<C: Callback>(mut url: Url, callback: &'a C, body: &impl BodyOf<C>) -> Self {
        for (name, value) in callback.query() {
            url.query_pairs_mut().append_pair(name, value);
        }
        let mut call =
            Self::new(Method::from_bytes(C::METHOD.as_bytes()).unwrap_or_default(), url).body(body);
        call.headers = callback.headers();
        call
    }
}

impl<'a, R> Call<'a, R> {
    /// What it takes to send it, whatever answers it: so that this is compiled once, and not for each operation.
    fn untyped(self) -> Call<'a> {
        let mut call = Call::new(self.method, self.url);
        (call.headers, call.body_type, call.body) = (self.headers, self.body_type, self.body);
        (call.answer_type, call.signer, call.timeout) = (self.answer_type, self.signer, self.timeout);
        call
    }
}

impl<R: RemoteCall> Call<'_, R> {
    /// The call of an operation on the server with this base URL, without a signature.
    pub fn of(request: &R, base: &Url) -> Self {
        let mut url = base.clone();
        url.set_path(&format!("{}{}", base.path().trim_end_matches('/'), request.path()));
        url.set_query(Some(request.query()).filter(|query| !query.is_empty()).as_deref());
        let mut call = Self::to(Method::from_bytes(R::METHOD.as_bytes()).unwrap_or_default(), url);
        call.body = request.body().map(Ok);
        call
    }
}

impl<'a, R> Call<'a, R> {
    fn to(method: Method, url: Url) -> Self {
        Self {
            operation: PhantomData,
            method,
            url,
            headers: Vec::new(),
            body_type: JSON,
            body: None,
            answer_type: AnswerType::Json,
            signer: None,
            timeout: DEFAULT_TIMEOUT,
            max_answer_bytes: DEFAULT_MAX_ANSWER_BYTES,
        }
    }

    /// What is sent.
    #[must_use]
    pub fn body<B: Serialize + ?Sized>(mut self, body: &B) -> Self {
        self.body = Some(serde_json::to_vec(body));
        self
    }

    /// What is sent when it is no JSON, and its type.
    #[must_use]
    pub fn bytes(mut self, content_type: &'static str, body: Vec<u8>) -> Self {
        (self.body_type, self.body) = (content_type, Some(Ok(body)));
        self
    }

    /// The only type of answer that is taken, with the only status that is taken, 200.
    #[must_use]
    pub fn answered_exactly_by(mut self, content_type: &'static str) -> Self {
        self.answer_type = AnswerType::Exactly(content_type);
        self
    }

    /// Who signs the call.
    #[must_use]
    pub fn signed_by(mut self, signer: Signer<'a>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// How long the call may take, body included.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The largest answer that is read.
    #[must_use]
    pub fn max_answer_bytes(mut self, limit: usize) -> Self {
        self.max_answer_bytes = limit;
        self
    }
}

/// Calls other servers; one per process, cheap to clone.
#[derive(Debug, Clone)]
pub struct PeerClient {
    pub(crate) http: reqwest::Client,
    destinations: Destinations,
    clock: Clock,
}

impl PeerClient {
    /// A client that names itself `user_agent`.
    pub fn new(user_agent: &str, destinations: Destinations, clock: Clock) -> reqwest::Result<Self> {
        Ok(Self { http: http::client(user_agent, &destinations).build()?, destinations, clock })
    }

    /// Checks as much of an address as can be checked without resolving it.
    pub fn check_address(&self, url: &Url) -> Result<(), AddressRefused> {
        self.destinations.check_literal(url)
    }

    /// Where a URL leads, for a call that another program makes in the place of this client.
    pub async fn resolve(&self, url: &Url) -> Result<Vec<IpAddr>, NotResolved> {
        self.destinations.resolve(url).await
    }

    /// Calls an operation of the contract and returns what it answers.
    pub async fn ask<R: RemoteCall>(&self, call: Call<'_, R>) -> Result<R::Answer, CallError> {
        let (url, limit) = (call.url.clone(), call.max_answer_bytes);
        let response = self.exchange(call.untyped()).await?;
        let body = read_whole(&url, response, limit).await?;
        R::read(&body)
            .map_err(|error| CallError::Malformed { url: shown_address(&url), problem: error.to_string() })
    }

    /// Calls an operation whose answer is read item by item: an object with one member of this name, a list of objects.
    /// The largest answer that is read counts for each of them.
    pub async fn ask_for_items<R: RemoteCall, T: DeserializeOwned>(
        &self,
        call: Call<'_, R>,
        member: &str,
    ) -> Result<Items<T>, CallError> {
        let (url, limit) = (call.url.clone(), call.max_answer_bytes);
        let response = self.exchange(call.untyped()).await?;
        Ok(Items::of(url, response, member, limit))
    }

    /// Sends a call whose answer says nothing but that it succeeded.
    pub async fn send<R>(&self, call: Call<'_, R>) -> Result<(), CallError> {
        self.exchange(call.untyped()).await.map(drop)
    }

    /// Fetches a document as it is.
    pub async fn fetch(&self, call: Call<'_>) -> Result<Vec<u8>, CallError> {
        let (url, limit) = (call.url.clone(), call.max_answer_bytes);
        let response = self.exchange(call).await?;
        read_whole(&url, response, limit).await
    }

    /// The answer, if its status is a success.
    async fn exchange(&self, call: Call<'_>) -> Result<Response, CallError> {
        let Call { method, url, headers, body_type, body, answer_type, signer, timeout, .. } = call;
        self.check_address(&url)?;
        // Calls to mirrors that were accepted are signed; others go to an address that anyone may have registered.
        let is_unproven = signer.is_none() && matches!(self.destinations, Destinations::ChosenByOthers(_));
        let mut request = self.http.request(method.clone(), url.clone()).timeout(timeout);
        request = request.header("Accept", answer_type.accepted());
        if !is_unproven {
            request = under_current_names(request);
        }
        if let Some(signer) = signer {
            let now = self.clock.now_seconds();
            let token = signer.token(method.as_str(), &url, now, SERVER_TOKEN_LIFETIME_SECONDS);
            let token = token.ok_or_else(|| CallError::ForeignAddress(shown_address(&url)))?;
            request = request.header("Authorization", format!("JWT {token}"));
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            let body = body.map_err(|error| CallError::Unwritable { url: shown_address(&url), error })?;
            request = request.header("Content-Type", body_type).body(body);
        }
        let again = request.try_clone().filter(|_| method == Method::GET);
        let response = match (request.send().await, again) {
            (Err(error), Some(again)) if http::was_cut_off(&error) => again.send().await,
            (sent, _) => sent,
        };
        let response = response.map_err(|error| unreachable(&url, &error))?;
        let status = response.status();
        if status.is_success() {
            return match answer_type.fault_of(&response) {
                Some(problem) => Err(CallError::Malformed { url: shown_address(&url), problem }),
                None => Ok(response),
            };
        }
        // What is found at an address that others chose is not repeated, so that it cannot be used to look around.
        if is_unproven {
            return Err(CallError::Refused {
                url: shown_address(&url),
                status,
                problem: PeerProblem::default(),
            });
        }
        let location =
            response.headers().get("Location").and_then(|text| text.to_str().ok()).map(str::to_owned);
        let body = match read_at_most(response, MAX_ERROR_BODY_BYTES).await {
            Ok((body, _)) => body,
            Err(_) => Vec::new(),
        };
        let problem = match self.destinations {
            Destinations::Configured => PeerProblem::read(status, &body)
                .unwrap_or_else(|| PeerProblem::of_another_server(status, location.as_deref(), &body)),
            Destinations::ChosenByOthers(_) => PeerProblem::read(status, &body).unwrap_or_default(),
        };
        Err(CallError::Refused { url: shown_address(&url), status, problem })
    }
}

impl AnswerType {
    fn accepted(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::Exactly(content_type) => content_type,
        }
    }

    /// Why a successful answer is not taken all the same.
    fn fault_of(self, response: &Response) -> Option<String> {
        let Self::Exactly(wanted) = self else { return None };
        if response.status() != StatusCode::OK {
            return Some(format!("the status is {} instead of 200", response.status()));
        }
        let found = response.headers().get("Content-Type").map(HeaderValue::as_bytes).unwrap_or_default();
        (found != wanted.as_bytes())
            .then(|| format!("the content type is {:?} instead of {wanted}", String::from_utf8_lossy(found)))
    }
}

/// The request under the names of the one that has caused it, so that the logs of both servers can be read together.
pub(crate) fn under_current_names(request: RequestBuilder) -> RequestBuilder {
    let context = RequestContext::current().unwrap_or_default();
    request.header(REQUEST_ID, context.request_id()).header(TRACE_PARENT, context.trace_parent())
}

async fn read_whole(url: &Url, response: Response, limit: usize) -> Result<Vec<u8>, CallError> {
    let read = read_at_most(response, limit).await;
    match read.map_err(|error| unreachable(url, &error))? {
        (body, true) => Ok(body),
        (_, false) => Err(CallError::TooLarge { url: shown_address(url), limit }),
    }
}

/// Why no answer has arrived, or not all of it.
pub(crate) fn unreachable(url: &Url, error: &reqwest::Error) -> CallError {
    match http::cause_of(error) {
        NoAnswer::AddressRefused(refused) => CallError::AddressRefused(refused),
        NoAnswer::Other(reason) => CallError::Unreachable { url: shown_address(url), reason },
    }
}

#[cfg(test)]
mod tests {
    use heliostat_api::ops::{AnalyticsSettingsRequest, GetContentHashByIdRequest};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn refused(status: StatusCode, problem: PeerProblem) -> CallError {
        CallError::Refused { url: "http://a/".to_owned(), status, problem }
    }

    #[test]
    fn an_error_says_who_answered_what() {
        let named = PeerProblem { name: Some(ErrorName::Conflict), message: "Taken.".to_owned() };
        let error = refused(StatusCode::CONFLICT, named);
        assert_eq!(error.to_string(), "http://a/ answered 409 Conflict: Taken");
        assert_eq!(error.name(), Some(ErrorName::Conflict));
        let error = refused(StatusCode::BAD_GATEWAY, PeerProblem::default());
        assert_eq!(error.to_string(), "http://a/ answered 502 Bad Gateway");
    }

    #[test]
    fn an_operation_is_called_below_the_base_url() {
        let base = Url::parse("https://git.example.com/context/").expect("a valid URL");
        let request = GetContentHashByIdRequest {
            repo_id: "4 2".to_owned(),
            include_default_branch: true,
            nonce: None,
        };
        let call = Call::of(&request, &base);
        let address =
            "https://git.example.com/context/rest/mirroring/latest/repos/4%202?includeDefaultBranch=true";
        assert_eq!((call.method.as_str(), call.url.as_str()), ("GET", address));
        let call = Call::of(&AnalyticsSettingsRequest { instance: None, other_upstream: None }, &base);
        assert_eq!(call.url.query(), None);
    }

    #[test]
    fn only_a_client_error_is_no_outage() {
        let outage = |status| refused(status, PeerProblem::default()).is_outage();
        assert!(outage(StatusCode::BAD_GATEWAY) && outage(StatusCode::TOO_MANY_REQUESTS));
        assert!(outage(StatusCode::FOUND));
        assert!(!outage(StatusCode::UNAUTHORIZED) && !outage(StatusCode::NOT_FOUND));
    }

    /// Answers the first request of the first connection only, and closes a connection in place of another answer.
    async fn closes_after_one_answer(listener: TcpListener) {
        let (mut first, _) = listener.accept().await.expect("a connection");
        let mut request = [0; 1_024];
        assert!(first.read(&mut request).await.expect("a request") > 0);
        first.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst").await.expect("it is read");
        assert!(first.read(&mut request).await.expect("another request") > 0);
        drop(first);
        let (mut second, _) = listener.accept().await.expect("a connection");
        assert!(second.read(&mut request).await.expect("the same request") > 0);
        second.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond").await.expect("it is read");
    }

    #[tokio::test]
    async fn a_question_into_a_connection_that_is_being_closed_is_asked_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let url = Url::parse(&url).expect("a valid URL");
        let server = tokio::spawn(closes_after_one_answer(listener));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = PeerClient::new("test", Destinations::Configured, Clock::system()).expect("a client");
        for answer in ["first", "second"] {
            let answered = client.fetch(Call::new(Method::GET, url.clone())).await;
            assert_eq!(answered.expect("an answer"), answer.as_bytes());
        }
        server.await.expect("the server does not panic");
    }
}
