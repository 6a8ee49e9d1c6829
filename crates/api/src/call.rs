//! What a handler learns of a request besides its parameters: enough to find out who is calling.

use std::net::IpAddr;

use poem::http::{HeaderName, header};
use poem::web::RemoteAddr;
use poem::{Addr, FromRequest, Request, RequestBody, Result};

/// The facts of a request that identification needs.
///
/// Signatures cover the path as the client sent it, so `path` is neither rewritten nor decoded.
#[derive(Clone)]
pub struct Call {
    /// The HTTP method, upper case.
    pub method: String,
    /// The path as sent, with the context path.
    pub path: String,
    /// The query as sent, without `?`.
    pub query: Option<String>,
    /// The `Authorization` header, if there is one and it is text.
    pub authorization: Option<String>,
    /// The peer's address.
    pub peer: Option<IpAddr>,
    /// Whether a proxy says that it asks for another client.
    pub is_forwarded: bool,
}

/// Headers by which a proxy says that it asks for another client.
const FORWARDED: [HeaderName; 3] =
    [header::FORWARDED, HeaderName::from_static("x-forwarded-for"), HeaderName::from_static("x-real-ip")];

impl Call {
    /// Reads the facts off a request.
    pub fn of(request: &Request) -> Self {
        let uri = request.original_uri();
        let authorization = request.headers().get(header::AUTHORIZATION);
        let RemoteAddr(address) = request.remote_addr();
        Call {
            method: request.method().as_str().to_owned(),
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            authorization: authorization.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            peer: match address {
                Addr::SocketAddr(address) => Some(address.ip()),
                _ => None,
            },
            is_forwarded: FORWARDED.iter().any(|name| request.headers().contains_key(name)),
        }
    }
}

impl<'a> FromRequest<'a> for Call {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        Ok(Call::of(request))
    }
}
