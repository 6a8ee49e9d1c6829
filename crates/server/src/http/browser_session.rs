//! Signing in at the pages: one POST with a user's credentials, and a cookie that stands for them from then on.
//!
//! What is kept is what the user has shown, in memory only; it is put into each request in the place of the cookie, so
//! that each handler checks it as ever: a password that was changed, a token that was deleted and a user who is gone
//! end the session by themselves, and a mirror asks its upstream.
//!
//! The cookie weakens no rule against other sites. Browsers send it along with requests that this site itself makes
//! (`SameSite=Strict`), scripts cannot read it (`HttpOnly`), and it counts only for REST and only in a request that says
//! that a page of this very server makes it: by a header that browsers let no other site add unasked, or by
//! `Sec-Fetch-Site`. What may change something is judged by [`CrossSite`](super::CrossSite) as well.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heliostat_api::{ErrorName, Role};
use heliostat_auth::{Secret, shared_secret, token_hash};
use parking_lot::Mutex;
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};
use serde_json::json;
use url::Url;

use super::problem::Problem;

/// Where pages sign in (POST), ask who is signed in (GET) and sign out (DELETE).
const SESSION: &str = "/console/session";
/// With it pages mark their requests. A page of another site would need leave to send it, and gets none.
const FROM_PAGE: HeaderName = HeaderName::from_static("x-heliostat-page");

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// What it says of a request that a page of this very server makes.
const SAME_ORIGIN: &[u8] = b"same-origin";
/// The addresses for which a session stands in.
const REST: &str = "/rest/";
/// How many sessions there are at most; the one that was not used for longest makes room.
const MAX_SESSIONS: usize = 1_000;
/// How long a session lasts, however much it is used.
const MAX_AGE: Duration = Duration::from_secs(12 * 60 * 60);

/// The middleware. It stands outside the error envelope, so that every answer is one.
#[derive(Clone)]
pub struct BrowserSessions(Arc<Sessions>);

struct Sessions {
    /// What is asked with the credentials of a user who signs in; none where there are no users.
    probe: Option<Uri>,
    /// Cookies know nothing of ports, so that of each server has a name of its own.
    cookie: String,
    /// What follows the cookie's value.
    attributes: String,
    /// By a digest of the cookie's value.
    signed_in: Mutex<BTreeMap<String, Session>>,
}

struct Session {
    authorization: HeaderValue,
    username: String,
    since: Instant,
    used: Instant,
}

impl BrowserSessions {
    /// For a server in this role with this base URL.
    pub fn new(role: Role, base_url: &Url) -> Self {
        let path = base_url.path().trim_end_matches('/');
        let path = if path.is_empty() { "/" } else { path };
        let secure = if base_url.scheme() == "https" { "; Secure" } else { "" };
        let port = base_url.port_or_known_default().unwrap_or_default();
        Self(Arc::new(Sessions {
            probe: probe(role).map(Uri::from_static),
            cookie: format!("heliostat-{}-{port}", role.as_str()),
            attributes: format!("Path={path}; HttpOnly; SameSite=Strict{secure}"),
            signed_in: Mutex::default(),
        }))
    }
}

/// An operation that is refused with 401 to wrong credentials, and to those only.
fn probe(role: Role) -> Option<&'static str> {
    match role {
        Role::Upstream => Some("/rest/api/latest/projects?limit=1"),
        Role::Mirror => Some("/rest/mirroring/latest/upstreamServers"),
        Role::OriginMirror => None,
    }
}

impl<E: Endpoint> Middleware<E> for BrowserSessions {
    type Output = BrowserSessionsEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        BrowserSessionsEndpoint { endpoint, sessions: Arc::clone(&self.0) }
    }
}

/// An endpoint at which pages can sign in.
pub struct BrowserSessionsEndpoint<E> {
    endpoint: E,
    sessions: Arc<Sessions>,
}

impl<E: Endpoint> Endpoint for BrowserSessionsEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let from_page = request.headers().contains_key(FROM_PAGE);
        let mut response = match &self.sessions.probe {
            Some(probe) if request.uri().path() == SESSION => self.session(request, probe).await?,
            _ => {
                if let Some(authorization) = self.sessions.stands_for(request.uri(), request.headers()) {
                    request.headers_mut().insert(header::AUTHORIZATION, authorization);
                }
                self.endpoint.call(request).await.map(IntoResponse::into_response)?
            }
        };
        if from_page {
            // Browsers answer it with a dialog of their own.
            response.headers_mut().remove(header::WWW_AUTHENTICATE);
        }
        Ok(response)
    }
}

impl<E: Endpoint> BrowserSessionsEndpoint<E> {
    async fn session(&self, request: Request, probe: &Uri) -> Result<Response> {
        match *request.method() {
            Method::GET | Method::HEAD => Ok(told(self.sessions.username(request.headers()).as_deref())),
            Method::POST => self.sign_in(request, probe).await,
            Method::DELETE => Ok(self.sessions.sign_out(request.headers())),
            _ => {
                let message = "A session is begun by POST, read by GET and ended by DELETE.";
                let name = ErrorName::MethodNotAllowed;
                let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, name, message);
                Ok(problem.allowing("GET, HEAD, POST, DELETE").response())
            }
        }
    }

    /// Asks with what the user has shown, as they would ask themselves: limits and the log see it like any other request.
    async fn sign_in(&self, mut request: Request, probe: &Uri) -> Result<Response> {
        let Some((authorization, username)) = basic(request.headers()) else {
            let message = "Sign in with a user name, and a password or an access token.";
            return Ok(Problem::new(StatusCode::UNAUTHORIZED, ErrorName::Authentication, message).response());
        };
        let before = request.headers().clone();
        request.set_method(Method::GET);
        *request.uri_mut() = probe.clone();
        let answer = self.endpoint.call(request).await.map(IntoResponse::into_response)?;
        let status = answer.status();
        let is_known = status != StatusCode::UNAUTHORIZED
            && status != StatusCode::TOO_MANY_REQUESTS
            && !status.is_server_error();
        if !is_known {
            return Ok(answer);
        }
        self.sessions.forget(&before);
        let value = self.sessions.begin(authorization, username.clone());
        let mut response = told(Some(&username));
        self.sessions.set_cookie(&mut response, value.expose(), MAX_AGE);
        Ok(response)
    }
}

/// Who is signed in, for the script of a page.
fn told(username: Option<&str>) -> Response {
    let body = username.map_or_else(|| json!({}), |username| json!({ "username": username }));
    Response::builder()
        .content_type("application/json")
        .header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .body(body.to_string())
}

/// What a request shows by the scheme Basic, and the user name in it.
fn basic(headers: &HeaderMap) -> Option<(HeaderValue, String)> {
    let shown = headers.get(header::AUTHORIZATION)?;
    let encoded = shown.to_str().ok()?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (username, _) = pair.split_once(':')?;
    let mut authorization = shown.clone();
    authorization.set_sensitive(true);
    Some((authorization, username.to_owned()))
}

impl Sessions {
    /// What the cookie of a request stands for, if a page of this server makes it and shows no credentials itself.
    fn stands_for(&self, uri: &Uri, headers: &HeaderMap) -> Option<HeaderValue> {
        if headers.contains_key(header::AUTHORIZATION) || !uri.path().starts_with(REST) {
            return None;
        }
        let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        if !headers.contains_key(FROM_PAGE) && site != Some(SAME_ORIGIN) {
            return None;
        }
        self.with_session(headers, |session| {
            session.used = Instant::now();
            session.authorization.clone()
        })
    }

    fn username(&self, headers: &HeaderMap) -> Option<String> {
        self.with_session(headers, |session| session.username.clone())
    }

    fn with_session<T>(&self, headers: &HeaderMap, take: impl FnOnce(&mut Session) -> T) -> Option<T> {
        let key = self.key(headers)?;
        let mut signed_in = self.signed_in.lock();
        let session = signed_in.get_mut(&key)?;
        (session.since.elapsed() < MAX_AGE).then(|| take(session))
    }

    /// Begins a session; the answer is what the cookie says.
    fn begin(&self, authorization: HeaderValue, username: String) -> Secret {
        let value = shared_secret();
        let now = Instant::now();
        let mut signed_in = self.signed_in.lock();
        signed_in.retain(|_, session| session.since.elapsed() < MAX_AGE);
        if signed_in.len() >= MAX_SESSIONS {
            let longest = signed_in.iter().min_by_key(|(_, session)| session.used);
            if let Some(key) = longest.map(|(key, _)| key.clone()) {
                signed_in.remove(&key);
            }
        }
        signed_in.insert(token_hash(&value), Session { authorization, username, since: now, used: now });
        value
    }

    fn sign_out(&self, headers: &HeaderMap) -> Response {
        self.forget(headers);
        let mut response = told(None);
        self.set_cookie(&mut response, "", Duration::ZERO);
        response
    }

    fn forget(&self, headers: &HeaderMap) {
        if let Some(key) = self.key(headers) {
            self.signed_in.lock().remove(&key);
        }
    }

    /// What the session that the cookie names is kept under.
    fn key(&self, headers: &HeaderMap) -> Option<String> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let mut pairs =
            cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(name, _)| name.trim() == self.cookie)?;
        Some(token_hash(&Secret::new(value.trim())))
    }

    fn set_cookie(&self, response: &mut Response, value: &str, age: Duration) {
        let (name, attributes) = (&self.cookie, &self.attributes);
        let cookie = format!("{name}={value}; Max-Age={}; {attributes}", age.as_secs());
        if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
            cookie.set_sensitive(true);
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &str = "Basic YWRhOnB3";

    fn sessions(base_url: &str) -> Arc<Sessions> {
        BrowserSessions::new(Role::Upstream, &Url::parse(base_url).expect("is a URL")).0
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let value = |value: &str| HeaderValue::from_str(value).expect("is a value");
        pairs.iter().map(|&(name, text)| (HeaderName::from_static(name), value(text))).collect()
    }

    fn signed_in(sessions: &Sessions) -> String {
        let (authorization, username) = basic(&headers(&[("authorization", ADA)])).expect("is Basic");
        format!("a=b; {}={}", sessions.cookie, sessions.begin(authorization, username).expose())
    }

    #[test]
    fn a_cookie_counts_for_rest_and_for_pages_of_this_server_only() {
        let sessions = sessions("http://127.0.0.1:7990");
        let cookie = signed_in(&sessions);
        let stands_for = |path: &'static str, more: &[(&'static str, &str)]| {
            let mut all = vec![("cookie", cookie.as_str())];
            all.extend_from_slice(more);
            sessions.stands_for(&Uri::from_static(path), &headers(&all))
        };
        let page = ("x-heliostat-page", "1");
        assert_eq!(stands_for("/rest/x", &[page]).expect("stands for it"), ADA);
        assert!(stands_for("/rest/x", &[("sec-fetch-site", "same-origin")]).is_some());
        assert!(stands_for("/rest/x", &[]).is_none());
        assert!(stands_for("/rest/x", &[("sec-fetch-site", "same-site")]).is_none());
        assert!(stands_for("/scm/prj/x.git/info/refs", &[page]).is_none());
        assert!(stands_for("/rest/x", &[page, ("authorization", "Bearer t")]).is_none());
    }

    #[test]
    fn a_session_is_ended_and_says_whose_it_is() {
        let sessions = sessions("http://127.0.0.1:7990");
        let cookie = signed_in(&sessions);
        let shown = headers(&[("cookie", &cookie)]);
        assert_eq!(sessions.username(&shown).as_deref(), Some("ada"));
        sessions.sign_out(&shown);
        assert_eq!(sessions.username(&shown), None);
    }

    #[test]
    fn sessions_are_bounded_and_the_least_used_one_makes_room() {
        let sessions = sessions("http://127.0.0.1:7990");
        let first = signed_in(&sessions);
        for _ in 0..MAX_SESSIONS {
            signed_in(&sessions);
        }
        assert_eq!(sessions.signed_in.lock().len(), MAX_SESSIONS);
        assert_eq!(sessions.username(&headers(&[("cookie", &first)])), None);
    }

    #[test]
    fn the_cookie_is_for_this_server_alone() {
        let https = sessions("https://git.example.com/bitbucket/");
        assert_eq!(https.cookie, "heliostat-upstream-443");
        assert_eq!(https.attributes, "Path=/bitbucket; HttpOnly; SameSite=Strict; Secure");
        assert_eq!(sessions("http://127.0.0.1:7990").attributes, "Path=/; HttpOnly; SameSite=Strict");
    }
}
