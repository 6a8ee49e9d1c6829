//! How a mirror calls its upstream: typed by the contract, signed, and told apart by the names of errors.
//!
//! A server that answers something else, a proxy's error page for instance, is an error and never an empty list.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heliostat_api::{ErrorName, RemoteCall};
use heliostat_auth::{Claims, Secret, sign};
use heliostat_peer::http::Destinations;
use heliostat_peer::{Call, CallError, Clock, Items, Passage, PassedAnswer, PeerClient, Signer};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use url::Url;

use super::descriptor::addon_key;
use super::install::UpstreamMake;
use super::link::UpstreamLink;
use super::repository::UnfitValue;

/// How this server names itself to its upstream.
const USER_AGENT: &str = concat!("heliostat-mirror/", env!("CARGO_PKG_VERSION"));

/// How long a call may take while a user waits for the answer.
pub(super) const URGENT_TIMEOUT: Duration = Duration::from_secs(8);

/// Whether the upstream no longer knows our signature. A wrong clock is another matter.
pub(crate) fn refuses_our_secret(error: &CallError) -> bool {
    error.name() == Some(ErrorName::ServerToken)
}

/// The same of a call in which only this server shows who it is. Other makes do not tell whose fault a 401 is.
pub(super) fn refuses_our_signature(error: &CallError) -> bool {
    matches!(error.name(), Some(ErrorName::ServerToken | ErrorName::Authentication))
}

/// Whether the upstream found nothing wrong with the call but its time: the two clocks differ.
pub(crate) fn is_about_the_clock(error: &CallError) -> bool {
    error.name() == Some(ErrorName::ServerClock)
}

/// Whether others may well be answered at the same time. A proxy that limits requests has no name for it.
pub(crate) fn is_about_us_alone(error: &CallError) -> bool {
    error.status() == Some(StatusCode::TOO_MANY_REQUESTS)
}

/// Whether the upstream itself may not have answered: it is away, or a proxy in front of it answers in its place.
pub(crate) fn is_no_answer(error: &CallError) -> bool {
    let is_unnamed = error.status().is_some() && error.name().is_none();
    (error.is_outage() || is_unnamed) && !is_about_us_alone(error)
}

/// Whether the upstream does not have what was asked for.
pub(crate) fn is_not_found(error: &CallError) -> bool {
    matches!(
        error.name(),
        Some(ErrorName::NoSuchRepository | ErrorName::NoSuchProject | ErrorName::NoSuchEntity)
    )
}

/// Whether the upstream has decided otherwise.
pub(super) fn is_conflict(error: &CallError) -> bool {
    error.name() == Some(ErrorName::Conflict)
}

/// Whether the upstream does not accept the credentials of a user that were shown to it. What it says about our own
/// signature is not the user's fault.
pub(super) fn refuses_credentials(error: &CallError) -> bool {
    matches!(
        error.name(),
        Some(
            ErrorName::Authentication
                | ErrorName::Authorisation
                | ErrorName::ArgumentValidation
                | ErrorName::BadRequest
        )
    )
}

/// A long answer that is read item by item, and how long and large it may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct ItemList {
    /// The member of the document that is the list.
    pub(super) member: &'static str,
    pub(super) timeout: Duration,
    pub(super) max_item_bytes: usize,
}

/// A connection pool to one upstream, and the name under which calls are signed.
#[derive(Debug, Clone)]
pub(crate) struct UpstreamClient {
    client: PeerClient,
    base_url: Url,
    server_id: String,
    addon_key: String,
    /// Whether calls are signed in the name of the add-on, and not of the server.
    signs_as_addon: Arc<AtomicBool>,
    clock: Clock,
    /// Takes in whether calls are answered, and their signatures accepted.
    link: Arc<UpstreamLink>,
}

impl UpstreamClient {
    /// Calls the upstream of a link, and notes there how that goes.
    pub(crate) fn new(link: Arc<UpstreamLink>, server_id: String, clock: Clock) -> reqwest::Result<Self> {
        let client = PeerClient::new(USER_AGENT, Destinations::Configured, clock.clone())?;
        let addon_key = addon_key(&server_id);
        let signs_as_addon = Arc::default();
        let base_url = link.url().to_url();
        Ok(Self { client, base_url, server_id, addon_key, signs_as_addon, clock, link })
    }

    /// Signs from now on as an upstream of this make wants it.
    pub(crate) fn set_make(&self, make: UpstreamMake) {
        self.signs_as_addon.store(make == UpstreamMake::Other, Ordering::Relaxed);
    }

    /// One that signs so, while all others go on as before.
    pub(super) fn of_make(&self, make: UpstreamMake) -> Self {
        Self { signs_as_addon: Arc::new(AtomicBool::new(make == UpstreamMake::Other)), ..self.clone() }
    }

    /// Whether it may know questions that only servers of our make know.
    pub(super) fn asks_a_heliostat(&self) -> bool {
        !self.signs_as_addon.load(Ordering::Relaxed)
    }

    /// The name under which calls are signed.
    fn issuer(&self) -> &str {
        if self.signs_as_addon.load(Ordering::Relaxed) { &self.addon_key } else { &self.server_id }
    }

    pub(super) fn server_id(&self) -> &str {
        &self.server_id
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    pub(super) fn link(&self) -> &UpstreamLink {
        &self.link
    }

    /// Calls an operation that needs no signature.
    pub(super) async fn call<R: RemoteCall>(&self, request: &R) -> Result<R::Answer, CallError> {
        let answer = self.client.ask(Call::of(request, &self.base_url)).await;
        self.note_contact(&answer);
        answer
    }

    /// Calls an operation in the name of this mirror.
    pub(super) async fn call_signed<R: RemoteCall>(
        &self,
        request: &R,
        secret: &Secret,
    ) -> Result<R::Answer, CallError> {
        self.ask_signed(Call::of(request, &self.base_url), secret).await
    }

    /// The same, for what must be known soon: while a user waits for the answer.
    pub(super) async fn call_urgently<R: RemoteCall>(
        &self,
        request: &R,
        secret: &Secret,
    ) -> Result<R::Answer, CallError> {
        self.ask_signed(Call::of(request, &self.base_url).timeout(URGENT_TIMEOUT), secret).await
    }

    /// Calls an operation that not every upstream has, and says whether this one does. That it does not says nothing about
    /// whether it answers.
    pub(super) async fn call_if_known<R: RemoteCall>(
        &self,
        request: &R,
        secret: &Secret,
        timeout: Duration,
    ) -> Result<Option<R::Answer>, CallError> {
        let call = Call::of(request, &self.base_url).signed_by(self.signer(secret)).timeout(timeout);
        self.if_known(self.client.ask(call).await, secret)
    }

    /// The same of an operation whose answer is long, and read item by item.
    pub(super) async fn call_for_items_if_known<R: RemoteCall, T: DeserializeOwned>(
        &self,
        request: &R,
        list: &ItemList,
        secret: &Secret,
    ) -> Result<Option<Items<T>>, CallError> {
        if !self.asks_a_heliostat() {
            // Another make has no operation of ours.
            return Ok(None);
        }
        let call = Call::of(request, &self.base_url).signed_by(self.signer(secret));
        let call = call.timeout(list.timeout).max_answer_bytes(list.max_item_bytes);
        self.if_known(self.client.ask_for_items(call, list.member).await, secret)
    }

    /// Takes in an answer, unless it says that there is no such operation.
    fn if_known<T>(&self, answer: Result<T, CallError>, secret: &Secret) -> Result<Option<T>, CallError> {
        let unknown = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
        if answer.as_ref().is_err_and(|error| error.status().is_some_and(|status| unknown.contains(&status)))
        {
            return Ok(None);
        }
        self.note_contact(&answer);
        self.note_signature(&answer, secret);
        answer.map(Some)
    }

    /// Fetches a document of the upstream that is no JSON.
    pub(super) async fn fetch(&self, call: Call<'_>) -> Result<Vec<u8>, CallError> {
        self.client.fetch(call).await
    }

    /// Passes on a request of a client.
    pub(super) async fn pass(&self, passage: Passage) -> Result<PassedAnswer, CallError> {
        self.client.pass(passage).await
    }

    /// Says that an answer has the shape that the contract promises, and cannot be used all the same.
    pub(super) fn malformed(&self, unfit: &UnfitValue) -> CallError {
        CallError::Malformed { url: self.base_url.to_string(), problem: unfit.to_string() }
    }

    /// The value of an `Authorization` header that is good for the hashed request.
    pub(crate) fn authorization(&self, secret: &Secret, query_hash: String, lifetime_seconds: i64) -> String {
        let claims = Claims::new(self.issuer(), query_hash, self.clock.now_seconds(), lifetime_seconds);
        format!("JWT {}", sign(secret, &claims))
    }

    async fn ask_signed<'a, R: RemoteCall>(
        &'a self,
        call: Call<'a, R>,
        secret: &'a Secret,
    ) -> Result<R::Answer, CallError> {
        let answer = self.client.ask(call.signed_by(self.signer(secret))).await;
        self.note_contact(&answer);
        self.note_signature(&answer, secret);
        answer
    }

    pub(super) fn note_contact<T>(&self, answer: &Result<T, CallError>) {
        match answer {
            Err(error) if is_no_answer(error) => self.link.contact().not_answered(error.to_string()),
            Ok(_) | Err(_) => self.link.contact().answered(),
        }
    }

    fn note_signature<T>(&self, answer: &Result<T, CallError>, secret: &Secret) {
        match answer {
            Ok(_) => self.link.signature_accepted(secret),
            Err(error) if refuses_our_secret(error) => self.link.signature_refused(secret),
            Err(_) => {}
        }
    }

    fn signer<'a>(&'a self, secret: &'a Secret) -> Signer<'a> {
        Signer { issuer: self.issuer(), secret, base_url: &self.base_url }
    }
}

#[cfg(test)]
mod tests {
    use heliostat_peer::PeerProblem;

    use super::*;

    #[test]
    fn a_wrong_clock_does_not_look_like_a_revoked_secret() {
        let refused = |name| CallError::Refused {
            url: "http://upstream/".to_owned(),
            status: StatusCode::UNAUTHORIZED,
            problem: PeerProblem { name: Some(name), message: String::new() },
        };
        assert!(refuses_our_secret(&refused(ErrorName::ServerToken)));
        assert!(!refuses_our_secret(&refused(ErrorName::ServerClock)));
        assert!(!refuses_credentials(&refused(ErrorName::ServerToken)));
    }

    #[test]
    fn a_page_of_a_proxy_is_no_answer_of_the_upstream() {
        let refused = |status, name| CallError::Refused {
            url: "http://upstream/".to_owned(),
            status,
            problem: PeerProblem { name, message: String::new() },
        };
        for status in [StatusCode::NOT_FOUND, StatusCode::UNAUTHORIZED, StatusCode::BAD_GATEWAY] {
            let page = refused(status, None);
            assert!(is_no_answer(&page) && !is_not_found(&page) && !refuses_credentials(&page), "{status}");
        }
        assert!(!is_no_answer(&refused(StatusCode::NOT_FOUND, Some(ErrorName::NoSuchRepository))));
        let limited = refused(StatusCode::TOO_MANY_REQUESTS, None);
        assert!(is_about_us_alone(&limited) && !is_no_answer(&limited));
    }
}
