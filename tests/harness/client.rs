//! An HTTP client with an identity: the same request without credentials, as a user, an administrator, or a signing server.

use std::sync::OnceLock;

use heliostat_auth::{Claims, SERVER_TOKEN_LIFETIME_SECONDS, Secret, query_string_hash, sign};
use heliostat_contract::exchange as contract;
use reqwest::{Method, Response, StatusCode, header};
use serde_json::Value;
use url::Url;

use super::server::ADMIN_PASSWORD;
use super::{certificates, statuses};

/// Whose credentials go with a request.
#[derive(Debug, Clone)]
pub enum Identity {
    /// None.
    Anonymous,
    /// A user's name and password.
    User(String, String),
    /// A bearer token.
    Token(String),
    /// Another server's: issuer and shared secret.
    Server(String, String),
    /// This `Authorization` header as it is.
    Raw(String),
}

impl Identity {
    /// The administrator of every upstream that the tests start.
    pub fn admin() -> Self {
        Identity::User("admin".into(), ADMIN_PASSWORD.into())
    }

    /// The administrator's name with a wrong password.
    pub fn impostor() -> Self {
        Identity::User("admin".into(), "a guess".into())
    }

    /// The name of a user.
    pub fn name(&self) -> &str {
        match self {
            Identity::User(name, _) => name,
            other => panic!("{other:?} has no name"),
        }
    }
}

/// A client of one server with one identity.
#[derive(Debug, Clone)]
pub struct Client {
    base: Url,
    identity: Identity,
    headers: Vec<(String, String)>,
    judged: bool,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: header::HeaderMap,
    /// The body as text.
    pub text: String,
    method: Method,
    path: String,
    request: String,
}

impl Client {
    /// A client of the server at a base URL.
    pub fn new(base: &Url, identity: Identity) -> Self {
        Client { base: base.clone(), identity, headers: Vec::new(), judged: true }
    }

    /// The same client, whose answers the contract need not promise: something that is not ours may give them.
    pub fn unjudged(self) -> Self {
        Client { judged: false, ..self }
    }

    /// The same client with another identity.
    pub fn as_(&self, identity: Identity) -> Self {
        Client { identity, ..self.clone() }
    }

    /// The same client with a further header in each request.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// GET below the base URL; paths start with a slash.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// POST without a body.
    pub async fn post_nothing(&self, path: &str) -> Answer {
        self.send(Method::POST, path, None).await
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// Any method, with or without JSON.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let text = body.map(Value::to_string);
        self.send_raw(method, path, text.as_deref().map(|text| (text.as_bytes(), "application/json"))).await
    }

    /// Any method with any bytes of any media type.
    pub async fn send_raw(&self, method: Method, path: &str, body: Option<(&[u8], &str)>) -> Answer {
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let described = format!("{method} {path} as {:?}", self.identity);
        let mut request = http().request(method.clone(), &url);
        if let Some(value) = self.authorization(method.as_str(), path) {
            request = request.header(header::AUTHORIZATION, value);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some((body, media_type)) = body {
            request = request.header(header::CONTENT_TYPE, media_type).body(body.to_vec());
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{described}: {error:?}"));
        let answer = Answer::read(response, method, path, described).await;
        if self.judged && answer.is_of_an_operation() {
            answer.judged();
            statuses::note(answer.method.as_str(), path, answer.status);
        }
        answer
    }

    fn authorization(&self, method: &str, path: &str) -> Option<String> {
        use base64::Engine;
        match &self.identity {
            Identity::Anonymous => None,
            Identity::User(name, password) => {
                let pair = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
                Some(format!("Basic {pair}"))
            }
            Identity::Token(token) => Some(format!("Bearer {token}")),
            Identity::Server(issuer, secret) => Some(format!("JWT {}", signed(issuer, secret, method, path))),
            Identity::Raw(value) => Some(value.clone()),
        }
    }
}

/// A server's token for one request; `path` may carry a query.
pub fn signed(issuer: &str, secret: &str, method: &str, path: &str) -> String {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let hash = query_string_hash(method, path, query);
    sign(&Secret::new(secret), &Claims::new(issuer, hash, now_seconds(), SERVER_TOKEN_LIFETIME_SECONDS))
}

/// The clock as tokens count it.
pub fn now_seconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("fits for a long time")
}

/// What sends one request.
pub fn http() -> reqwest::Client {
    http_client().build().expect("a client without special settings can be built")
}

/// The same for a test to complete.
pub fn http_client() -> reqwest::ClientBuilder {
    static PROVIDER: OnceLock<()> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    // One client per request: connections must not outlive a test's runtime. To read all the certificates of this machine
    // each time would take longer than most requests: a test that sends many at once would come to some of its connections
    // only after the server has closed them.
    reqwest::Client::builder()
        .tls_certs_only([certificates::trusted()])
        .redirect(reqwest::redirect::Policy::none())
}

impl Answer {
    async fn read(response: Response, method: Method, path: &str, request: String) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.unwrap_or_else(|error| panic!("{request}: {error}"));
        Answer { status, headers, text, method, path: path.to_owned(), request }
    }

    /// Whether an operation of the contract has answered, and not merely the server at an address without one, which
    /// the other role's addresses are, too, or before it, when a browser asks whether it may call at all.
    fn is_of_an_operation(&self) -> bool {
        if self.method == Method::OPTIONS {
            return false;
        }
        let known = !contract::operations_answering(self.method.as_str(), &self.path).is_empty();
        known && !(self.status == 404 && self.text.contains(r#""exceptionName":"NotFoundException""#))
    }

    /// Fails unless the status is this one; the message shows the answer.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} answered {}: {}", self.request, self.status, self.text);
        self
    }

    /// Fails unless this is what the contract promises for the status; returns the body, `null` if there is none.
    #[track_caller]
    pub fn promised(self, status: u16) -> Value {
        let answer = self.expect(status);
        answer.judged();
        if status == 201 {
            assert!(
                answer.headers.contains_key("location"),
                "where is what was created? {:?}",
                answer.headers
            );
        }
        if answer.media_type() == "application/json" { answer.json() } else { Value::Null }
    }

    /// Fails unless this is an error that the contract promises; returns its first entry.
    #[track_caller]
    pub fn refused(self, status: u16) -> Value {
        let answer = self.expect(status);
        answer.judged();
        answer.expect_error(status)
    }

    /// After how many seconds the client is to come again.
    pub fn retry_after(&self) -> Option<u64> {
        self.headers.get("retry-after")?.to_str().ok()?.parse().ok()
    }

    /// Fails unless this is 429 as the contract promises it, with a time to wait.
    #[track_caller]
    pub fn refused_for_now(self) {
        assert!(
            self.retry_after().is_some_and(|seconds| seconds > 0),
            "no time to wait in {:?}",
            self.headers
        );
        self.refused(429);
    }

    #[track_caller]
    fn judged(&self) {
        let judged =
            contract::judge(self.method.as_str(), &self.path, self.status, &self.media_type(), &self.text);
        if let Err(fault) = judged {
            panic!("{} is not in the contract: {fault}\n{}", self.request, self.text);
        }
    }

    /// The media type without parameters; empty without a body.
    pub fn media_type(&self) -> String {
        let value = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        value.and_then(|value| value.split(';').next()).unwrap_or_default().trim().to_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{}: not JSON ({error}): {}", self.request, self.text))
    }

    /// Fails unless this is an error in the envelope with the status; returns its first entry.
    #[track_caller]
    pub fn expect_error(self, status: u16) -> Value {
        let answer = self.expect(status);
        if StatusCode::from_u16(status).is_ok_and(|status| status == StatusCode::UNAUTHORIZED) {
            assert!(
                answer.headers.contains_key(header::WWW_AUTHENTICATE),
                "{}: no challenge",
                answer.request
            );
        }
        let body = answer.json();
        let error = body["errors"][0].clone();
        let message = error["message"].as_str().unwrap_or_default();
        assert!(!message.is_empty(), "{}: no message in {body}", answer.request);
        error
    }
}
