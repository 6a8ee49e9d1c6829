//! A server is asked over a line that a test answers by hand, in each version of the protocol and in none.

use std::sync::Arc;
use std::time::Duration;

use heliostat_git_wire::spelled;
use heliostat_peer::http::Destinations;
use heliostat_peer::{AddressRules, OutgoingNetworks};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::*;
use crate::{Credentials, Listing, LongLists, Refusal, RepositoryPath, Source};

const A: &str = "1111111111111111111111111111111111111111";
const B: &str = "2222222222222222222222222222222222222222";

/// A server that says this when it is asked, and that again when it is asked once more; then it ends.
struct ByHand {
    url: String,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl ByHand {
    async fn start(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("git://{}/acme/tool.git", listener.local_addr().expect("bound"));
        let heard: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let log = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((line, _)) = listener.accept().await {
                answer(line, &answers, &log).await;
            }
        });
        Self { url, heard }
    }

    async fn listed(&self) -> Result<Listing, Refusal> {
        let (source, path) = asking(&self.url, Destinations::Configured);
        source.list(&path, &Credentials::anonymous()).await
    }
}

async fn answer(mut line: TcpStream, answers: &[Vec<u8>], log: &Mutex<Vec<Vec<u8>>>) {
    for answer in answers {
        let mut question = vec![0; 4096];
        match line.read(&mut question).await {
            Ok(count) if count > 0 => question.truncate(count),
            _ => return,
        }
        log.lock().push(question);
        // In two pieces, as a line may cut anything.
        let (first, rest) = answer.split_at(answer.len() / 2);
        line.write_all(first).await.ok();
        tokio::task::yield_now().await;
        line.write_all(rest).await.ok();
    }
}

fn asking(url: &str, destinations: Destinations) -> (GitStream, RepositoryPath) {
    let (server, path) = StreamUrl::of_repository(url).expect("an address");
    let options = GitStreamOptions::new(server, destinations, LongLists::default());
    (GitStream::new(GitStreamOptions { patience: Duration::from_secs(30), ..options }), path)
}

fn offer() -> Vec<u8> {
    spelled(&["version 2", "agent=git/2.47.3", "ls-refs=unborn", "fetch=shallow", "object-format=sha1", "."])
}

#[tokio::test]
async fn a_list_is_asked_for_in_the_second_version_and_told_in_the_first() {
    let list = [
        format!("{A} HEAD symref-target:refs/heads/main"),
        format!("{A} refs/heads/main"),
        format!("{B} refs/tags/v1 peeled:{A}"),
        ".".to_owned(),
    ];
    let new = ByHand::start(vec![offer(), spelled(&list)]).await;
    let listing = new.listed().await.expect("a list");
    assert_eq!(listing.refs().len(), 2);
    assert_eq!(listing.default_branch().expect("it is told").as_str(), "refs/heads/main");
    let heard = new.heard.lock().clone();
    let host = new.url.trim_start_matches("git://").split('/').next().expect("a host");
    let first = format!("git-upload-pack /acme/tool.git\0host={host}\0\0version=2\0");
    assert_eq!(String::from_utf8_lossy(&heard[0][4..]), first);
    assert!(String::from_utf8_lossy(&heard[1]).starts_with("0014command=ls-refs\n"), "{heard:?}");

    let list = [
        format!("{A} HEAD\0multi_ack symref=HEAD:refs/heads/main object-format=sha1"),
        format!("{A} refs/heads/main"),
        ".".to_owned(),
    ];
    let old = ByHand::start(vec![spelled(&list), Vec::new()]).await;
    let listing = old.listed().await.expect("a list");
    assert_eq!(listing.refs().len(), 1);
    assert_eq!(listing.default_branch().expect("it is told").as_str(), "refs/heads/main");
}

#[tokio::test]
async fn everything_else_is_refused_for_what_it_is() {
    let not_exported = spelled(&["ERR access denied or repository not exported: /acme/tool.git"]);
    let refused = ByHand::start(vec![not_exported]).await.listed().await.expect_err("it says no");
    assert!(matches!(&refused, Refusal::NotFound { said: Some(said) } if said.contains("not exported")));
    let closed = ByHand::start(vec![spelled(&["ERR service not enabled"])]).await;
    assert!(matches!(closed.listed().await, Err(Refusal::Forbidden { said: Some(_) })));
    let cut = spelled(&[format!("{A} HEAD\0symref=HEAD:refs/heads/main")]);
    for (answers, is_nonsense) in [
        (vec![b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()], true),
        (vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()], true),
        (vec![offer(), spelled(&["no reference", "."])], true),
        (vec![offer(), spelled(&[format!("{A} refs/heads/a")])], false),
        (vec![cut], false),
        (vec![Vec::new()], false),
    ] {
        let refused = ByHand::start(answers).await.listed().await.expect_err("it is no list");
        assert_eq!(matches!(refused, Refusal::Nonsense(_)), is_nonsense, "{refused:?}");
        assert_eq!(matches!(refused, Refusal::Away(_)), !is_nonsense, "{refused:?}");
    }
    let silent = asking("git://127.0.0.1:1/a.git", Destinations::Configured);
    let away = silent.0.list(&silent.1, &Credentials::anonymous()).await.expect_err("no server listens");
    assert!(matches!(away, Refusal::Away(_)), "{away:?}");
}

#[tokio::test]
async fn only_addresses_that_may_be_called_are_connected_to() {
    let networks = OutgoingNetworks { allowed: Vec::new(), denied: Vec::new() };
    let base_url = Url::parse("https://heliostat.example.com/").expect("a URL");
    let rules = AddressRules::for_server(&base_url, "0.0.0.0".parse().expect("an address"), &networks);
    let server = ByHand::start(vec![offer()]).await;
    for url in [server.url.clone(), server.url.replace("127.0.0.1", "localhost")] {
        let (source, path) = asking(&url, Destinations::ChosenByOthers(rules.clone()));
        let refused = source.list(&path, &Credentials::anonymous()).await.expect_err("it is not called");
        assert!(matches!(refused, Refusal::AddressRefused(_)), "{url}: {refused:?}");
    }
    assert!(server.heard.lock().is_empty());
}

#[tokio::test]
async fn no_server_is_asked_over_ssh_without_a_key() {
    let (source, path) = asking("ssh://git@127.0.0.1/a.git", Destinations::Configured);
    let refused = source.list(&path, &Credentials::anonymous()).await;
    assert!(matches!(refused, Err(Refusal::CannotAsk(_))), "{refused:?}");
    assert_eq!(source.url_of(&path).as_str(), "ssh://git@127.0.0.1/a.git");
}
