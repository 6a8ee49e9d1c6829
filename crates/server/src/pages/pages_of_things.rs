//! Leads a browser from the address of a thing to its page: from a clone URL, and from a `links.self` of the contract.
//!
//! Programs ask these addresses for something else, so only a request that wants HTML first is led on, and only one
//! without a query: a signed link opens what it names.

use std::sync::Arc;

use heliostat_api::Role;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};

const HTML: &str = "text/html";
const MIRRORS: &str = "/rest/mirroring/latest/mirrorServers/";
const UPSTREAMS: &str = "/rest/mirroring/latest/upstreamServers/";

/// The middleware; stands inside the error envelope.
#[derive(Clone)]
pub struct PagesOfThings {
    role: Role,
    /// The path of the first page, with a slash at its end.
    root: Arc<str>,
}

impl PagesOfThings {
    /// For a server in this role below this context path.
    pub fn new(role: Role, context_path: &str) -> Self {
        PagesOfThings { role, root: format!("{context_path}/").into() }
    }

    /// Where the page of what this path names is.
    fn page_of(&self, path: &str) -> Option<String> {
        let page = match self.role {
            Role::Upstream => page_of_repository(path).or_else(|| page_of_mirror(path)),
            Role::Mirror => page_of_repository(path).or_else(|| page_of_copy(path)),
            Role::OriginMirror => page_of_clone_url(path),
        };
        Some(format!("{}{}", self.root, page?))
    }
}

/// `/scm/{projectKey}/{repositorySlug}.git`, as clone URLs are.
fn page_of_repository(path: &str) -> Option<String> {
    let (key, repository) = path.strip_prefix("/scm/")?.trim_end_matches('/').split_once('/')?;
    let slug = repository.strip_suffix(".git").unwrap_or(repository);
    let is_one = !key.is_empty() && !slug.is_empty() && !slug.contains('/');
    // Keys are told in capitals, except those of personal projects, which are the names of users.
    let key = if key.starts_with('~') { key.to_owned() } else { key.to_uppercase() };
    is_one.then(|| format!("projects/{key}/repos/{slug}"))
}

fn page_of_mirror(path: &str) -> Option<String> {
    let id = path.strip_prefix(MIRRORS)?;
    is_segment(id).then(|| format!("mirrors/{id}"))
}

/// What a mirror's view of a repository calls itself.
fn page_of_copy(path: &str) -> Option<String> {
    let (upstream, id) = path.strip_prefix(UPSTREAMS)?.split_once("/repos/")?;
    (is_segment(upstream) && is_segment(id)).then(|| format!("repositories/{id}"))
}

/// The first page shows how to clone what stands in its fragment.
fn page_of_clone_url(path: &str) -> Option<String> {
    path.ends_with(".git").then(|| format!("#{path}"))
}

fn is_segment(text: &str) -> bool {
    !text.is_empty() && !text.contains('/')
}

fn wants_html(request: &Request) -> bool {
    let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
    is_reading && request.uri().query().is_none() && wants_html_first(request)
}

/// Whether a request wants HTML rather than anything else, as those of browsers do that open an address.
pub(super) fn wants_html_first(request: &Request) -> bool {
    let accepted = request.header(header::ACCEPT).unwrap_or_default();
    let first = accepted.split([',', ';']).next().unwrap_or_default();
    first.trim().eq_ignore_ascii_case(HTML)
}

impl<E: Endpoint> Middleware<E> for PagesOfThings {
    type Output = PagesOfThingsEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        PagesOfThingsEndpoint { endpoint, pages: self.clone() }
    }
}

/// An endpoint whose things have pages.
pub struct PagesOfThingsEndpoint<E> {
    endpoint: E,
    pages: PagesOfThings,
}

impl<E: Endpoint> Endpoint for PagesOfThingsEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if wants_html(&request)
            && let Some(page) = self.pages.page_of(request.uri().path())
            && let Ok(page) = HeaderValue::from_str(&page)
        {
            let led_on = Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, page);
            return Ok(led_on.header(header::VARY, HeaderValue::from_static("accept")).finish());
        }
        self.endpoint.call(request).await.map(IntoResponse::into_response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_of(role: Role, path: &str) -> Option<String> {
        PagesOfThings::new(role, "/git").page_of(path)
    }

    #[test]
    fn clone_urls_and_links_lead_to_pages() {
        let page = |page: &str| Some(format!("/git/{page}"));
        for role in [Role::Upstream, Role::Mirror] {
            for path in ["/scm/prj/tool.git", "/scm/PRJ/tool", "/scm/prj/tool.git/"] {
                assert_eq!(page_of(role, path), page("projects/PRJ/repos/tool"), "{path}");
            }
            assert_eq!(page_of(role, "/scm/~ada/tool.git"), page("projects/~ada/repos/tool"));
        }
        let mirror = "/rest/mirroring/latest/mirrorServers/B0F5-CS21-45C2-CCK3";
        assert_eq!(page_of(Role::Upstream, mirror), page("mirrors/B0F5-CS21-45C2-CCK3"));
        let copy = "/rest/mirroring/latest/upstreamServers/B0F5-CS21-45C2-CCK3/repos/7";
        assert_eq!(page_of(Role::Mirror, copy), page("repositories/7"));
        assert_eq!(page_of(Role::OriginMirror, "/acme/tool.git"), page("#/acme/tool.git"));
    }

    #[test]
    fn all_else_is_left_alone() {
        for path in ["/", "/scm/prj", "/scm/prj/", "/scm/prj/tool.git/info/refs", "/scm//tool.git", "/status"]
        {
            assert_eq!(page_of(Role::Upstream, path), None, "{path}");
        }
        let panel = "/rest/mirroring/latest/mirrorServers/B0F5-CS21-45C2-CCK3/webPanels/config";
        assert_eq!(page_of(Role::Upstream, panel), None);
        assert_eq!(page_of(Role::OriginMirror, "/acme/tool.git/info/refs"), None);
    }

    #[test]
    fn only_browsers_are_led_on() {
        let asks = |accept: &str, uri: &str| {
            let uri: poem::http::Uri = uri.parse().expect("is a URI");
            wants_html(&Request::builder().uri(uri).header("accept", accept).finish())
        };
        assert!(asks("text/html,application/xhtml+xml,*/*;q=0.8", "/scm/prj/tool.git"));
        assert!(!asks("*/*", "/scm/prj/tool.git"));
        assert!(!asks("application/json, text/html", "/scm/prj/tool.git"));
        assert!(!asks("text/html", "/scm/prj/tool.git?jwt=t"));
    }
}
