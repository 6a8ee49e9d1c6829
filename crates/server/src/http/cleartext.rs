//! Whether what travels to this server can be read on the way, and the one line that says so in log, pages and doctor.

use std::net::IpAddr;

use heliostat_peer::is_local_only;
use url::Url;

/// What is said where nothing encrypts.
const CLEARTEXT_NOTICE: &str = "passwords and tokens travel unencrypted: give this server a certificate by \
     --tls-certificate and --tls-key, or put a proxy with TLS in front of it, say --tls-in-front, and give the https \
     address as --base-url";

/// What is said where others reach a server by plain HTTP, whatever its address says.
const NO_TLS_NOTICE: &str = "this server speaks no TLS, though its base URL begins with https: say --tls-in-front if a \
     proxy in front of it encrypts, or give it a certificate by --tls-certificate and --tls-key";

/// Where TLS is spoken on the way from clients to a server.
#[derive(Debug, Clone, Copy)]
pub struct TlsPlacement<'a> {
    /// The address that clients use.
    pub base_url: &'a Url,
    /// Where the server listens.
    pub listen: IpAddr,
    /// Whether the server speaks TLS itself.
    pub in_server: bool,
    /// Whether something in front of the server does, as its operator says.
    pub in_front: bool,
}

impl TlsPlacement<'_> {
    /// What is to be said of it, if anything. What stays on this machine needs no encryption; neither does the way from a proxy
    /// on this machine, to which an https address belongs.
    pub fn cleartext_notice(self) -> Option<&'static str> {
        let is_encrypted = self.in_server || self.in_front;
        if is_encrypted || is_local_only(self.base_url, self.listen) {
            return None;
        }
        match self.base_url.scheme() {
            "https" => (!self.listen.to_canonical().is_loopback()).then_some(NO_TLS_NOTICE),
            _ => Some(CLEARTEXT_NOTICE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_where_others_connect_without_tls() {
        for (base_url, listen, notice) in [
            ("http://127.0.0.1:7990", "127.0.0.1", None),
            ("https://git.example.com", "127.0.0.1", None),
            ("https://git.example.com", "::1", None),
            ("https://git.example.com", "0.0.0.0", Some(NO_TLS_NOTICE)),
            ("https://127.0.0.1:7990", "::", Some(NO_TLS_NOTICE)),
            ("http://git.example.com", "127.0.0.1", Some(CLEARTEXT_NOTICE)),
            ("http://127.0.0.1:7990", "0.0.0.0", Some(CLEARTEXT_NOTICE)),
            ("http://10.0.0.1:7990", "10.0.0.1", Some(CLEARTEXT_NOTICE)),
        ] {
            let url = Url::parse(base_url).expect("the test writes a valid URL");
            let listen = listen.parse().expect("an address");
            let nowhere = TlsPlacement { base_url: &url, listen, in_server: false, in_front: false };
            assert_eq!(nowhere.cleartext_notice(), notice, "{base_url} at {listen}");
            assert_eq!(TlsPlacement { in_server: true, ..nowhere }.cleartext_notice(), None);
            assert_eq!(TlsPlacement { in_front: true, ..nowhere }.cleartext_notice(), None);
        }
    }
}
