//! Refuses what pages of other sites make a browser send: a request that may change something is answered only if it
//! comes from a page of this server, or from no page at all.
//!
//! A browser adds what it has to a request that any page makes: passwords that its user has typed, and its place in a
//! network that the page itself cannot reach. So the check comes before credentials are looked at, and covers
//! requests without a body, too. Browsers state where a request comes from in `Origin` and `Sec-Fetch-Site`, and pages
//! cannot change what these say. A client that sends neither is no browser and passes.
//!
//! The pages of an upstream may change the settings of its mirrors, over the one way in that is open to other sites
//! ([`CrossOrigin`](super::CrossOrigin)), and by calls that the upstream has signed alone: no browser adds a signature by
//! itself, so what its user has typed here does nothing for them.

use std::sync::Arc;

use heliostat_api::ErrorName;
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};
use url::{Origin, Url};

use crate::http::problem::Problem;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// How much of a header is told in an answer, in characters.
const MAX_TOLD_CHARS: usize = 200;
/// Below this path, pages of the upstream may call a mirror.
const OPEN_TO_PARTNER: &str = "/rest/";
/// How the credentials of such a call begin.
const SIGNED: &[u8] = b"JWT ";

/// The middleware; knows which pages are this server's own.
#[derive(Clone)]
pub struct CrossSite(Arc<OwnPages>);

/// The addresses whose pages may change something here.
struct OwnPages {
    /// The origin that browsers name for this server.
    origin: Origin,
    /// The origin of the upstream that this server follows.
    partner: Option<Origin>,
}

/// The header that says that a page of another site makes a request, and what it says.
#[derive(Debug, PartialEq, Eq)]
struct Foreign {
    header: &'static str,
    value: String,
}

impl CrossSite {
    /// For a server with this base URL, which pages of `partner` may call over REST with signatures.
    pub fn new(base_url: &Url, partner: Option<&Url>) -> Self {
        Self(Arc::new(OwnPages { origin: base_url.origin(), partner: partner.map(Url::origin) }))
    }
}

impl<E: Endpoint> Middleware<E> for CrossSite {
    type Output = CrossSiteEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        CrossSiteEndpoint { endpoint, own: Arc::clone(&self.0) }
    }
}

/// An endpoint that other sites cannot call to change something.
pub struct CrossSiteEndpoint<E> {
    endpoint: E,
    own: Arc<OwnPages>,
}

impl<E: Endpoint> Endpoint for CrossSiteEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if !is_safe(request.method())
            && let Some(foreign) = self.own.foreign(request.uri().path(), request.headers())
        {
            return Ok(foreign.problem(&self.own.origin.ascii_serialization()).response());
        }
        self.endpoint.call(request).await.map(IntoResponse::into_response)
    }
}

/// Whether a method changes nothing (RFC 9110, 9.2.1).
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// Whether a request shows a signature, and nothing that a browser might have added.
fn is_signed(headers: &HeaderMap) -> bool {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter().map(HeaderValue::as_bytes);
    let is_signature =
        |value: &[u8]| value.get(..SIGNED.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SIGNED));
    shown.next().is_some_and(is_signature) && shown.all(is_signature)
}

impl OwnPages {
    /// What says that a request comes from a page of another site, if it does.
    fn foreign(&self, path: &str, headers: &HeaderMap) -> Option<Foreign> {
        let is_open = path.starts_with(OPEN_TO_PARTNER) && is_signed(headers);
        let mut is_of_partner = false;
        for value in headers.get_all(header::ORIGIN) {
            let named = value.to_str().ok().and_then(|text| Url::parse(text).ok()).map(|url| url.origin());
            if is_open && named.is_some() && named == self.partner {
                is_of_partner = true;
            } else if !named.is_some_and(|named| self.is_own(&named, headers)) {
                return Some(Foreign::new("Origin", value.as_bytes()));
            }
        }
        if is_of_partner {
            // To the browser, that is another site.
            return None;
        }
        let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
        // "none" is what a user does by hand, without any page.
        let other = sites.find(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"));
        other.map(|site| Foreign::new("Sec-Fetch-Site", site.as_bytes()))
    }

    /// Whether an origin is the base URL's, or that of the socket which the browser has reached by its bare address. By
    /// a name it counts only if it is the base URL's: names can be made to lead here by those who own them.
    fn is_own(&self, named: &Origin, headers: &HeaderMap) -> bool {
        if *named == self.origin {
            return true;
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let Ok(reached) = Url::parse(&format!("http://{host}")) else { return false };
        let is_bare = match reached.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(_) => true,
            None => false,
        };
        is_bare && *named == reached.origin()
    }
}

impl Foreign {
    fn new(header: &'static str, value: &[u8]) -> Self {
        Self { header, value: String::from_utf8_lossy(value).chars().take(MAX_TOLD_CHARS).collect() }
    }

    fn problem(&self, own: &str) -> Problem {
        let Self { header, value } = self;
        let message = format!(
            "A page of another site makes this request ({header}: {value}); only pages of {own} may."
        );
        Problem::new(StatusCode::FORBIDDEN, ErrorName::CrossOrigin, message).about(Some((*header).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(base_url: &str, partner: Option<&str>) -> Arc<OwnPages> {
        let url = |text: &str| Url::parse(text).expect("a valid URL");
        CrossSite::new(&url(base_url), partner.map(url).as_ref()).0
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a valid value"));
        }
        headers
    }

    #[test]
    fn only_pages_of_the_base_url_and_of_the_bare_address_are_own() {
        let own = pages("https://git.example.com/context", None);
        let reached = ("host", "127.0.0.1:7990");
        for passing in [
            headers(&[reached]),
            headers(&[reached, ("origin", "https://git.example.com"), ("sec-fetch-site", "same-origin")]),
            headers(&[reached, ("origin", "HTTPS://git.example.com:443")]),
            headers(&[reached, ("origin", "http://127.0.0.1:7990")]),
            headers(&[("host", "localhost:7990"), ("origin", "http://localhost:7990")]),
            headers(&[("host", "[::1]:7990"), ("origin", "http://[::1]:7990")]),
            headers(&[reached, ("sec-fetch-site", "none")]),
        ] {
            assert_eq!(own.foreign("/rest/x", &passing), None, "{passing:?}");
        }
        for foreign in [
            headers(&[reached, ("origin", "https://evil.example")]),
            headers(&[reached, ("origin", "null")]),
            headers(&[reached, ("origin", "")]),
            headers(&[reached, ("origin", "http://git.example.com")]),
            headers(&[reached, ("origin", "https://git.example.com:8443")]),
            headers(&[reached, ("origin", "https://git.example.com.evil.example")]),
            headers(&[reached, ("origin", "http://127.0.0.1:8080")]),
            headers(&[reached, ("origin", "https://git.example.com"), ("origin", "https://evil.example")]),
            headers(&[reached, ("origin", "https://git.example.com"), ("sec-fetch-site", "cross-site")]),
            headers(&[reached, ("sec-fetch-site", "same-site")]),
            headers(&[reached, ("sec-fetch-site", "cross-site")]),
            headers(&[reached, ("sec-fetch-site", "something-new")]),
            // A name that its owner has led to this address.
            headers(&[("host", "evil.example:7990"), ("origin", "http://evil.example:7990")]),
        ] {
            assert!(own.foreign("/rest/x", &foreign).is_some(), "{foreign:?}");
        }
    }

    #[test]
    fn pages_of_the_upstream_may_call_a_mirror_over_rest_with_a_signature_and_nothing_else() {
        let own = pages("https://mirror.example.com", Some("https://git.example.com/context"));
        let settings = "/rest/mirroring/latest/settings";
        let (page, site) = (("origin", "https://git.example.com"), ("sec-fetch-site", "same-site"));
        let signature = ("authorization", "JWT a.b.c");
        let panel = headers(&[page, site, signature]);
        assert_eq!(own.foreign(settings, &panel), None);
        assert_eq!(own.foreign(settings, &headers(&[page, site, ("authorization", "jwt a.b.c")])), None);
        for path in ["/scm/prj/repo.git/git-upload-pack", "/", "/console/session", "/restful"] {
            assert!(own.foreign(path, &panel).is_some(), "{path}");
        }
        for foreign in [
            headers(&[page, site]),
            // What a browser adds, alone and beside a signature.
            headers(&[page, site, ("authorization", "Basic YWRhOnB3")]),
            headers(&[page, site, signature, ("authorization", "Basic YWRhOnB3")]),
            headers(&[page, site, ("cookie", "heliostat-mirror-443=x")]),
            headers(&[("origin", "https://evil.example"), site, signature]),
            headers(&[page, ("origin", "https://evil.example"), site, signature]),
            headers(&[("origin", "https://git.example.com:8443"), site, signature]),
            headers(&[("origin", "http://git.example.com"), site, signature]),
            headers(&[("origin", "null"), site, signature]),
            headers(&[site, signature]),
        ] {
            assert!(own.foreign(settings, &foreign).is_some(), "{foreign:?}");
        }
        let alone = pages("https://mirror.example.com", None);
        assert!(alone.foreign(settings, &panel).is_some(), "a server that follows none has no such pages");
        assert!(alone.foreign(settings, &headers(&[("origin", "null"), signature])).is_some());
    }
}
