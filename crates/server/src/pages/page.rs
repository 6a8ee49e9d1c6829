//! Frames a page, and sends it so that nothing but its own style and script can run in it.

use askama::Template;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Request, Response};
use url::Url;
use uuid::Uuid;

use super::state_words::states_for_scripts;
use crate::http::problem::Problem;

/// Shared by all pages.
const STYLE: &str = include_str!("page.css");

/// Shared by all pages, in front of their own script.
const SCRIPT: &str = concat!(include_str!("../http/own_address.js"), include_str!("page.js"));

/// What all pages of one server say.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// What the server is called.
    pub(super) name: String,
    /// The address that clients use, without a slash at its end.
    pub(super) base_url: String,
    /// The path of the first page, with a slash at its end.
    pub(super) root: String,
    /// That clients reach it without encryption.
    pub(super) cleartext_notice: Option<&'static str>,
}

impl Site {
    /// A server of this name at this base URL.
    pub(super) fn new(name: &str, base_url: &Url, cleartext_notice: Option<&'static str>) -> Self {
        let root = format!("{}/", base_url.path().trim_end_matches('/'));
        let base_url = base_url.as_str().trim_end_matches('/').to_owned();
        Site { name: name.to_owned(), base_url, root, cleartext_notice }
    }

    /// For a page that stands alone.
    pub(super) fn without_pages(name: &str) -> Self {
        Site { name: name.to_owned(), base_url: String::new(), root: String::new(), cleartext_notice: None }
    }
}

/// What stands around a page's own part, for one response only: its nonce must not be used again.
pub(super) struct Frame<'a> {
    pub(super) site: &'a Site,
    pub(super) nonce: String,
    pub(super) version: &'static str,
    pub(super) style: &'static str,
    /// How states are called; see `state_words`.
    pub(super) states: String,
    pub(super) shared_script: &'static str,
}

impl<'a> Frame<'a> {
    pub(super) fn new(site: &'a Site) -> Self {
        Frame {
            site,
            nonce: Uuid::new_v4().simple().to_string(),
            version: env!("CARGO_PKG_VERSION"),
            style: STYLE,
            states: states_for_scripts(),
            shared_script: SCRIPT,
        }
    }
}

/// A page whose style and script carry this nonce.
pub(super) fn respond(nonce: &str, page: &impl Template) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    match page.render() {
        Ok(html) => Response::builder()
            .content_type("text/html; charset=utf-8")
            .header(header::CONTENT_SECURITY_POLICY, policy)
            .body(html),
        Err(error) => Problem::internal(&error).response(),
    }
}

/// The redirect to the same page with a slash at its end, if the request came without one: that is how browsers are to
/// name the folder of a server with a context path.
pub(super) fn redirect_to_folder(request: &Request) -> Option<Response> {
    let folder = HeaderValue::from_str(&folder_of(request.original_uri().path())?).ok()?;
    let redirect = Response::builder().status(StatusCode::PERMANENT_REDIRECT);
    Some(redirect.header(header::LOCATION, folder).finish())
}

/// With one slash first: what follows two is the name of another server.
fn folder_of(path: &str) -> Option<String> {
    let is_folder = path.is_empty() || path.ends_with('/');
    (!is_folder).then(|| format!("/{}/", path.trim_start_matches('/')))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A server whose name and notice are no markup.
    pub(in crate::pages) fn site() -> Site {
        let base_url = Url::parse("https://git.example.com/x").expect("is a URL");
        Site::new("<b>", &base_url, Some("a & b"))
    }

    #[derive(Template)]
    #[template(source = "<p title=\"{{ text }}\">{{ text }}</p>", ext = "html")]
    struct Small<'a> {
        text: &'a str,
    }

    #[tokio::test]
    async fn texts_cannot_become_markup() {
        let response = respond("n", &Small { text: "<script>'&\"" });
        let page = response.into_body().into_string().await.expect("the page is text");
        let inside = page.replace("<p title=\"", "").replace("\">", "").replace("</p>", "");
        assert!(!inside.contains(['<', '>', '"', '\'']), "{page}");
    }

    #[test]
    fn the_policy_allows_this_response_only() {
        let site = site();
        let (first, second) = (Frame::new(&site).nonce, Frame::new(&site).nonce);
        assert_ne!(first, second);
        let response = respond(&first, &Small { text: "" });
        let policy = response.headers().get(header::CONTENT_SECURITY_POLICY).expect("a policy is set");
        let policy = policy.to_str().expect("the policy is ASCII");
        assert!(policy.starts_with("default-src 'none'") && policy.contains(&first), "{policy}");
    }

    #[test]
    fn a_context_path_is_part_of_the_root() {
        assert_eq!(site().root, "/x/");
        let plain = Site::new("a", &Url::parse("http://127.0.0.1:7990").expect("is a URL"), None);
        assert_eq!((plain.root.as_str(), plain.base_url.as_str()), ("/", "http://127.0.0.1:7990"));
    }

    #[test]
    fn relative_links_need_a_slash() {
        assert_eq!(folder_of("/git").as_deref(), Some("/git/"));
        assert_eq!(folder_of("//git").as_deref(), Some("/git/"));
        assert_eq!(folder_of("/git/"), None);
        assert_eq!(folder_of("/"), None);
    }
}
