//! How a server is reached that a caller has named, or that is not asked over HTTP.

use std::net::IpAddr;

use crate::process::GitCommand;
use crate::remote::{SshIdentity, SshPlace};

/// What `git` is told about the way to a server. By default it finds its way by itself.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// The only addresses that the host in an address of HTTP may have; `git` looks it up by itself if there are none.
    pub addresses: Vec<IpAddr>,
    /// Of an address that begins with `git://` and names the host by its network address: how the host is called there, with
    /// its port if that is not the usual one.
    pub virtual_host: Option<String>,
    /// Who asks over SSH, and where.
    pub ssh: Option<(SshIdentity, SshPlace)>,
}

impl Connection {
    /// The command that reaches the server of this address so.
    pub(super) fn of(&self, command: GitCommand, address: &str) -> GitCommand {
        let command = match &self.virtual_host {
            Some(host) => command.env("GIT_OVERRIDE_VIRTUAL_HOST", host),
            None => command,
        };
        let command = match &self.ssh {
            Some((identity, place)) => {
                let line = identity.command_line(place);
                command.env("GIT_SSH_COMMAND", line).env("GIT_SSH_VARIANT", "ssh").holding(identity.clone())
            }
            None => command,
        };
        match self.resolved(address) {
            // Not through a proxy, which would look the name up once more.
            Some(resolved) => command.setting("http.curloptResolve", resolved).setting("http.proxy", ""),
            None => command,
        }
    }

    /// The addresses of the host as curl takes them. A host that is an IPv6 address is not looked up, and curl would
    /// end its name at the first colon.
    fn resolved(&self, address: &str) -> Option<String> {
        let (scheme, rest) = address.split_once("://").filter(|_| !self.addresses.is_empty())?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let authority = authority.rsplit('@').next()?;
        if authority.starts_with('[') {
            return None;
        }
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, port),
            None => (authority, if scheme.eq_ignore_ascii_case("https") { "443" } else { "80" }),
        };
        let addresses: Vec<_> = self.addresses.iter().map(IpAddr::to_string).collect();
        Some(format!("{host}:{port}:{}", addresses.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_by_the_caller() {
        let addresses: [IpAddr; 2] =
            ["192.0.2.1".parse().expect("valid"), "2001:db8::1".parse().expect("valid")];
        let resolved =
            |url| Connection { addresses: Vec::from(addresses), ..Connection::default() }.resolved(url);
        for (url, expected) in [
            ("https://mirror.example.com/eu/scm/a/b.git", "mirror.example.com:443:192.0.2.1,2001:db8::1"),
            ("http://mirror.example.com/x", "mirror.example.com:80:192.0.2.1,2001:db8::1"),
            ("http://a:b@mirror.example.com:7991/x", "mirror.example.com:7991:192.0.2.1,2001:db8::1"),
        ] {
            assert_eq!(resolved(url).as_deref(), Some(expected), "{url}");
        }
        assert_eq!(Connection::default().resolved("https://x/"), None);
        for literal in ["http://[2001:db8::1]/x", "https://a:b@[2001:db8::1]:7991/x"] {
            assert_eq!(resolved(literal), None, "{literal}");
        }
    }
}
