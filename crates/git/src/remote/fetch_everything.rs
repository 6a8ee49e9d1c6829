//! Filling an empty repository with everything that another one shows.

use std::net::IpAddr;
use std::time::Duration;

use heliostat_git_wire::INTERNAL_NAMESPACE;

use crate::process::{Fsck, SecretHeader, transfer};
use crate::remote::{Connection, FetchError, Remote};
use crate::repository::Repository;

/// How long the other server may be silent. It may have to pack a large repository before it says anything.
const STALL_LIMIT: Duration = Duration::from_mins(15);

/// Where everything comes from.
#[derive(Debug, Clone, Copy)]
pub struct FetchSource<'a> {
    /// Address of the other repository.
    pub url: &'a str,
    /// The only addresses that the host in it may have; `git` looks it up by itself if there are none.
    pub addresses: &'a [IpAddr],
}

/// Fetches all references and objects that the repository at `source` shows into one that is empty.
pub async fn fetch_everything(
    into: &Repository,
    source: FetchSource<'_>,
    authorization: Option<&SecretHeader>,
) -> Result<(), FetchError> {
    let remote = Remote::parse(source.url, authorization)?;
    let command = into.changing_command("fetch everything").args(["fetch", "--no-tags", "--progress"]);
    let command = command.args(["--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules"]);
    let internal = format!("^{INTERNAL_NAMESPACE}*");
    // It reads its input before it connects, and by then its memory is bounded.
    let command =
        command.args(["--update-shallow", "--stdin", "--", &remote.address, "+refs/*:refs/*", &internal]);
    // One pack, however small: it is made of few files.
    let command = command
        .checking(Fsck::of_fetch())
        .setting("fetch.unpackLimit", "1")
        .setting("protocol.version", "2")
        .authorization(remote.authorization.as_ref());
    let connection = Connection { addresses: source.addresses.to_vec(), ..Connection::default() };
    let command = connection.of(command, &remote.address);
    let ended = transfer(&command, b"", STALL_LIMIT, &mut |_: &str| {}).await?;
    if ended.status.success() {
        return Ok(());
    }
    Err(FetchError::from_failure(&remote.address, &ended.status.to_string(), &ended.stderr))
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::RefName;

    use super::*;
    use crate::fixture::Workshop;
    use crate::fixture_http::HttpServer;

    #[tokio::test]
    async fn everything_arrives_and_is_whole() {
        let workshop = Workshop::new().await;
        let source = workshop.bare_with_commits("source", &["main", "a/b"]).await;
        workshop.run(source.path(), &["tag", "v1", "main"]);
        workshop.run(source.path(), &["update-ref", "refs/notes/x", "main"]);
        let store = workshop.store();
        let target = store.create(1, &RefName::branch("main").expect("valid")).await.expect("created");
        let address = source.path().to_str().expect("text");
        let source_of_all = FetchSource { url: address, addresses: &[] };
        fetch_everything(&target, source_of_all, None).await.expect("fetched");
        assert_eq!(target.refs().await.expect("readable"), source.refs().await.expect("readable"));
        target.verify().await.expect("whole");
    }

    #[tokio::test]
    async fn git_connects_only_where_the_name_leads() {
        let workshop = Workshop::new().await;
        let source = workshop.bare_with_commits("source", &["main"]).await;
        let server = HttpServer::serve(source.clone()).await;
        let url = server.url.replace("127.0.0.1", "mirror.invalid");
        let store = workshop.store();
        for (id, address, is_there) in [(1, "127.0.0.1", true), (2, "127.0.0.9", false)] {
            let target = store.create(id, &RefName::branch("main").expect("valid")).await.expect("created");
            let addresses = [address.parse().expect("valid")];
            let source = FetchSource { url: &url, addresses: &addresses };
            assert_eq!(fetch_everything(&target, source, None).await.is_ok(), is_there, "{address}");
        }
    }
}
