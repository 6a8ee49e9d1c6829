//! The middleware that counts requests, from their arrival to the last byte of their answers.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, SizeHint};
use poem::http::{Method, header};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};

use super::request_counters::{CountedRequest, CredentialKind, RequestCounters};
use super::route_class::RouteClass;

/// How an `Authorization` header begins.
const SCHEMES: [(&str, CredentialKind); 3] =
    [("basic", CredentialKind::Basic), ("bearer", CredentialKind::Bearer), ("jwt", CredentialKind::Jwt)];

/// The middleware.
#[derive(Debug, Clone)]
pub struct CountedRequests {
    counters: RequestCounters,
    context_path: String,
}

impl CountedRequests {
    /// Counts there; `context_path` is empty or starts with a slash and ends without one.
    pub fn new(counters: RequestCounters, context_path: String) -> Self {
        Self { counters, context_path }
    }
}

impl<E: Endpoint> Middleware<E> for CountedRequests {
    type Output = CountedEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        CountedEndpoint { endpoint, requests: self.clone() }
    }
}

/// An endpoint whose requests are counted.
pub struct CountedEndpoint<E> {
    endpoint: E,
    requests: CountedRequests,
}

impl<E: Endpoint> Endpoint for CountedEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let CountedRequests { counters, context_path } = &self.requests;
        let class = RouteClass::of(context_path, request.uri().path(), request.uri().query());
        let (credentials, wants_no_body) = (shown_credentials(&request), request.method() == Method::HEAD);
        let mut counted = counters.begin(class);
        let answer = self.endpoint.call(request).await;
        let mut response = answer.map_or_else(|error| error.into_response(), IntoResponse::into_response);
        counted.answered(response.status().as_u16(), credentials);
        let body: BoxBody<Bytes, io::Error> = response.take_body().into();
        if wants_no_body || body.is_end_stream() {
            counted.complete();
            response.set_body(poem::Body::from(body));
        } else {
            response.set_body(poem::Body::from(CountedBody::new(body, counted).boxed()));
        }
        Ok(response)
    }
}

/// How this request says who sent it; whether that is so is seen from the answer.
fn shown_credentials(request: &Request) -> Option<CredentialKind> {
    let Some(value) = request.headers().get(header::AUTHORIZATION) else {
        let mut parameters = request.uri().query().unwrap_or_default().split('&');
        return parameters.any(|parameter| parameter.starts_with("jwt=")).then_some(CredentialKind::Jwt);
    };
    let scheme = value.as_bytes().trim_ascii_start().split(|byte| *byte == b' ').next().unwrap_or_default();
    let known = SCHEMES.iter().find(|(name, _)| scheme.eq_ignore_ascii_case(name.as_bytes()));
    Some(known.map_or(CredentialKind::Other, |(_, kind)| *kind))
}

/// The body of an answer, of which is counted what goes to the connection.
struct CountedBody {
    body: BoxBody<Bytes, io::Error>,
    counted: CountedRequest,
    /// What is not sent yet, where the length of the whole is known: then nobody asks for what comes behind the last byte.
    left: Option<u64>,
}

impl CountedBody {
    fn new(body: BoxBody<Bytes, io::Error>, counted: CountedRequest) -> Self {
        let left = body.size_hint().exact();
        Self { body, counted, left }
    }
}

impl Body for CountedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.counted.sent(bytes);
                self.left = self.left.map(|left| left.saturating_sub(bytes));
                if self.left == Some(0) || self.body.is_end_stream() {
                    self.counted.complete();
                }
            }
            Some(Err(_)) => {}
            None => self.counted.complete(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use poem::endpoint::make_sync;
    use poem::{Body as PoemBody, EndpointExt};

    use super::*;
    use crate::http::request_counters::observations;

    fn request(authorization: Option<&str>, query: &str) -> Request {
        let builder = Request::builder().uri_str(format!("/scm/prj/x.git/git-upload-pack{query}"));
        match authorization {
            Some(value) => builder.header("authorization", value).finish(),
            None => builder.finish(),
        }
    }

    #[test]
    fn credentials_are_told_apart_by_their_scheme() {
        for (authorization, query, kind) in [
            (None, "", None),
            (None, "?jwt=abc", Some(CredentialKind::Jwt)),
            (Some("basic YTpi"), "", Some(CredentialKind::Basic)),
            (Some("Bearer abc"), "", Some(CredentialKind::Bearer)),
            (Some("JWT abc"), "", Some(CredentialKind::Jwt)),
            (Some("Digest abc"), "", Some(CredentialKind::Other)),
        ] {
            assert_eq!(shown_credentials(&request(authorization, query)), kind, "{authorization:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_is_complete_when_its_last_byte_was_taken() {
        let counters = RequestCounters::default();
        let endpoint = make_sync(|_| Response::builder().body(PoemBody::from("12345")));
        let endpoint = endpoint.with(CountedRequests::new(counters.clone(), String::new()));
        let of = || counters.of(RouteClass::GitFetch);
        let response = endpoint.call(request(None, "")).await.expect("never fails");
        assert_eq!((of().running(), observations(&of().until_answer)), (1, 1));
        assert_eq!(response.into_body().into_string().await.expect("text"), "12345");
        assert_eq!((of().running(), of().sent_bytes(), of().aborted()), (0, 5, 0));
        let left = endpoint.call(request(None, "")).await.expect("never fails");
        drop(left);
        assert_eq!((of().running(), of().aborted()), (0, 1));
        assert_eq!(of().by_status(), [(200, 2)]);
    }
}
