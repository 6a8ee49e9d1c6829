//! The kinds of callers, and what each of them sends.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use heliostat_auth::{
    Claims, SERVER_TOKEN_LIFETIME_SECONDS, Secret, git_query_hash, query_string_hash, sign,
};
use serde_json::Value;

use crate::harness::{Identity, Server, now_seconds};

/// Callers by the names that the matrix has for them.
pub type Callers = BTreeMap<String, Caller>;

/// The password of no user.
const GUESS: &str = "a guess";
/// Opens the metrics, and nothing else.
pub const METRICS_TOKEN: &str = "the-metrics-token-of-the-matrix";
/// How long ago an expired token was made, in seconds.
const LONG_AGO_SECONDS: i64 = 400;
/// A server that has joined no upstream.
const UNKNOWN_SERVER: &str = "AAAA-BBBB-CCCC-DDDD";
/// Tokens are made with each of these as the most that they may do.
const BOUNDS: [&str; 10] = [
    "LICENSED_USER",
    "PROJECT_CREATE",
    "REPO_READ",
    "REPO_WRITE",
    "REPO_ADMIN",
    "PROJECT_READ",
    "PROJECT_WRITE",
    "PROJECT_ADMIN",
    "ADMIN",
    "SYS_ADMIN",
];

/// A kind of caller.
#[derive(Debug, Clone)]
pub enum Caller {
    /// Sends the same with every request.
    Sends(Identity),
    /// Signs each request as this server.
    Signs {
        /// The server.
        issuer: String,
        /// What it signs with.
        secret: String,
        /// What is right or wrong with the token.
        token: Token,
    },
    /// Follows a link that carries a token.
    Follows {
        /// Who made the link.
        issuer: String,
        /// What it was signed with.
        secret: String,
        /// Which path it opens; each that is asked for if `None`.
        path: Option<String>,
    },
}

/// What is right or wrong with a token besides who signed it.
#[derive(Debug, Clone, Copy)]
pub enum Token {
    /// Nothing is wrong.
    Good,
    /// It says that it needs no signature.
    Unsigned,
    /// Its time is over.
    Expired,
    /// It was made for another request.
    OfAnotherRequest,
}

impl Caller {
    /// A server that signs well.
    pub fn server(issuer: &str, secret: &str) -> Self {
        Self::with_token(issuer, secret, Token::Good)
    }

    fn with_token(issuer: &str, secret: &str, token: Token) -> Self {
        Self::Signs { issuer: issuer.to_owned(), secret: secret.to_owned(), token }
    }

    /// Who follows a link.
    pub fn link(issuer: &str, secret: &str, path: Option<&str>) -> Self {
        let path = path.map(str::to_owned);
        Self::Follows { issuer: issuer.to_owned(), secret: secret.to_owned(), path }
    }

    /// What goes with a request, and the address that the request has with it.
    pub fn credentials(&self, method: &str, path: &str) -> (Identity, String) {
        match self {
            Self::Sends(identity) => (identity.clone(), path.to_owned()),
            Self::Signs { issuer, secret, token } => {
                (Identity::Raw(format!("JWT {}", token.of(issuer, secret, method, path))), path.to_owned())
            }
            Self::Follows { issuer, secret, path: opened } => {
                let token = Token::Good.of(issuer, secret, method, opened.as_deref().unwrap_or(path));
                let separator = if path.contains('?') { '&' } else { '?' };
                (Identity::Anonymous, format!("{path}{separator}jwt={token}"))
            }
        }
    }
}

impl Token {
    fn of(self, issuer: &str, secret: &str, method: &str, path: &str) -> String {
        let (hash, made_at) = match self {
            Self::OfAnotherRequest => (query_string_hash(method, "/rest/other", None), now_seconds()),
            Self::Expired => (hash_of(method, path), now_seconds() - LONG_AGO_SECONDS),
            Self::Good | Self::Unsigned => (hash_of(method, path), now_seconds()),
        };
        let claims = Claims::new(issuer, hash, made_at, SERVER_TOKEN_LIFETIME_SECONDS);
        if !matches!(self, Self::Unsigned) {
            return sign(&Secret::new(secret), &claims);
        }
        let claims = serde_json::to_string(&claims).expect("claims are JSON");
        format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(claims))
    }
}

/// What a token covers: the request, or with git the repository.
fn hash_of(method: &str, path: &str) -> String {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    if path.starts_with("/scm/") {
        let end = path.match_indices('/').nth(3).map_or(path.len(), |(position, _)| position);
        return git_query_hash(&path[..end]);
    }
    query_string_hash(method, path, query)
}

/// Callers who sign as a server that has joined, each with something else wrong.
pub fn impostors_of(issuer: &str, secret: &str) -> Callers {
    let named = |(name, caller): (&str, Caller)| (name.to_owned(), caller);
    [
        ("a forged JWT", Caller::server(issuer, &"0".repeat(64))),
        ("an unsigned JWT", Caller::with_token(issuer, secret, Token::Unsigned)),
        ("an expired JWT", Caller::with_token(issuer, secret, Token::Expired)),
        ("a JWT for another request", Caller::with_token(issuer, secret, Token::OfAnotherRequest)),
        ("a JWT of an unknown server", Caller::server(UNKNOWN_SERVER, secret)),
    ]
    .map(named)
    .into()
}

/// The users of an upstream, with what they may do in the project of a repository, and those who are none.
pub struct Users {
    /// By the names that the matrix has.
    pub callers: Callers,
    /// The user whose account others might want to use.
    pub owner: Identity,
    /// Who administers the repository and nothing else.
    pub repository_administrator: Identity,
}

impl Users {
    /// Makes them.
    pub async fn of(server: &Server, repository: &Value) -> Self {
        let owner = server.new_user().await;
        let repository_administrator = server.user_on_repository(repository, "REPO_ADMIN").await;
        let system_administrator = server.user_with("SYS_ADMIN").await;
        let mut senders = turned_away(server, &system_administrator).await;
        let project = &repository["project"];
        senders.extend([
            ("anonymous".to_owned(), Identity::Anonymous),
            ("a licensed user".to_owned(), server.new_user().await),
            ("the account's user".to_owned(), owner.clone()),
            ("the user's token REPO_READ".to_owned(), token(server, &owner, &["REPO_READ"]).await),
            ("a project creator".to_owned(), server.user_with("PROJECT_CREATE").await),
            ("a project reader".to_owned(), server.user_on_project(project, "PROJECT_READ").await),
            ("a project writer".to_owned(), server.user_on_project(project, "PROJECT_WRITE").await),
            ("a project administrator".to_owned(), server.user_on_project(project, "PROJECT_ADMIN").await),
            ("a repository reader".to_owned(), server.user_on_repository(repository, "REPO_READ").await),
            ("a repository writer".to_owned(), server.user_on_repository(repository, "REPO_WRITE").await),
            ("a repository administrator".to_owned(), repository_administrator.clone()),
            ("an administrator".to_owned(), server.user_with("ADMIN").await),
            ("a system administrator".to_owned(), system_administrator.clone()),
            ("token without a bound".to_owned(), token(server, &system_administrator, &[]).await),
        ]);
        for bound in BOUNDS {
            let token = token(server, &system_administrator, &[bound]).await;
            senders.insert(format!("token {bound}"), token);
        }
        let callers = senders.into_iter().map(|(name, identity)| (name, Caller::Sends(identity))).collect();
        Users { callers, owner, repository_administrator }
    }
}

/// Those who have no good credentials any more, or never had.
async fn turned_away(server: &Server, system_administrator: &Identity) -> BTreeMap<String, Identity> {
    let (guessed, gone, barred) =
        (server.new_user().await, server.user_with("SYS_ADMIN").await, server.new_user().await);
    let admin = server.admin();
    admin.delete(&format!("/rest/api/latest/admin/users?name={}", gone.name())).await.expect(200);
    let permission = format!("/rest/api/latest/admin/permissions/users?name={}", barred.name());
    admin.delete(&permission).await.expect(204);
    let deleted = server.new_token(system_administrator, &[]).await;
    let path = format!("/rest/access-tokens/latest/users/{}", system_administrator.name());
    let id = deleted["id"].as_str().expect("a token has an id");
    server.client(system_administrator).delete(&format!("{path}/{id}")).await.expect(204);
    [
        ("a wrong password", Identity::User(guessed.name().to_owned(), GUESS.to_owned())),
        ("an unknown token", Identity::Token(GUESS.replace(' ', "-"))),
        ("a deleted token", token_of(&deleted)),
        ("a deleted user", gone),
        ("a user without permission", barred),
        ("malformed Basic", Identity::Raw("Basic !!!".to_owned())),
        ("another scheme", Identity::Raw("Digest x".to_owned())),
        ("the metrics token", Identity::Token(METRICS_TOKEN.to_owned())),
    ]
    .map(|(name, identity)| (name.to_owned(), identity))
    .into()
}

async fn token(server: &Server, user: &Identity, bound: &[&str]) -> Identity {
    token_of(&server.new_token(user, bound).await)
}

fn token_of(created: &Value) -> Identity {
    Identity::Token(created["token"].as_str().expect("a new token is shown").to_owned())
}
