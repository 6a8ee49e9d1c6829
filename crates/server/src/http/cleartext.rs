//! Whether what travels to this server can be read on the way, and the one line that says so in log, pages and doctor.

use std::net::IpAddr;

use heliostat_peer::is_local_only;
use url::Url;

/// What is said where nothing encrypts.
const CLEARTEXT_NOTICE: &str = "passwords and tokens travel unencrypted: give this server a certificate by \
     --tls-certificate and --tls-key, or put a proxy with TLS in front of it, and give the https address as --base-url";

/// The notice for a server with this base URL that listens at this address, if it is due. What stays on this machine needs
/// no encryption; an https address says that something in front takes care of it.
pub fn cleartext_notice(base_url: &Url, listen: IpAddr) -> Option<&'static str> {
    (base_url.scheme() != "https" && !is_local_only(base_url, listen)).then_some(CLEARTEXT_NOTICE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_where_others_connect_without_tls() {
        for (base_url, listen, is_due) in [
            ("http://127.0.0.1:7990", "127.0.0.1", false),
            ("https://git.example.com", "127.0.0.1", false),
            ("https://git.example.com", "0.0.0.0", false),
            ("http://git.example.com", "127.0.0.1", true),
            ("http://127.0.0.1:7990", "0.0.0.0", true),
            ("http://10.0.0.1:7990", "10.0.0.1", true),
        ] {
            let url = Url::parse(base_url).expect("the test writes a valid URL");
            let notice = cleartext_notice(&url, listen.parse().expect("an address"));
            assert_eq!(notice.is_some(), is_due, "{base_url} at {listen}");
        }
    }
}
