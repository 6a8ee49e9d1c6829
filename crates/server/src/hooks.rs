//! `POST /hooks/{provider}`: what providers tell of their repositories.
//!
//! It speaks the providers' language, and so is not part of the contract. Providers do not sign in: a delivery is taken
//! if its own signature proves it, and means no more than that a repository should be looked at.

use std::sync::Arc;

use heliostat_api::ErrorName;
use heliostat_foreign::Provider;
use heliostat_foreign::hooks::{HookReceiver, HookRefused, MAX_HOOK_BODY_BYTES, Received};
use poem::http::{HeaderMap, Method, StatusCode, header};
use poem::{Endpoint, Request, Response, Result, Route};
use serde::Serialize;

use crate::http::HOOKS;
use crate::http::problem::Problem;

/// A body up to this length is verified at once; a longer one on a thread for blocking work.
const SHORT_BODY_BYTES: usize = 64 * 1024;

/// Adds the addresses of webhooks to routes.
pub fn mount(routes: Route, receiver: Arc<HookReceiver>) -> Route {
    routes.at(format!("{HOOKS}:provider"), HookEndpoint { receiver })
}

/// The endpoint below [`HOOKS`].
struct HookEndpoint {
    receiver: Arc<HookReceiver>,
}

/// What a provider is answered, and shows to people who look at its webhook.
#[derive(Serialize)]
struct Answer {
    received: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    repositories: Option<usize>,
}

impl Endpoint for HookEndpoint {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        Ok(receive(&self.receiver, request).await.unwrap_or_else(|problem| problem.response()))
    }
}

async fn receive(receiver: &Arc<HookReceiver>, mut request: Request) -> Result<Response, Problem> {
    let path = request.uri().path();
    let name = path.rsplit('/').next().unwrap_or_default();
    let provider: Provider = name.parse().map_err(|_| Problem::unknown_path(path))?;
    if request.method() != Method::POST {
        let message = format!("Webhooks of {provider} are sent here by POST.");
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, ErrorName::MethodNotAllowed, message);
        return Err(problem.allowing("POST"));
    }
    if !receiver.receives(provider) {
        return Err(problem_of(&HookRefused::NotSetUp(provider)));
    }
    // It has arrived: what is left to do is quick.
    let body = request.take_body().into_bytes_limit(MAX_HOOK_BODY_BYTES).await.map_err(|error| {
        let message = format!("The body of the delivery cannot be read: {error}.");
        Problem::new(StatusCode::BAD_REQUEST, ErrorName::ArgumentValidation, message)
    })?;
    let headers: HeaderMap = request.headers().clone();
    let is_short = body.len() <= SHORT_BODY_BYTES;
    let taking = Arc::clone(receiver);
    let take = move || taking.receive(provider, &headers, &body);
    let received = match is_short {
        true => take(),
        false => tokio::task::spawn_blocking(take).await.map_err(|error| Problem::internal(&error))?,
    };
    match received {
        Ok(received) => Ok(answer(provider, received)),
        Err(refused) => {
            tracing::debug!(%provider, "a delivery was not taken: {refused}");
            Err(problem_of(&refused))
        }
    }
}

fn answer(provider: Provider, received: Received) -> Response {
    let (status, received, repositories) = match received {
        Received::Noted(count) => {
            tracing::info!(%provider, repositories = count, "a webhook tells of changes");
            (StatusCode::ACCEPTED, "noted", Some(count))
        }
        Received::Repeated => (StatusCode::OK, "repeated", None),
        Received::Other => (StatusCode::OK, "other", None),
    };
    let text = serde_json::to_vec(&Answer { received, repositories }).unwrap_or_default();
    Response::builder().status(status).header(header::CONTENT_TYPE, "application/json").body(text)
}

fn problem_of(refused: &HookRefused) -> Problem {
    let (status, name) = match refused {
        HookRefused::NotSetUp(_) => (StatusCode::NOT_FOUND, ErrorName::NotFound),
        HookRefused::NotGenuine(_) => (StatusCode::FORBIDDEN, ErrorName::Authorisation),
        HookRefused::Unreadable(_) => (StatusCode::BAD_REQUEST, ErrorName::ArgumentValidation),
        HookRefused::NoRoom => (StatusCode::SERVICE_UNAVAILABLE, ErrorName::Unavailable),
    };
    Problem::new(status, name, sentence(&refused.to_string()))
}

/// What is said inside the server, as people read it.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), characters.as_str()))
}
