//! Tells a browser by a page why there is none at an address, or why what it sends there is not taken.
//!
//! Errors are JSON for programs and plain text for git. A page is for a request that wants HTML first, and only at the
//! addresses that people open: operations of the contract, `/status` and their like answer everybody alike.

use std::sync::Arc;

use askama::Template;
use heliostat_api::Role;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, Endpoint, IntoResponse, Middleware, Request, Response, Result};
use url::Url;

use super::page::{Frame, Site, respond};
use super::pages_of_things::wants_html_first;
use crate::http::RouteClass;

/// An error is read up to this length; those of this server are much shorter.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// The page.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame<'a>,
    script: &'static str,
    heading: &'static str,
    status: StatusCode,
    message: &'a str,
    /// Whether one can sign in at the first page.
    has_users: bool,
}

/// The middleware; stands around all that answers with errors.
#[derive(Clone)]
pub struct ErrorPages {
    role: Role,
    site: Arc<Site>,
    context_path: Arc<str>,
}

impl ErrorPages {
    /// For a server in this role at this base URL.
    pub fn new(role: Role, base_url: &Url) -> Self {
        let name = match role {
            Role::Upstream => "Heliostat upstream",
            Role::Mirror | Role::OriginMirror => "Heliostat mirror",
        };
        let context_path = base_url.path().trim_end_matches('/').into();
        ErrorPages { role, site: Arc::new(Site::new(name, base_url, None)), context_path }
    }

    fn are_for(&self, request: &Request) -> bool {
        let uri = request.uri();
        let class = RouteClass::of(&self.context_path, uri.path(), uri.query());
        matches!(class, RouteClass::Page | RouteClass::Documents) && wants_html_first(request)
    }

    /// The same answer as a page.
    async fn as_page(&self, mut response: Response) -> Response {
        let status = response.status();
        let message = message_of(response.take_body()).await;
        let frame = Frame::new(&self.site);
        let nonce = frame.nonce.clone();
        let message = message.as_deref().unwrap_or("The server does not say why.");
        let has_users = self.role != Role::OriginMirror;
        let page = ErrorPage { frame, script: "", heading: heading(status), status, message, has_users };
        let page = respond(&nonce, &page);
        // What else the answer says stays: which methods are allowed, or when to try again.
        let headers = response.headers_mut();
        for (name, value) in page.headers() {
            headers.insert(name.clone(), value.clone());
        }
        headers.append(header::VARY, HeaderValue::from_static("accept"));
        response.set_body(page.into_body());
        response
    }
}

fn heading(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "There is no such page",
        StatusCode::FORBIDDEN => "This is not allowed",
        StatusCode::METHOD_NOT_ALLOWED => "This cannot be done here",
        _ => "This did not work",
    }
}

/// The sentence for people in an error, whether it is the JSON of the contract or plain text.
async fn message_of(body: Body) -> Option<String> {
    let bytes = body.into_bytes_limit(MAX_ERROR_BYTES).await.ok()?;
    let message = match serde_json::from_slice::<serde_json::Value>(&bytes) {
        Ok(errors) => errors.pointer("/errors/0/message")?.as_str()?.to_owned(),
        Err(_) => String::from_utf8(bytes.to_vec()).ok()?,
    };
    Some(message.trim().to_owned()).filter(|message| !message.is_empty())
}

fn is_error_for_programs(response: &Response) -> bool {
    let status = response.status();
    let kind = response.content_type().unwrap_or_default();
    let is_error = status.is_client_error() || status.is_server_error();
    is_error && (kind.starts_with("application/json") || kind.starts_with("text/plain"))
}

impl<E: Endpoint> Middleware<E> for ErrorPages {
    type Output = ErrorPagesEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        ErrorPagesEndpoint { endpoint, pages: self.clone() }
    }
}

/// An endpoint whose errors are pages for people.
pub struct ErrorPagesEndpoint<E> {
    endpoint: E,
    pages: ErrorPages,
}

impl<E: Endpoint> Endpoint for ErrorPagesEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let are_wanted = self.pages.are_for(&request);
        let response = self.endpoint.call(request).await?.into_response();
        if are_wanted && is_error_for_programs(&response) {
            return Ok(self.pages.as_page(response).await);
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::Problem;

    fn pages() -> ErrorPages {
        pages_of(Role::Mirror)
    }

    fn pages_of(role: Role) -> ErrorPages {
        ErrorPages::new(role, &Url::parse("https://git.example.com/x").expect("is a URL"))
    }

    #[tokio::test]
    async fn a_page_says_what_the_error_says_and_keeps_its_headers() {
        let problem = Problem::unknown_path("/x/<script>").with_status(StatusCode::METHOD_NOT_ALLOWED);
        let page = pages().as_page(problem.allowing("GET").response()).await;
        assert_eq!((page.status(), page.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, Some("GET")));
        assert_eq!(page.content_type(), Some("text/html; charset=utf-8"));
        assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("nonce-")));
        let text = page.into_body().into_string().await.expect("the page is text");
        assert!(text.contains("Nothing is served at /x/") && !text.contains("/x/<script>"), "{text}");
        assert!(text.contains("href=\"/x/\"") && text.contains("405 Method Not Allowed"), "{text}");
    }

    #[tokio::test]
    async fn it_leads_to_signing_in_where_there_are_users() {
        for (role, has_users) in [(Role::Upstream, true), (Role::Mirror, true), (Role::OriginMirror, false)] {
            let page = pages_of(role).as_page(Problem::unknown_path("/x/none").response()).await;
            let text = page.into_body().into_string().await.expect("the page is text");
            assert_eq!(text.contains("href=\"/x/#sign-in\""), has_users, "{role:?}: {text}");
        }
    }

    #[tokio::test]
    async fn the_text_for_git_becomes_a_page_as_well() {
        let plain =
            Response::builder().status(StatusCode::NOT_FOUND).content_type("text/plain; charset=utf-8");
        let plain = plain.body("Nothing is served at this path.\n");
        assert!(is_error_for_programs(&plain));
        let page = pages().as_page(plain).await.into_body().into_string().await.expect("the page is text");
        assert!(page.contains("<p id=\"error-message\">Nothing is served at this path.</p>"), "{page}");
    }

    #[test]
    fn pages_are_for_browsers_where_people_go() {
        let are_for = |path: &str, accept: &str| {
            let uri: poem::http::Uri = path.parse().expect("is a URI");
            pages().are_for(&Request::builder().uri(uri).header("accept", accept).finish())
        };
        for path in ["/x/", "/x/mirrors", "/x/projects?start=1", "/x/openapi/none", "/elsewhere"] {
            assert!(are_for(path, "text/html,*/*;q=0.8") && !are_for(path, "*/*"), "{path}");
        }
        for path in ["/x/rest/api/latest/none", "/x/status", "/x/metrics", "/x/a/b.git/info/refs"] {
            assert!(!are_for(path, "text/html"), "{path}");
        }
    }
}
