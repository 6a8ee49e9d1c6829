//! The references of a repository of the server, over a line that is opened for that.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use heliostat_git::{SshEnd, SshError, SshPlace};
use heliostat_git_wire::push_packet;
use heliostat_peer::http;
use heliostat_peer::with_causes;
use tokio::net::TcpStream;
use url::Host;

use super::GitStream;
use super::conversation::{Conversation, NoList};
use super::stream_url::Scheme;
use crate::failed_fetch::not_resolved;
use crate::{Listing, Refusal, RepositoryPath};

/// How long a connection may take to open.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Of the addresses of a name so many are tried.
const MAX_ADDRESSES: usize = 4;

/// Why one address gave no list.
enum NotListed {
    /// No server answers there; another address of the same name may do.
    NotReached(String),
    Refused(Refusal),
}

impl GitStream {
    pub(super) async fn list_refs(&self, path: &RepositoryPath) -> Result<Listing, Refusal> {
        let mut reason = "its name leads to no address".to_owned();
        for address in self.addresses().await? {
            let listed = match self.options.server.scheme() {
                Scheme::Git => self.list_by_tcp(address, path).await,
                Scheme::Ssh => self.list_by_ssh(address, path).await,
            };
            match listed {
                Ok(listing) => {
                    *self.reached.lock() = Some(address);
                    return Ok(listing);
                }
                Err(NotListed::NotReached(why)) => reason = why,
                Err(NotListed::Refused(refusal)) => return Err(refusal),
            }
        }
        Err(Refusal::Away(reason))
    }

    /// Where the server is now. Only these are connected to, whatever its name leads to a moment later.
    pub(super) async fn addresses(&self) -> Result<Vec<IpAddr>, Refusal> {
        let server = &self.options.server;
        let found = self.options.destinations.resolve(&server.judged_as()).await.map_err(not_resolved)?;
        let mut found = match server.host() {
            Host::Ipv4(address) => vec![IpAddr::from(*address)],
            Host::Ipv6(address) => vec![IpAddr::from(*address)],
            Host::Domain(_) if !found.is_empty() => found,
            Host::Domain(name) => {
                let found = tokio::net::lookup_host((name.as_str(), server.port())).await;
                let unknown =
                    |error: io::Error| Refusal::Away(format!("{name}: {}", http::with_remedy(&error)));
                found.map_err(unknown)?.map(|address| address.ip()).collect()
            }
        };
        found.truncate(MAX_ADDRESSES);
        Ok(found)
    }

    async fn list_by_tcp(&self, address: IpAddr, path: &RepositoryPath) -> Result<Listing, NotListed> {
        let server = &self.options.server;
        let connecting = TcpStream::connect(SocketAddr::new(address, server.port()));
        let mut line = match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
            Ok(Ok(line)) => line,
            Ok(Err(error)) => return Err(NotListed::NotReached(http::with_remedy(&error))),
            Err(_) => {
                let limit = CONNECT_LIMIT.as_secs();
                return Err(NotListed::NotReached(format!("no connection within {limit} s")));
            }
        };
        let (mut from, mut to) = line.split();
        let mut conversation = Conversation {
            from: &mut from,
            to: &mut to,
            patience: self.options.patience,
            long_lists: &self.options.long_lists,
        };
        let mut request = Vec::new();
        let (told, host) = (server.told(path), server.host_and_port());
        let words = [
            b"git-upload-pack ".as_slice(),
            told.as_bytes(),
            b"\0host=",
            host.as_bytes(),
            b"\0\0version=2\0",
        ];
        push_packet(&mut request, &words);
        let listed = match conversation.say(&request).await {
            Ok(()) => conversation.list().await,
            Err(error) => Err(error),
        };
        listed.map_err(|no_list| {
            NotListed::Refused(match no_list {
                NoList::Refused(refusal) => refusal,
                NoList::Silent(limit) => silent(limit),
                NoList::Ended(reason) => Refusal::Away(reason),
            })
        })
    }

    async fn list_by_ssh(&self, address: IpAddr, path: &RepositoryPath) -> Result<Listing, NotListed> {
        let refused = NotListed::Refused;
        let Some(identity) = &self.options.identity else {
            return Err(refused(Refusal::CannotAsk("it has no key for that".to_owned())));
        };
        let begun = identity.upload_pack(&self.ssh_place(address), self.options.server.told(path)).await;
        let mut line = begun.map_err(|error| {
            refused(Refusal::CannotAsk(match error {
                SshError::NoProgram(_) => error.to_string(),
                error => with_causes(&error),
            }))
        })?;
        let listed = {
            let (from, to) = line.both_ways();
            let (patience, long_lists) = (self.options.patience, &self.options.long_lists);
            Conversation { from, to, patience, long_lists }.list().await
        };
        match listed {
            Ok(listing) => {
                line.end().await;
                Ok(listing)
            }
            Err(NoList::Refused(refusal)) => Err(refused(refusal)),
            Err(NoList::Silent(limit)) => Err(refused(silent(limit))),
            Err(NoList::Ended(_)) => Err(not_listed(line.end().await)),
        }
    }

    /// Where `ssh` connects to.
    pub(super) fn ssh_place(&self, address: IpAddr) -> SshPlace {
        let server = &self.options.server;
        let host = match server.host() {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            // Without the brackets that it has in an address.
            Host::Ipv6(address) => address.to_string(),
        };
        SshPlace {
            user: server.user().map(str::to_owned),
            host,
            port: server.unusual_port(),
            address: Some(address),
        }
    }
}

fn silent(limit: Duration) -> Refusal {
    Refusal::Away(format!("nothing was heard for {} s", limit.as_secs()))
}

/// What it says about the server that a conversation over SSH has ended so.
fn not_listed(end: SshEnd) -> NotListed {
    let clean = |said: String| said.trim_end_matches('.').to_owned();
    NotListed::Refused(match end {
        SshEnd::Unreached(said) => return NotListed::NotReached(clean(said)),
        SshEnd::UnknownHost(said) => Refusal::HostKey(clean(said)),
        SshEnd::KeyRefused(said) => {
            Refusal::NeedsCredentials { www_authenticate: Vec::new(), said: Some(said) }
        }
        SshEnd::NotFound(said) => Refusal::NotFound { said: Some(said) },
        SshEnd::Broken(said) => Refusal::Away(clean(said)),
        SshEnd::NoGit(said) => Refusal::Nonsense(format!("there is no git-upload-pack: {}", clean(said))),
        SshEnd::Refused(said) => Refusal::Forbidden { said: Some(said) },
    })
}
