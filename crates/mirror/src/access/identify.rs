//! Who is calling: the upstream by its signature, users by what the upstream says about them.

use std::net::IpAddr;
use std::sync::Arc;

use heliostat_auth::{Caller, Credentials, Secret, UnverifiedToken, path_below_base, query_string_hash};
use heliostat_peer::Clock;
use heliostat_refusal::Refusal;

use super::decisions::AccessDecisions;
use crate::upstream_link::UpstreamLink;

/// What a signature covers: the request line as it was sent.
#[derive(Debug, Clone, Copy)]
pub struct RequestFacts<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path with the context path, percent-encoded.
    pub path: &'a str,
    /// The query without the question mark, percent-encoded.
    pub raw_query: Option<&'a str>,
    /// Where the connection comes from, if that is known; not signed.
    pub peer: Option<IpAddr>,
}

/// Checks the credentials of requests.
pub struct Authenticator {
    /// The context path of the base URL.
    pub(crate) base_path: String,
    pub(crate) link: Arc<UpstreamLink>,
    pub(crate) decisions: Arc<AccessDecisions>,
    pub(crate) clock: Clock,
}

impl Authenticator {
    /// Checks the credentials of a request.
    pub async fn identify(
        &self,
        credentials: &Credentials,
        request: RequestFacts<'_>,
    ) -> Result<Caller, Refusal> {
        match credentials {
            Credentials::None => Ok(Caller::Anonymous),
            Credentials::Jwt(token) => self.identify_upstream(token, request),
            Credentials::Basic { .. } | Credentials::Bearer(_) => self
                .decisions
                .decide(credentials, request.peer, None)
                .await
                .map(|decision| Caller::User(decision.user)),
        }
    }

    fn identify_upstream(&self, token: &Secret, request: RequestFacts<'_>) -> Result<Caller, Refusal> {
        let token = UnverifiedToken::parse(token.expose())?;
        let upstream = self.link.upstream();
        let secret = match (&upstream.client_key, &upstream.shared_secret) {
            (Some(client_key), Some(secret)) if client_key == token.issuer() => Secret::new(secret.as_str()),
            _ => {
                return Err(Refusal::server_token("The JWT was not accepted: its issuer is not known here."));
            }
        };
        let path = path_below_base(&self.base_path, request.path).unwrap_or(request.path);
        let query_hash = query_string_hash(request.method, path, request.raw_query);
        token.verify(&secret, &query_hash, self.clock.now_seconds())?;
        Ok(Caller::Upstream { id: self.link.id().to_string() })
    }
}
