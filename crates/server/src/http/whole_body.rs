//! Receives the body of a request whole before anything is done for it.
//!
//! Handlers of REST read their body into memory and know who calls only afterwards; so without this, clients without
//! credentials that never send the last byte would hold as much memory as they like. Git's requests, which may be long,
//! are received by their own endpoint.

use heliostat_api::MAX_JSON_BODY_BYTES;
use heliostat_foreign::hooks::MAX_HOOK_BODY_BYTES;
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};

use super::client_prefix::client_prefix;
use super::problem::Problem;
use super::shared_places::{Place, SharedPlaces};
use super::spool::{ReceivedBody, Spool};

/// How many requests with a long body are handled at once.
const LONG_BODIES_AT_ONCE: usize = 32;
/// How many of them come from one address prefix.
const LONG_BODIES_PER_PREFIX: usize = 8;

/// The same for webhooks, whose bodies are longer still and come from unauthenticated clients.
const LONG_HOOKS_AT_ONCE: usize = 4;
const LONG_HOOKS_PER_PREFIX: usize = 2;

/// Below this path providers tell of their repositories.
pub const HOOKS: &str = "/hooks/";

/// How the addresses of Git's requests with a body end.
const GIT: [&str; 2] = ["/git-upload-pack", "/git-receive-pack"];

/// The middleware.
#[derive(Debug, Clone)]
pub struct WholeBody {
    spool: Spool,
    long_bodies: SharedPlaces,
    long_hooks: SharedPlaces,
}

impl WholeBody {
    /// Receives bodies here.
    pub fn new(spool: Spool) -> Self {
        Self {
            spool,
            long_bodies: SharedPlaces::new(LONG_BODIES_AT_ONCE, LONG_BODIES_PER_PREFIX),
            long_hooks: SharedPlaces::new(LONG_HOOKS_AT_ONCE, LONG_HOOKS_PER_PREFIX),
        }
    }
}

impl<E: Endpoint> Middleware<E> for WholeBody {
    type Output = WholeBodyEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        WholeBodyEndpoint { endpoint, bodies: self.clone() }
    }
}

/// An endpoint that is called with bodies that are there.
pub struct WholeBodyEndpoint<E> {
    endpoint: E,
    bodies: WholeBody,
}

impl<E: Endpoint> Endpoint for WholeBodyEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let _place = match GIT.iter().any(|end| request.uri().path().ends_with(end)) {
            true => None,
            false => self.receive(&mut request).await?,
        };
        self.endpoint.call(request).await.map(IntoResponse::into_response)
    }
}

impl<E> WholeBodyEndpoint<E> {
    /// Puts the whole body in the place of the one that arrives; a long one takes a place until it was handled.
    async fn receive(&self, request: &mut Request) -> Result<Option<Place>, Problem> {
        let client = client_prefix(request);
        let (limit_bytes, places) = match request.uri().path().starts_with(HOOKS) {
            true => (MAX_HOOK_BODY_BYTES, &self.bodies.long_hooks),
            false => (MAX_JSON_BODY_BYTES, &self.bodies.long_bodies),
        };
        let received = self.bodies.spool.receive(request.take_body(), client, limit_bytes as u64).await?;
        let place = match &received {
            ReceivedBody::InMemory(_) => None,
            ReceivedBody::OnDisk(_) => Some(places.take(client).await),
        };
        request.set_body(received.into_body());
        Ok(place)
    }
}
