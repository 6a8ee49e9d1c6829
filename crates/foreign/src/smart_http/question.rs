//! One question to the server: sent once more if the connection was just being closed, and refused by its answer in words
//! for the caller.
//!
//! Nothing is followed off the server. A redirect within it is only followed where the caller can say what it means.

use std::time::{Duration, SystemTime};

use heliostat_git::GitService;
use heliostat_peer::http::{self, NoAnswer};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, LOCATION, PRAGMA, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::SmartHttp;
use crate::retry_after::retry_after;
use crate::{Credentials, Refusal};

/// How long an answer may take as a whole, as long as it does not stand still.
const ANSWER_LIMIT: Duration = Duration::from_mins(15);

/// Most that is read of what a server says to people.
const MAX_SAID_BYTES: usize = 1024;

/// Most challenges of a server that are passed on, and the longest of them.
const MAX_CHALLENGES: usize = 8;
const MAX_CHALLENGE_BYTES: usize = 1024;

/// What a question in version 2 of the protocol is, and its answer.
const REQUEST_TYPE: &str = "application/x-git-upload-pack-request";
const RESULT_TYPE: &str = "application/x-git-upload-pack-result";

/// What is asked.
pub(super) struct Question<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) credentials: &'a Credentials,
    /// What the answer has to be.
    pub(super) answer_type: &'static str,
    /// The type of the body, and the body.
    pub(super) body: Option<(&'static str, Vec<u8>)>,
}

impl<'a> Question<'a> {
    /// What is asked of a repository in version 2 of the protocol.
    pub(super) fn of_git(repository: &Url, credentials: &'a Credentials, body: Vec<u8>) -> Self {
        Self {
            method: Method::POST,
            url: below(repository, &format!("/{}", GitService::UploadPack.name())),
            credentials,
            answer_type: RESULT_TYPE,
            body: Some((REQUEST_TYPE, body)),
        }
    }
}

/// What came back.
pub(super) enum Answer {
    /// A success of the type that was asked for.
    Success(Response),
    /// It is there, on the same server.
    MovedTo(Url),
}

impl SmartHttp {
    /// Asks, and reads no more than what kind of answer comes.
    pub(super) async fn ask(&self, question: Question<'_>) -> Result<Answer, Refusal> {
        self.ask_within(question, Some(ANSWER_LIMIT)).await
    }

    /// The same for an answer that may take any time, as long as it does not stand still.
    pub(super) async fn ask_at_length(&self, question: Question<'_>) -> Result<Answer, Refusal> {
        self.ask_within(question, None).await
    }

    async fn ask_within(&self, question: Question<'_>, limit: Option<Duration>) -> Result<Answer, Refusal> {
        let Question { method, url, credentials, answer_type, body } = question;
        if let Err(refused) = self.options.destinations.check_literal(&url) {
            return Err(Refusal::AddressRefused(refused.to_string()));
        }
        let mut request = self.http.request(method, url.clone());
        if let Some(limit) = limit {
            request = request.timeout(limit);
        }
        request = request.header(ACCEPT, answer_type).header("Git-Protocol", "version=2");
        // A cache in front of the server must not answer in its place.
        request = request.header(CACHE_CONTROL, "no-cache").header(PRAGMA, "no-cache");
        if let Some(header) = credentials.header_value() {
            request = request.header(AUTHORIZATION, header);
        }
        if let Some((content_type, body)) = body {
            request = request.header(CONTENT_TYPE, content_type).body(body);
        }
        let again = request.try_clone();
        let answer = match (request.send().await, again) {
            (Err(error), Some(again)) if http::was_cut_off(&error) => again.send().await,
            (sent, _) => sent,
        };
        let answer = answer.map_err(|error| no_answer(&error))?;
        match answer.status() {
            StatusCode::OK if essence_of(&answer).eq_ignore_ascii_case("text/html") => {
                Err(Refusal::Forbidden { said: Some(A_PAGE.to_owned()) })
            }
            StatusCode::OK => match fault_of(&answer, answer_type) {
                None => Ok(Answer::Success(answer)),
                Some(fault) => Err(Refusal::Nonsense(fault)),
            },
            status if status.is_redirection() => self.moved(&url, &answer).map(Answer::MovedTo),
            _ => Err(refusal(answer).await),
        }
    }

    /// Where a redirect leads, if it leads to a place on the server.
    fn moved(&self, from: &Url, answer: &Response) -> Result<Url, Refusal> {
        let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let Some(mut location) = location.and_then(|location| from.join(location).ok()) else {
            let status = answer.status().as_u16();
            return Err(Refusal::Nonsense(format!("it answers {status} and does not say where to go")));
        };
        if self.options.server.is_origin_of(&location) {
            // Only the caller says who asks.
            let _ = (location.set_username(""), location.set_password(None));
            return Ok(location);
        }
        Err(Refusal::ElsewhereOnly { location_host: location.origin().ascii_serialization() })
    }
}

/// What is said of a page that comes with 200 or 203 in the place of an answer: so do those greet who want people to sign in,
/// and a token that was revoked is answered in the same way. It is a refusal, and not an outage.
pub(super) const A_PAGE: &str =
    "a page for people comes in the place of an answer, as where one has to sign in";

/// A place below that of a repository.
pub(super) fn below(repository: &Url, place: &str) -> Url {
    let mut url = repository.clone();
    url.set_path(&format!("{}{place}", repository.path()));
    url
}

/// Reads an answer up to this, and tells whether that was all of it.
pub(super) async fn read_up_to(answer: Response, limit: usize) -> Result<(Vec<u8>, bool), Refusal> {
    http::read_at_most(answer, limit).await.map_err(|error| no_answer(&error))
}

/// The type of an answer, without its parameters.
fn essence_of(answer: &Response) -> &str {
    let found = answer.headers().get(CONTENT_TYPE).and_then(|found| found.to_str().ok()).unwrap_or_default();
    found.split(';').next().unwrap_or_default().trim()
}

/// What is wrong with the type of an answer.
fn fault_of(answer: &Response, expected: &str) -> Option<String> {
    let essence = essence_of(answer);
    if essence.eq_ignore_ascii_case(expected) {
        return None;
    }
    Some(match essence {
        "text/plain" | "application/octet-stream" | "" => {
            "it serves the files of the repository only (the \"dumb\" protocol), \
            which takes no questions: it needs git http-backend or a Git server"
                .to_owned()
        }
        other => format!("it answers {other:?} and not {expected}"),
    })
}

pub(super) fn no_answer(error: &reqwest::Error) -> Refusal {
    match http::cause_of(error) {
        NoAnswer::AddressRefused(refused) => Refusal::AddressRefused(refused.to_string()),
        NoAnswer::Other(text) if text.starts_with("invalid peer certificate") => Refusal::Certificate(text),
        NoAnswer::Other(text) => Refusal::Away(text),
    }
}

/// What a status other than success and redirect means.
async fn refusal(answer: Response) -> Refusal {
    let status = answer.status();
    let headers = answer.headers().clone();
    if status == StatusCode::TOO_MANY_REQUESTS || (status == StatusCode::FORBIDDEN && is_limit(&headers)) {
        return Refusal::TooMany { retry_after: retry_after(&headers, SystemTime::now()) };
    }
    match status {
        StatusCode::UNAUTHORIZED => {
            let www_authenticate = challenges(&headers);
            Refusal::NeedsCredentials { www_authenticate, said: said(answer).await }
        }
        StatusCode::FORBIDDEN => Refusal::Forbidden { said: said(answer).await },
        StatusCode::NON_AUTHORITATIVE_INFORMATION => Refusal::Forbidden { said: Some(A_PAGE.to_owned()) },
        StatusCode::NOT_FOUND | StatusCode::GONE => Refusal::NotFound { said: said(answer).await },
        StatusCode::REQUEST_TIMEOUT | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            Refusal::Away(format!("it answers {status}"))
        }
        status if status.is_client_error() => {
            let text = said(answer).await.unwrap_or_default();
            Refusal::Forbidden { said: Some(format!("{status} {text}").trim_end().to_owned()) }
        }
        status if status.is_server_error() => Refusal::Away(format!("it answers {status}")),
        status => Refusal::Nonsense(format!("it answers {status}")),
    }
}

/// Whether 403 means that there were too many questions, as some servers have it.
fn is_limit(headers: &HeaderMap) -> bool {
    headers.contains_key(RETRY_AFTER)
        || headers.get("X-RateLimit-Remaining").is_some_and(|left| left.as_bytes() == b"0")
}

fn challenges(headers: &HeaderMap) -> Vec<String> {
    let found = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let found = found.filter(|value| value.len() <= MAX_CHALLENGE_BYTES);
    found.take(MAX_CHALLENGES).map(str::to_owned).collect()
}

/// What a server says to people: plain text only, as `git` shows it.
async fn said(answer: Response) -> Option<String> {
    let content_type = answer.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    if !content_type.split(';').next()?.trim().eq_ignore_ascii_case("text/plain") {
        return None;
    }
    let (body, _) = http::read_at_most(answer, MAX_SAID_BYTES).await.ok()?;
    let text = String::from_utf8_lossy(&body);
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Some(clean.trim().to_owned()).filter(|clean| !clean.is_empty())
}
