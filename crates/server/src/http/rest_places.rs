//! Places for REST requests: a client that sends more than its share waits, and does not delay others.
//!
//! A request begins in a place of the network that it comes from, and goes on in one of its account as soon as its
//! credentials were found right. Administrators have places of their own, so that they can still do something about
//! whatever is going on. A request with a password begins without a place: passwords have a queue of their own, and it
//! must not wait behind others of its network.

use std::net::IpAddr;
use std::time::Duration;

use heliostat_auth::Caller;
use heliostat_git::{FairQueue, Permit, Shares};
use parking_lot::Mutex;
use poem::http::{HeaderValue, header};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};

use super::client_prefix::client_address;
use crate::client_keys::{key_of_address, key_of_caller};

/// REST requests that are carried out at once.
const MAX_REQUESTS: usize = 64;

/// Requests of administrators that are carried out at once.
const MAX_REQUESTS_OF_ADMINISTRATORS: usize = 16;

/// Below this path are the operations.
const REST: &str = "/rest/";

/// How credentials with a password begin.
const BASIC: &[u8] = b"Basic ";

/// Requests are shared among clients only.
const ANY_REPOSITORY: u64 = 0;

tokio::task_local! {
    /// The place of the request that is being answered.
    static PLACE: RequestPlace;
}

/// The middleware. Cloning shares the places.
#[derive(Debug, Clone)]
pub struct RestPlaces {
    requests: FairQueue,
    administration: FairQueue,
}

/// How many REST requests there are, and how many had to wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlaceCounters {
    /// Carried out now.
    pub running: usize,
    /// Waiting for a place now.
    pub waiting: usize,
    /// Those that had to wait so far.
    pub waits: u64,
    /// How long these have waited, all together.
    pub waited: Duration,
}

struct RequestPlace {
    places: RestPlaces,
    peer: Option<IpAddr>,
    held: Mutex<Option<Permit>>,
}

impl RestPlaces {
    /// None is taken.
    pub fn new() -> Self {
        Self {
            requests: FairQueue::new(Shares::of_requests(MAX_REQUESTS)),
            administration: FairQueue::new(Shares::of_requests(MAX_REQUESTS_OF_ADMINISTRATORS)),
        }
    }

    /// How many there are, those of administrators included.
    pub fn counters(&self) -> PlaceCounters {
        let mut counters = PlaceCounters::default();
        for queue in [&self.requests, &self.administration] {
            let past = queue.counters();
            counters.running += queue.running();
            counters.waiting += queue.waiting();
            counters.waits += past.waits;
            counters.waited += past.waited;
        }
        counters
    }
}

/// Goes on in a place of this caller, if it is known by now who that is. What runs outside of a request needs none.
pub async fn go_on_as(caller: &Caller) {
    if !caller.is_authenticated() {
        // It has one of its network.
        return;
    }
    let request = PLACE.try_with(|place| (place.places.clone(), place.peer));
    let Ok((places, peer)) = request else { return };
    let queue = if caller.is_admin() { &places.administration } else { &places.requests };
    // Given back first: who holds one place while waiting for another could wait for themselves.
    PLACE.try_with(|place| place.held.lock().take()).ok();
    let permit = queue.permit(ANY_REPOSITORY, key_of_caller(caller, peer)).await;
    PLACE.try_with(|place| place.held.lock().replace(permit)).ok();
}

/// Goes on without a place: what is left of this request is to wait for something else.
pub fn go_on_without() {
    PLACE.try_with(|place| place.held.lock().take()).ok();
}

impl<E: Endpoint> Middleware<E> for RestPlaces {
    type Output = RestPlacesEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        RestPlacesEndpoint { endpoint, places: self.clone() }
    }
}

/// An endpoint whose requests have places.
pub struct RestPlacesEndpoint<E> {
    endpoint: E,
    places: RestPlaces,
}

impl<E: Endpoint> Endpoint for RestPlacesEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if !request.uri().path().starts_with(REST) {
            return self.endpoint.call(request).await.map(IntoResponse::into_response);
        }
        let peer = client_address(&request);
        let held = match shows_a_password(&request) {
            true => None,
            false => Some(self.places.requests.permit(ANY_REPOSITORY, key_of_address(peer)).await),
        };
        let place = RequestPlace { places: self.places.clone(), peer, held: Mutex::new(held) };
        PLACE.scope(place, self.endpoint.call(request)).await.map(IntoResponse::into_response)
    }
}

fn shows_a_password(request: &Request) -> bool {
    let authorization = request.headers().get(header::AUTHORIZATION).map_or(&[][..], HeaderValue::as_bytes);
    authorization.get(..BASIC.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(BASIC))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use heliostat_auth::{GlobalPermission, UserIdentity};

    use super::*;

    fn user(global: Option<GlobalPermission>) -> Caller {
        let text = || "ada".to_owned();
        Caller::User(UserIdentity { id: 7, name: text(), slug: text(), display_name: text(), global })
    }

    async fn in_place<T>(places: &RestPlaces, work: impl Future<Output = T>) -> T {
        let permit = places.requests.permit(ANY_REPOSITORY, key_of_address(None)).await;
        let place = RequestPlace { places: places.clone(), peer: None, held: Mutex::new(Some(permit)) };
        PLACE.scope(place, work).await
    }

    #[tokio::test]
    async fn a_request_has_one_place_and_it_is_its_callers() {
        let places = RestPlaces::new();
        let taken = || (places.requests.running(), places.administration.running());
        in_place(&places, async {
            assert_eq!(taken(), (1, 0));
            go_on_as(&user(None)).await;
            assert_eq!(taken(), (1, 0));
            go_on_as(&user(Some(GlobalPermission::Admin))).await;
            assert_eq!(taken(), (0, 1));
        })
        .await;
        assert_eq!(taken(), (0, 0));
        go_on_as(&user(None)).await;
        assert_eq!(taken(), (0, 0));
        in_place(&places, async {
            go_on_without();
            assert_eq!(taken(), (0, 0), "who waits takes no place");
        })
        .await;
    }

    #[tokio::test]
    async fn a_flood_without_credentials_leaves_places_to_others() {
        let places = RestPlaces::new();
        let unauthenticated = || places.requests.permit(ANY_REPOSITORY, key_of_address(None));
        let flood: Vec<_> = std::iter::from_fn(|| unauthenticated().now_or_never()).collect();
        assert!(flood.len() < MAX_REQUESTS / 2);
        let elsewhere = Some(IpAddr::from([192, 0, 2, 1]));
        let other = places.requests.permit(ANY_REPOSITORY, key_of_address(elsewhere));
        assert!(other.now_or_never().is_some());
        let account = places.requests.permit(ANY_REPOSITORY, key_of_caller(&user(None), None));
        assert!(account.now_or_never().is_some());
    }
}
