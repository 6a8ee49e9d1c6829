//! Lets pages of other origins read a mirror's REST answers: the upstream's settings panel, and build tools whose
//! pages ask a mirror what it has.
//!
//! They sign their calls, follow a signed link or send an `Authorization` header themselves, so no origin is special for
//! reading; what they may change is [`CrossSite`](super::CrossSite)'s to say. Browsers are never allowed to add
//! credentials of their own. Nothing else is open: not the upstream, not Git, not
//! the pages. It stands outside the error envelope, so that pages can read errors, too.

use std::sync::Arc;

use heliostat_api::{ErrorName, Role};
use poem::http::{Method, header};
use poem::middleware::{Cors, CorsEndpoint};
use poem::{Endpoint, EndpointExt, Middleware, Request, Response, Result};

use crate::http::problem::Problem;

/// The middleware; knows which role answers.
#[derive(Clone, Copy)]
pub struct CrossOrigin {
    /// The role of this server.
    pub role: Role,
}

impl<E: Endpoint<Output = Response>> Middleware<E> for CrossOrigin {
    type Output = CrossOriginEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        let endpoint = Arc::new(endpoint);
        CrossOriginEndpoint { role: self.role, open: endpoint.clone().with(cors()), closed: endpoint }
    }
}

/// One endpoint, by the way in.
pub struct CrossOriginEndpoint<E> {
    role: Role,
    open: CorsEndpoint<Arc<E>>,
    closed: Arc<E>,
}

impl<E: Endpoint<Output = Response>> Endpoint for CrossOriginEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if self.role != Role::Mirror || !request.uri().path().starts_with("/rest/") {
            return self.closed.call(request).await;
        }
        let answer = self.open.call(request).await;
        // What fails here is a preflight that asks for too much; all else is a response by now.
        Ok(answer.unwrap_or_else(|error| {
            Problem::new(error.status(), ErrorName::CrossOrigin, error.to_string()).response()
        }))
    }
}

fn cors() -> Cors {
    Cors::new()
        .allow_methods([Method::GET, Method::PUT, Method::POST, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
}
