//! What all calls from here to another server have in common: bounded, without redirects, only where the address
//! rules allow.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::{StatusCode, redirect};
use url::{Host, Url};

use crate::address_rules::{AddressRefused, AddressRules};
use crate::authorities::with_authorities;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an answer may stand still, whatever it may take as a whole.
const STALL_LIMIT: Duration = Duration::from_secs(60);

/// How long a connection is kept for the next call. Heliostat closes one that is idle for 30 s, and a client that
/// keeps it longer sends a call into a connection that is being closed.
const IDLE_LIMIT: Duration = Duration::from_secs(20);

/// What is said when there was no answer in time.
const TOO_LONG: &str = "it took too long: check the address, and whether something on the way, a firewall for instance, lets nothing \
                        through";

/// How the TLS library says that a certificate is not trusted, and what it found, as it is written in its code.
const UNTRUSTED: &str = "invalid peer certificate";

/// What is wrong with a certificate and what can be done about it, by the name that the TLS library has for it. Its own words
/// are in the notation of its code, with the numbers of the algorithms.
const CERTIFICATE_FAULTS: &[(&str, &str)] = &[
    (
        "CaUsedAsEndEntity",
        "it is that of an authority: the server needs one that was made with basicConstraints CA:FALSE",
    ),
    (
        "UnsupportedSignatureAlgorithm",
        "it is signed by an algorithm that does not fit the key of its issuer, or that is not supported: it has to be signed \
         with RSA (2048 bits or more), with ECDSA on P-256 or P-384, or with Ed25519, and what is trusted here under the name \
         of its issuer has to be the certificate of that key",
    ),
];

/// Who decides which servers are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destinations {
    /// The operator: any address, through the HTTP proxy that the environment names.
    Configured,
    /// Users and other servers: directly, and only where the rules allow.
    ChosenByOthers(AddressRules),
}

impl Destinations {
    /// Checks as much of an address as can be checked without resolving it.
    pub fn check_literal(&self, url: &Url) -> Result<(), AddressRefused> {
        match self {
            Self::Configured => Ok(()),
            Self::ChosenByOthers(rules) => rules.check_literal(url),
        }
    }

    /// Where a URL leads now, for a call that another program makes: it is to connect to one of these addresses, and look no
    /// name up by itself. Empty where it may do as it likes, because the operator has chosen the URL, or it holds an address.
    pub async fn resolve(&self, url: &Url) -> Result<Vec<IpAddr>, NotResolved> {
        self.check_literal(url)?;
        let (Self::ChosenByOthers(rules), Some(Host::Domain(name))) = (self, url.host()) else {
            return Ok(Vec::new());
        };
        let unknown = |error| NotResolved::Unknown { name: name.to_owned(), error };
        let found = tokio::net::lookup_host((name, 0)).await.map_err(unknown)?;
        found.map(|address| Ok(rules.check(address.ip()).map(|()| address.ip())?)).collect()
    }
}

/// Why it is not known where a URL leads.
#[derive(Debug, thiserror::Error)]
pub enum NotResolved {
    /// It leads to an address that must not be called.
    #[error(transparent)]
    Refused(#[from] AddressRefused),
    /// Nothing has this name.
    #[error("cannot find out the address of {name}")]
    Unknown {
        /// The name.
        name: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
}

/// Why there was no answer.
pub enum NoAnswer {
    /// The name leads to an address that must not be called.
    AddressRefused(AddressRefused),
    /// Anything else, in words.
    Other(String),
}

/// A client for the given destinations, for the caller to complete.
pub fn client(user_agent: &str, destinations: &Destinations) -> reqwest::ClientBuilder {
    let client = with_authorities(reqwest::Client::builder())
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_LIMIT)
        .read_timeout(STALL_LIMIT)
        .tcp_nodelay(true)
        .user_agent(user_agent);
    match destinations {
        Destinations::Configured => client,
        Destinations::ChosenByOthers(rules) => client.no_proxy().dns_resolver(rules.clone()),
    }
}

/// Reads a body up to a limit in bytes, and tells whether that was all of it.
pub async fn read_at_most(
    response: reqwest::Response,
    limit: usize,
) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        let room = limit - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return Ok((body, false));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body, true))
}

/// Whether the connection ended before anything was answered. Servers close connections that were idle for a time of their
/// own choice, and may do so while a request is on its way.
pub fn was_cut_off(error: &reqwest::Error) -> bool {
    error.is_request() && !error.is_connect() && !error.is_timeout()
}

/// Whether a status says that the receiver does not like what it is told, so that it would refuse it again.
pub fn refuses_content(status: StatusCode) -> bool {
    [StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::UNPROCESSABLE_ENTITY]
        .contains(&status)
}

/// The innermost cause of an error, which is the one that says something: "connection refused" and not "error
/// sending request"; and what can be done about it.
pub fn cause_of(error: &reqwest::Error) -> NoAnswer {
    let mut cause: &(dyn Error + 'static) = error;
    while let Some(source) = cause.source() {
        cause = source;
        if let Some(refused) = cause.downcast_ref::<AddressRefused>() {
            return NoAnswer::AddressRefused(refused.clone());
        }
    }
    NoAnswer::Other(if error.is_timeout() { TOO_LONG.to_owned() } else { with_remedy(cause) })
}

/// What is said of a connection that was not opened, and what can be done about it, as far as that is known.
pub fn with_remedy(cause: &(dyn Error + 'static)) -> String {
    let full = cause.to_string();
    // The words of the system, without the number that it has for them.
    let text = full.split_once(" (os error ").map_or(full.as_str(), |(words, _)| words);
    let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
    let remedy = match kind {
        Some(io::ErrorKind::ConnectionRefused) => {
            "nothing listens there: check host and port, and that the server runs"
        }
        Some(io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) => {
            "this machine has no way there: check the address and the routes"
        }
        _ if text.starts_with("failed to lookup address information") => {
            "this machine does not know the name: check it, and the name service"
        }
        _ if text.starts_with(UNTRUSTED) => {
            let fault = CERTIFICATE_FAULTS.iter().find(|(name, _)| text.contains(name));
            if let Some((_, fault)) = fault {
                return format!("{UNTRUSTED}: {fault}");
            }
            "the certificate is not trusted here: see whether it is still valid and for this name; the root of a private \
             authority belongs into the system's store, or into a file that is named by --ca-file"
        }
        _ if text.contains("corrupt message") => {
            return "what listens there speaks no TLS: the address may have to begin with http://".to_owned();
        }
        _ => return text.to_owned(),
    };
    format!("{text}: {remedy}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_connection_comes_with_what_can_be_done() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(with_remedy(&refused).ends_with("and that the server runs"), "{}", with_remedy(&refused));
        let unknown = io::Error::other("failed to lookup address information: Name or service not known");
        let told = with_remedy(&unknown);
        assert!(told.contains("not known: this machine") && told.ends_with("the name service"), "{told}");
        let authority = io::Error::other("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))");
        assert!(with_remedy(&authority).ends_with("CA:FALSE"), "{}", with_remedy(&authority));
        let fault = "UnsupportedSignatureAlgorithmForPublicKeyContext { signature_algorithm_id: [6, 8, 42] }";
        let told = with_remedy(&io::Error::other(format!("invalid peer certificate: {fault}")));
        let is_in_words = !told.contains(['[', '{']) && !told.contains("Unsupported");
        assert!(told.starts_with("invalid peer certificate: it is signed by") && is_in_words, "{told}");
        let unknown = with_remedy(&io::Error::other("invalid peer certificate: UnknownIssuer"));
        assert!(unknown.contains("UnknownIssuer: the certificate is not trusted here"), "{unknown}");
        let refused = with_remedy(&io::Error::from_raw_os_error(111));
        assert!(refused.starts_with("Connection refused: nothing listens there"), "{refused}");
        let cleartext = io::Error::other("received corrupt message of type InvalidContentType");
        assert!(with_remedy(&cleartext).starts_with("what listens there speaks no TLS"));
        let broken = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(with_remedy(&broken), broken.to_string());
    }
}
