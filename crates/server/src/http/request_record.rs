//! What is known of one request by the time that it is over: its line in the log.
//!
//! A record begins before the request is looked at. Code that finds something out notes it here: who is calling, which
//! operation it is, where the answer came from. The body of the answer counts its bytes. The line is written, and the end
//! counted, when the last of them lets go of the record, so `duration_ms` ends with the last byte, and a client that leaves
//! has a line too.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use heliostat_auth::Caller;
use heliostat_peer::{REQUEST_ID, RequestContext, TRACE_PARENT, shown_address};
use parking_lot::Mutex;
use poem::Request;
use poem::http::{Method, StatusCode};
use serde_json::json;
use url::Url;

use super::client_prefix::client_address;
use super::request_counters::CountedRequest;
use super::shown_credentials::ShownCredentials;
use crate::traces::{Span, Traces};

/// The module under which the lines are logged, for `--log-level`.
const ACCESS: &str = "heliostat_access";

/// What stands for the status of a request whose client left before there was an answer, as at nginx.
pub const CLIENT_LEFT: u16 = 499;

/// So many of the things that one operation is about are named.
const MAX_SUBJECTS_NAMED: usize = 100;

/// The longest subject that is noted.
const MAX_SUBJECT_BYTES: usize = 4_096;

tokio::task_local! {
    /// That of the request that is being answered.
    static RECORD: Arc<RequestRecord>;
}

/// A request, and what is known of it so far.
pub struct RequestRecord {
    /// The names under which other servers hear of it.
    pub context: RequestContext,
    /// Where it comes from.
    pub client: Option<IpAddr>,
    /// The method.
    pub method: Method,
    /// The path as sent.
    pub path: String,
    /// The query as sent; it can hold secrets.
    pub query: Option<String>,
    /// How the client says who it is; `None` if it does not.
    pub scheme: Option<&'static str>,
    /// Where its span goes, if anywhere.
    traces: Option<Traces>,
    /// What metrics show of it.
    counted: CountedRequest,
    began_at: SystemTime,
    known: Mutex<Known>,
    status: AtomicU16,
    sent_bytes: AtomicU64,
    is_whole: AtomicBool,
}

/// What was found out.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Who is calling, once that was proved.
    pub caller: Option<LoggedCaller>,
    /// The user name that was shown, whether or not it is theirs.
    pub claimed_name: Option<String>,
    /// The operation: that of the contract, or a step of Git.
    pub operation: Option<&'static str>,
    /// The repository that Git reads or writes.
    pub repository: Option<String>,
    /// What the operation is about, where its path does not tell.
    pub subject: Option<String>,
    /// The last part of the address of what was created, where the answer does not tell.
    pub created: Option<String>,
    /// Whether the answer was there already.
    pub cache: Option<CacheResult>,
}

/// Who is calling, as logs name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggedCaller {
    /// A user, by name.
    User(String),
    /// A mirror or an upstream, by kind and id.
    Server(String),
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheResult {
    /// It was there.
    Hit,
    /// It was computed, and kept for others.
    Miss,
    /// It was made for this client alone.
    Bypass,
}

impl CacheResult {
    fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }
}

impl RequestRecord {
    /// The record of a request that has come and shows these credentials.
    pub fn begin(
        request: &Request,
        credentials: ShownCredentials,
        counted: CountedRequest,
        traces: Option<Traces>,
    ) -> Self {
        let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let ShownCredentials { scheme, name: claimed_name, .. } = credentials;
        Self {
            context: RequestContext::received(text(REQUEST_ID), text(TRACE_PARENT)),
            client: client_address(request),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            scheme,
            traces,
            counted,
            began_at: SystemTime::now(),
            known: Mutex::new(Known { claimed_name, ..Known::default() }),
            status: AtomicU16::new(0),
            sent_bytes: AtomicU64::new(0),
            is_whole: AtomicBool::new(false),
        }
    }

    /// Answers the request while what is noted goes into this record.
    pub async fn scope<F: Future>(self: Arc<Self>, work: F) -> F::Output {
        RECORD.scope(self, work).await
    }

    /// The answer begins.
    pub fn answered(&self, status: StatusCode) {
        self.status.store(status.as_u16(), Ordering::Relaxed);
        self.counted.answered(status.as_u16());
        if self.method == Method::HEAD {
            self.ended();
        }
    }

    /// So many bytes of it were taken.
    pub fn sent(&self, bytes: usize) {
        self.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.counted.sent(bytes as u64);
    }

    /// All of it was.
    pub fn ended(&self) {
        self.is_whole.store(true, Ordering::Relaxed);
    }

    /// What was found out.
    pub fn known(&self) -> Known {
        self.known.lock().clone()
    }

    /// What a collector of traces is told.
    fn span(
        &self,
        took: Duration,
        operation: Option<&str>,
        user: Option<&str>,
        repository: Option<&str>,
    ) -> Span {
        let size = self.sent_bytes.load(Ordering::Relaxed);
        let mut attributes = vec![
            ("http.request.method", json!(self.method.as_str())),
            ("url.path", json!(self.path)),
            ("http.response.status_code", json!(self.status())),
            ("http.response.body.size", json!(size)),
            ("heliostat.request.id", json!(self.context.request_id())),
        ];
        let address = self.client.map(|address| address.to_string());
        let known = [
            ("client.address", address.as_deref()),
            ("user.name", user),
            ("heliostat.repository.path", repository),
        ];
        attributes.extend(known.into_iter().filter_map(|(key, value)| Some((key, json!(value?)))));
        Span {
            trace_id: self.context.trace_id(),
            span_id: self.context.span_id(),
            parent_span_id: self.context.parent_span_id(),
            name: operation.unwrap_or(self.method.as_str()).to_owned(),
            began: self.began_at,
            took,
            status: self.status(),
            attributes,
        }
    }

    fn status(&self) -> u16 {
        match self.status.load(Ordering::Relaxed) {
            0 => CLIENT_LEFT,
            status => status,
        }
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        let known = std::mem::take(self.known.get_mut());
        let (user, server) = match known.caller {
            Some(LoggedCaller::User(name)) => (Some(name), None),
            Some(LoggedCaller::Server(name)) => (None, Some(name)),
            None => (None, None),
        };
        let is_whole = *self.is_whole.get_mut();
        if is_whole {
            self.counted.complete();
        }
        let (trace_id, took) = (self.context.trace_id(), self.counted.took());
        tracing::info!(
            target: ACCESS,
            {
                client.address = self.client.map(tracing::field::display),
                user.name = user.as_deref(),
                server.name = server.as_deref(),
                http.method = self.method.as_str(),
                http.path = self.path.as_str(),
                operation = known.operation,
                repository.path = known.repository.as_deref(),
                http.status = self.status(),
                size_bytes = self.sent_bytes.load(Ordering::Relaxed),
                cache = known.cache.map(CacheResult::as_str),
                duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                complete = is_whole,
                request.id = self.context.request_id(),
                trace.id = trace_id.as_str(),
            },
            "{}",
            if is_whole { "answered a request" } else { "the client left before the end of its answer" }
        );
        if let Some(traces) = self.traces.as_ref().filter(|_| self.context.is_sampled()) {
            let span = self.span(took, known.operation, user.as_deref(), known.repository.as_deref());
            traces.put(span);
        }
    }
}

/// Whether requests have lines at present.
pub fn is_logged() -> bool {
    tracing::enabled!(target: ACCESS, tracing::Level::INFO)
}

/// The caller is known by now.
pub fn called_by(caller: &Caller) {
    let caller = match caller {
        Caller::Anonymous => return,
        Caller::User(user) | Caller::LimitedUser { user, .. } => LoggedCaller::User(user.name.clone()),
        Caller::Mirror { .. } | Caller::Upstream { .. } => LoggedCaller::Server(caller.to_string()),
    };
    called_as(caller);
}

/// The caller is known by now, as logs name them.
pub fn called_as(caller: LoggedCaller) {
    note(|known| known.caller = Some(caller));
}

/// The name that was shown is that of the caller: another server has said so.
pub fn called_as_shown() {
    note(|known| known.caller = known.claimed_name.clone().map(LoggedCaller::User));
}

/// Who is calling, if that is known by now.
pub fn caller() -> Option<LoggedCaller> {
    RECORD.try_with(|record| record.known.lock().caller.clone()).ok().flatten()
}

/// This is the operation.
pub fn operation(name: &'static str) {
    note(|known| known.operation = Some(name));
}

/// Git reads or writes this repository.
pub fn repository(path: &impl std::fmt::Display) {
    note(|known| known.repository = Some(path.to_string()));
}

/// The operation is about this, which its path does not tell. Of what is very long, and not checked yet, the beginning
/// is noted.
pub fn about(subject: &str) {
    let end = subject.floor_char_boundary(MAX_SUBJECT_BYTES);
    note(|known| known.subject = Some(subject[..end].to_owned()));
}

/// The operation is about all of these; of very many, the first are named.
pub fn about_all<T: AsRef<str>>(subjects: &[T]) {
    if subjects.is_empty() {
        return;
    }
    let named: Vec<&str> = subjects.iter().take(MAX_SUBJECTS_NAMED).map(AsRef::as_ref).collect();
    let mut text = named.join(", ");
    if subjects.len() > MAX_SUBJECTS_NAMED {
        text += &format!(" and {} more", subjects.len() - MAX_SUBJECTS_NAMED);
    }
    about(&text);
}

/// The operation is about this address of a repository. What may hold secrets is left out, and so is all of what is no address.
pub fn about_address(address: &str) {
    if let Some(address) = without_secrets(address) {
        about(&address);
    }
}

/// The operation is about a receiver at this address. Its path is left out as well: many receivers know their callers by it.
pub fn about_receiver(address: &str) {
    if let Some(url) = Url::parse(address).ok().filter(Url::has_host) {
        about(&url.origin().ascii_serialization());
    }
}

/// This was created; it is the last part of its address.
pub fn created(address_part: &str) {
    note(|known| known.created = Some(address_part.to_owned()));
}

/// What was created, if the handler has noted it.
pub fn what_was_created() -> Option<String> {
    RECORD.try_with(|record| record.known.lock().created.clone()).ok().flatten()
}

/// The answer came from there.
pub fn cached(result: CacheResult) {
    note(|known| known.cache = Some(result));
}

/// An address without user info, query and fragment.
fn without_secrets(address: &str) -> Option<String> {
    if !address.contains("://") {
        // USER@HOST:PATH, as ssh takes it.
        let (user, place) = address.split_once('@')?;
        return (!user.contains(':') && place.contains(':')).then(|| place.to_owned());
    }
    let url = Url::parse(address).ok().filter(Url::has_host)?;
    Some(shown_address(&url))
}

/// What runs outside of a request has nothing to note it in.
fn note(change: impl FnOnce(&mut Known)) {
    RECORD.try_with(|record| change(&mut record.known.lock())).ok();
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn an_address_is_noted_without_what_may_be_secret() {
        for (address, noted) in [
            (
                "https://ann:secret@ci.example.com/hook?token=secret#secret",
                Some("https://ci.example.com/hook"),
            ),
            ("ssh://git@git.example.com:22/prj/tool.git", Some("ssh://git.example.com:22/prj/tool.git")),
            ("git@git.example.com:prj/tool.git", Some("git.example.com:prj/tool.git")),
            ("ann:secret@ci.example.com/hook", None),
            ("https://ann:secret@", None),
            ("no address", None),
        ] {
            assert_eq!(without_secrets(address).as_deref(), noted, "{address}");
        }
    }
}
