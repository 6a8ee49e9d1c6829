//! Around everything: each request has an id that its client learns from `X-Request-Id`, is counted, has a line in the log
//! when it is over, and one in the audit if it was a failed login or the act of an administrator.
//!
//! The query is left out: it can carry a signed token.

use std::sync::Arc;

use heliostat_peer::REQUEST_ID;
use poem::http::{HeaderName, HeaderValue, Method};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};
use tracing::Instrument;

use super::address::routed;
use super::envelope::most_exact;
use super::request_counters::RequestCounters;
use super::request_record::RequestRecord;
use super::route_class::RouteClass;
use super::shown_credentials::ShownCredentials;
use super::{audit, request_record};
use crate::traces::Traces;

const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static(REQUEST_ID);

/// Below this path are the operations.
const REST: &str = "/rest/";

/// The middleware; `context_path` is empty or starts with a slash and ends without one.
#[derive(Clone)]
pub struct RequestLog {
    /// The path part of the base URL.
    pub context_path: String,
    /// Where requests are counted.
    pub counters: RequestCounters,
    /// Where spans go, if anywhere.
    pub traces: Option<Traces>,
}

impl<E: Endpoint> Middleware<E> for RequestLog {
    type Output = RequestLogEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        RequestLogEndpoint { endpoint, log: self.clone() }
    }
}

/// A logging endpoint. The record goes on with the answer, whose bytes it counts.
pub struct RequestLogEndpoint<E> {
    endpoint: E,
    log: RequestLog,
}

impl<E: Endpoint> Endpoint for RequestLogEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let RequestLog { context_path, counters, traces } = &self.log;
        let class = RouteClass::of(context_path, request.uri().path(), request.uri().query());
        let credentials = ShownCredentials::of(&request);
        let counted = counters.begin(class, credentials.kind);
        let record = Arc::new(RequestRecord::begin(&request, credentials, counted, traces.clone()));
        // Looking an operation up costs as much as an answer that is remembered: only where it is used.
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let is_told = !is_read || traces.is_some() || request_record::is_logged();
        let operation =
            is_told.then(|| operation_of(request.method(), request.uri().path(), context_path)).flatten();
        let span = tracing::info_span!(
            "request",
            request.id = record.context.request_id(),
            http.method = record.method.as_str(),
            http.path = record.path.as_str()
        );
        let answering = async {
            if let Some(operation) = operation {
                request_record::operation(operation);
            }
            self.endpoint.call(request).await
        };
        let recorded = Arc::clone(&record).scope(answering.instrument(span));
        let unanswered = Unanswered(Some(Arc::clone(&record)));
        let mut response = match record.context.clone().scope(recorded).await {
            Ok(response) => response.into_response(),
            Err(error) => error.into_response(),
        };
        unanswered.answered();
        record.answered(response.status());
        audit::write(&record, response.status());
        if let Ok(id) = HeaderValue::from_str(record.context.request_id()) {
            response.headers_mut().insert(REQUEST_ID_HEADER, id);
        }
        response.extensions_mut().insert(record);
        Ok(response)
    }
}

/// A request until it is answered. When its client leaves before, this is dropped, and the audit is told.
struct Unanswered(Option<Arc<RequestRecord>>);

impl Unanswered {
    fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(record) = &self.0 {
            audit::write_unanswered(record);
        }
    }
}

/// The operation of the contract that is asked for, if it is one.
fn operation_of(method: &Method, path: &str, context_path: &str) -> Option<&'static str> {
    let routed = routed(path, context_path).filter(|routed| routed.starts_with(REST))?;
    let method = if method == Method::HEAD { &Method::GET } else { method };
    most_exact(&routed).iter().find(|operation| operation.method == method.as_str()).map(|found| found.id)
}

#[cfg(test)]
mod tests {
    use std::io;

    use bytes::Bytes;
    use futures_util::stream;
    use http_body_util::BodyExt;
    use http_body_util::combinators::BoxBody;
    use poem::http::header;
    use poem::{Body, EndpointExt, endpoint};

    use super::*;
    use crate::http::client_wait::{ClientWait, WatchedAnswer};
    use crate::http::request_counters::observations;

    const PIECES: [&[u8]; 2] = [b"123", b"45"];

    #[tokio::test]
    async fn an_answer_is_complete_when_its_last_byte_was_taken() {
        // A stream does not know its end; of this one the head of the answer tells how long it is.
        for is_stream in [false, true] {
            let endpoint = endpoint::make_sync(move |_| match is_stream {
                false => Response::builder().body(PIECES.concat()),
                true => {
                    let pieces = PIECES.map(|piece| Ok::<_, io::Error>(Bytes::from_static(piece)));
                    let body = Body::from_bytes_stream(stream::iter(pieces));
                    Response::builder().header(header::CONTENT_LENGTH, 5).body(body)
                }
            });
            let counters = RequestCounters::default();
            let log = RequestLog { context_path: String::new(), counters: counters.clone(), traces: None };
            let endpoint = endpoint.with(log);
            let answer = || async {
                let request = Request::builder().uri_str("/scm/prj/x.git/git-upload-pack").finish();
                let mut response = endpoint.call(request).await.expect("never fails");
                let record = response.extensions_mut().remove::<Arc<RequestRecord>>();
                let response: hyper::Response<BoxBody<Bytes, io::Error>> = response.into();
                let (head, body) = response.into_parts();
                WatchedAnswer::new(body, &head.headers, ClientWait::begin(), record)
            };
            let of = || counters.of(RouteClass::GitFetch);

            let mut whole = answer().await;
            assert_eq!((of().running(), observations(&of().until_answer)), (1, 1));
            while of().sent_bytes() < 5 {
                whole.frame().await.expect("there is more").expect("it comes");
            }
            drop(whole);
            assert_eq!((of().running(), of().sent_bytes(), of().aborted()), (0, 5, 0), "{is_stream}");
            assert_eq!(observations(&of().until_end), 1);
            drop(answer().await);
            assert_eq!((of().running(), of().aborted()), (0, 1));
            assert_eq!(of().by_status(), [(200, 2)]);
        }
    }

    #[test]
    fn an_operation_is_found_under_each_of_its_addresses() {
        let found = |method, path| operation_of(&method, path, "/git");
        assert_eq!(found(Method::GET, "/git/rest/api/1.0/projects"), Some("getProjects"));
        assert_eq!(found(Method::HEAD, "/git/rest/api/latest/projects"), Some("getProjects"));
        assert_eq!(found(Method::POST, "/git/rest/api/latest/projects"), Some("createProject"));
        for path in ["/git/status", "/git/rest/api/latest/nothing", "/rest/api/latest/projects"] {
            assert_eq!(found(Method::GET, path), None, "{path}");
        }
    }
}
