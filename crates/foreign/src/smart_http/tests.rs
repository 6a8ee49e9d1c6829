//! A server is asked, and every answer is taken for what it is: with real `git` behind it, and with answers made by hand.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use heliostat_git::fixture::Workshop;
use heliostat_git::fixture_http::{Answers, HttpServer};
use heliostat_git::{
    ByteStream, FetchProgress, GitError, GitProtocol, GitService, Given, ObjectFormat, ObjectId, Repository,
};
use heliostat_git_wire::spelled;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::question::A_PAGE;
use super::*;
use crate::long_lists::MAX_LONG_LISTS;
use crate::{Credentials, FetchFailure, KeptBy, Listing, Refusal, RepositoryPath, Source, WantedObjects};

const A: &str = "1111111111111111111111111111111111111111";

/// One that looks at the port of the HTTP fixture, which serves its repository at every path.
fn asking(url: &str) -> SmartHttp {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut server = Url::parse(url).expect("a URL");
    server.set_path("/");
    SmartHttp::new(SmartHttpOptions::configured(server.as_str().parse().expect("a server"))).expect("usable")
}

fn path(text: &str) -> RepositoryPath {
    RepositoryPath::parse(text).expect("a path")
}

/// A server that speaks the oldest version of the protocol, whatever it is asked.
#[derive(Clone)]
struct OldServer(Repository);

impl Answers for OldServer {
    async fn advertise(&self, service: GitService, _: GitProtocol) -> Result<ByteStream, GitError> {
        self.0.advertise(service, GitProtocol::default()).await
    }

    async fn upload_pack(&self, request: ByteStream, _: GitProtocol) -> Result<ByteStream, GitError> {
        Answers::upload_pack(&self.0, request, GitProtocol::default()).await
    }

    fn target(&self) -> &Repository {
        &self.0
    }
}

/// A server whose answers are made by hand, and the beginnings of all requests so far.
struct HandMade {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl HandMade {
    async fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move { answer_one(connection, &*answer, &log).await });
            }
        });
        Self { url, seen }
    }

    fn first_lines(&self) -> Vec<String> {
        let first_line = |request: &String| request.lines().next().unwrap_or_default().to_owned();
        self.seen.lock().iter().map(first_line).collect()
    }
}

async fn answer_one(
    mut connection: TcpStream,
    answer: &(impl Fn(&str) -> Vec<u8> + Sync),
    log: &Mutex<Vec<String>>,
) {
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut buffer = [0; 4096];
        match connection.read(&mut buffer).await {
            Ok(count) if count > 0 => request.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    log.lock().push(request.clone());
    let target = request.split(' ').nth(1).unwrap_or_default().to_owned();
    connection.write_all(&answer(&target)).await.ok();
    connection.shutdown().await.ok();
    // What is still unread would reset the connection, and take the answer with it.
    tokio::io::copy(&mut connection, &mut tokio::io::sink()).await.ok();
}

/// A server that answers about the repository `/<number>.git` with the answer of that number.
async fn answering(answers: Vec<Vec<u8>>) -> HandMade {
    HandMade::start(move |target| {
        let number: usize =
            target[1..].split(".git").next().and_then(|text| text.parse().ok()).expect("a number");
        answers[number].clone()
    })
    .await
}

fn response(head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A list in the oldest version of the protocol, which is one answer.
fn one_list() -> Vec<u8> {
    let first = format!("{A} HEAD\0symref=HEAD:refs/heads/main");
    let lines = ["# service=git-upload-pack", ".", &first, &format!("{A} refs/heads/main"), "."];
    response("200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement", &spelled(&lines))
}

async fn listed(server: &SmartHttp, credentials: &Credentials) -> Result<Listing, Refusal> {
    server.list(&path("/acme/tool.git"), credentials).await
}

#[tokio::test]
async fn a_list_is_what_the_server_shows_and_the_next_one_is_one_question() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main", "topic"]).await;
    workshop.run(repository.path(), &["tag", "-a", "-m", "first", "v1", "main"]);
    let tag = workshop.run(repository.path(), &["rev-parse", "v1"]);
    let commit = workshop.run(repository.path(), &["rev-parse", "main"]);
    let server = HttpServer::serve(repository.clone()).await;
    let source = asking(&server.url);
    let listing = listed(&source, &Credentials::anonymous()).await.expect("a list");
    assert_eq!(*listing.refs(), repository.refs().await.expect("readable"));
    assert_eq!(listing.refs().get("refs/tags/v1").map(ObjectId::as_str), Some(tag.trim()));
    assert_eq!(listing.refs().peeled("refs/tags/v1").map(ObjectId::as_str), Some(commit.trim()));
    assert_eq!(listing.default_branch().expect("told").short(), "main");
    assert_eq!((listing.object_format(), listing.moved_to()), (ObjectFormat::Sha1, None));
    assert_eq!(server.seen().len(), 2);

    let newer = workshop.commit(&repository, "topic");
    let listing = listed(&source, &Credentials::anonymous()).await.expect("a list");
    assert_eq!(listing.refs().get("refs/heads/topic").map(ObjectId::as_str), Some(newer.trim()));
    assert_eq!(server.seen().len(), 3, "the offer is known");
}

#[tokio::test]
async fn an_old_server_is_understood() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    let server = HttpServer::serve(OldServer(repository.clone())).await;
    let source = asking(&server.url);
    let listing = listed(&source, &Credentials::anonymous()).await.expect("a list");
    assert_eq!(*listing.refs(), repository.refs().await.expect("readable"));
    assert_eq!(listing.default_branch().expect("told").short(), "main");
    let tips: BTreeSet<_> = listing.refs().iter().map(|(_, tip)| tip.clone()).collect();
    let here = workshop.bare("here", ObjectFormat::Sha1);
    let wanted = WantedObjects { objects: &tips, kept_by: KeptBy::Caller, progress: None, forwarder: None };
    let path = path("/acme/tool.git");
    source.fetch(&path, &Credentials::anonymous(), &here, wanted).await.expect("fetched");
    assert!(here.has_object(tips.first().expect("a tip")).await.expect("readable"));
}

#[tokio::test]
async fn objects_come_by_id_and_are_kept() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    let hidden = ObjectId::parse(workshop.commit(&repository, "hidden").trim()).expect("an object");
    let server = HttpServer::serve(repository.clone()).await;
    let source = asking(&server.url);
    let here = workshop.bare("here", ObjectFormat::Sha1);
    let token = format!("ghs_{}", "x".repeat(2_000));
    let credentials = Credentials::bearer(&token).expect("a token of any length");
    let path = path("/acme/tool.git");
    let objects = BTreeSet::from([hidden.clone()]);
    let wanted =
        WantedObjects { objects: &objects, kept_by: KeptBy::OurRefs, progress: None, forwarder: None };
    source.fetch(&path, &credentials, &here, wanted).await.expect("fetched");
    let kept = workshop.run(here.path(), &["for-each-ref", "--format=%(objectname)"]);
    assert_eq!(kept.trim(), hidden.as_str());
    assert!(here.refs().await.expect("readable").is_empty(), "no reader is shown them");
    let expected = format!("Bearer {token}");
    assert!(server.seen().iter().all(|request| request.header("authorization") == Some(expected.as_str())));

    let absent = ObjectId::parse("f2".repeat(20)).expect("hex");
    let other = ObjectId::parse(workshop.commit(&repository, "hidden").trim()).expect("an object");
    let objects = BTreeSet::from([other, absent.clone()]);
    let wanted =
        WantedObjects { objects: &objects, kept_by: KeptBy::OurRefs, progress: None, forwarder: None };
    let refused =
        source.fetch(&path, &credentials, &here, wanted).await.expect_err("the server lacks one of them");
    let is_named = matches!(&refused, FetchFailure::NotGiven { object, .. } if *object == Some(absent));
    assert!(is_named, "{refused:?}");
    drop(server);
    let refused = source.fetch(&path, &credentials, &here, wanted).await.expect_err("no server listens");
    assert!(matches!(refused, FetchFailure::Refused(Refusal::Away(_))), "{refused:?}");
}

#[tokio::test]
async fn everything_and_what_is_new_comes_in_one_answer() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    let server = HttpServer::serve(repository.clone()).await;
    let source = asking(&server.url);
    let (path, credentials) = (path("/acme/tool.git"), Credentials::anonymous());
    let here = workshop.bare("here", ObjectFormat::Sha1);
    for _ in 0..3 {
        let listing = source.list(&path, &credentials).await.expect("a list");
        let tip = listing.refs().get("refs/heads/main").expect("a branch").clone();
        let objects = BTreeSet::from([tip.clone()]);
        let before = server.seen().len();
        let wanted =
            WantedObjects { objects: &objects, kept_by: KeptBy::Caller, progress: None, forwarder: None };
        source.fetch(&path, &credentials, &here, wanted).await.expect("fetched");
        assert_eq!(server.seen().len(), before + 1, "one question for everything, and for what is new");
        workshop.run(here.path(), &["update-ref", "refs/heads/main", tip.as_str()]);
        assert!(!here.refs().await.expect("readable").is_empty());
        here.verify().await.expect("whole");
        workshop.commit(&repository, "main");
    }
    // A history of its own is no different.
    workshop.commit(&repository, "apart");
    let listing = source.list(&path, &credentials).await.expect("a list");
    let objects = BTreeSet::from([listing.refs().get("refs/heads/apart").expect("a branch").clone()]);
    let wanted =
        WantedObjects { objects: &objects, kept_by: KeptBy::Caller, progress: None, forwarder: None };
    source.fetch(&path, &credentials, &here, wanted).await.expect("fetched");
    assert!(here.has_object(objects.first().expect("one")).await.expect("readable"));
}

#[tokio::test]
async fn who_waits_is_told_what_is_received() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    let server = HttpServer::serve(repository.clone()).await;
    let source = asking(&server.url);
    let (path, credentials) = (path("/acme/tool.git"), Credentials::anonymous());
    let listing = source.list(&path, &credentials).await.expect("a list");
    let objects = BTreeSet::from([listing.refs().get("refs/heads/main").expect("a branch").clone()]);
    // By an answer that is indexed while it comes, and by git.
    let ways = [("streamed", KeptBy::Caller), ("by-git", KeptBy::OurRefs)];
    for (name, kept_by) in ways {
        let here = workshop.bare(name, ObjectFormat::Sha1);
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&lines);
        let progress = FetchProgress::told_to(move |line| heard.lock().push(format!("{line:?}")));
        let wanted = WantedObjects { objects: &objects, kept_by, progress: Some(&progress), forwarder: None };
        source.fetch(&path, &credentials, &here, wanted).await.expect("fetched");
        let lines = lines.lock();
        for step in ["Counting", "Receiving"] {
            let done = format!("Done(\"{step} objects: 100%");
            assert!(lines.iter().any(|line| line.starts_with(&done)), "{step}: {lines:?}");
        }
    }
}

#[tokio::test]
async fn it_is_asked_what_is_given_without_taking_it() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    let main = ObjectId::parse(workshop.run(repository.path(), &["rev-parse", "main"]).trim()).expect("one");
    let absent = ObjectId::parse("12".repeat(20)).expect("hex");
    let server = HttpServer::serve(repository.clone()).await;
    let source = asking(&server.url);
    let (path, credentials) = (path("/acme/tool.git"), Credentials::anonymous());
    let given = source.gives(&path, &credentials, &BTreeSet::from([main.clone()])).await;
    assert_eq!(given, Ok(Given::Unclear), "it is not known what the server understands");
    source.list(&path, &credentials).await.expect("a list");
    let given = source.gives(&path, &credentials, &BTreeSet::from([main.clone()])).await;
    assert_eq!(given, Ok(Given::All));
    let given = source.gives(&path, &credentials, &BTreeSet::from([main, absent.clone()])).await;
    assert_eq!(given, Ok(Given::NotAll(Some(absent))));
}

#[tokio::test]
async fn every_refusal_is_told_apart() {
    let said = |text: &str| Some(text.to_owned());
    let challenge = "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"Acme\"";
    let needs = |said| {
        let www_authenticate = vec!["Basic realm=\"Acme\"".to_owned()];
        Refusal::NeedsCredentials { www_authenticate, said }
    };
    let wait = |seconds| Refusal::TooMany { retry_after: Some(Duration::from_secs(seconds)) };
    let plain = "\r\nContent-Type: text/plain; charset=utf-8";
    let page = "\r\nContent-Type: text/html";
    let cases = [
        (challenge.to_owned(), "", needs(None)),
        (format!("{challenge}{plain}"), "a token\nis needed\n", needs(said("a token is needed"))),
        (format!("{challenge}{page}"), "<html>", needs(None)),
        (format!("403 Forbidden{plain}"), "see SSO", Refusal::Forbidden { said: said("see SSO") }),
        ("403 Forbidden\r\nRetry-After: 60".to_owned(), "", wait(60)),
        ("403 Forbidden\r\nX-RateLimit-Remaining: 0".to_owned(), "", Refusal::TooMany { retry_after: None }),
        ("429 Too Many Requests\r\nRetry-After: 7".to_owned(), "", wait(7)),
        ("404 Not Found".to_owned(), "", Refusal::NotFound { said: None }),
        (format!("410 Gone{plain}"), "moved out", Refusal::NotFound { said: said("moved out") }),
        (format!("200 OK{page}; charset=utf-8"), "<html>", Refusal::Forbidden { said: said(A_PAGE) }),
        (
            format!("203 Non-Authoritative Information{page}"),
            "<html>",
            Refusal::Forbidden { said: said(A_PAGE) },
        ),
        ("400 Bad Request".to_owned(), "", Refusal::Forbidden { said: said("400 Bad Request") }),
    ];
    let answers = cases.iter().map(|(head, body, _)| response(head, body.as_bytes()));
    let source = asking(&answering(answers.collect()).await.url);
    for (number, (head, _, expected)) in cases.into_iter().enumerate() {
        let path = path(&format!("/{number}.git"));
        let refused = source.list(&path, &Credentials::anonymous()).await.expect_err("refused");
        assert_eq!(refused, expected, "{head}");
        assert!(refused.is_verdict() || matches!(refused, Refusal::TooMany { .. }), "{head}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_no_verdict() {
    let list_type = "200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement";
    let dumb = format!("{A}\trefs/heads/main\n");
    let cases = [
        ("503 Service Unavailable", "", false),
        ("500 Internal Server Error", "", false),
        ("200 OK\r\nContent-Type: application/json", "{}", true),
        ("200 OK\r\nContent-Type: text/plain", dumb.as_str(), true),
        ("204 No Content", "", true),
        ("302 Found", "", true),
        (list_type, "<html>", true),
        (list_type, "001e# service=git-upload-pack\n", true),
        (list_type, "", true),
    ];
    let answers = cases.iter().map(|(head, body, _)| response(head, body.as_bytes()));
    let source = asking(&answering(answers.collect()).await.url);
    for (number, (head, _, is_nonsense)) in cases.into_iter().enumerate() {
        let path = path(&format!("/{number}.git"));
        let refused = source.list(&path, &Credentials::anonymous()).await.expect_err("refused");
        assert!(!refused.is_verdict(), "{head}: {refused:?}");
        assert_eq!(matches!(refused, Refusal::Nonsense(_)), is_nonsense, "{head}: {refused:?}");
    }
    let away = listed(&asking("http://127.0.0.1:1/"), &Credentials::anonymous()).await;
    assert!(matches!(away, Err(Refusal::Away(_))), "{away:?}");
}

#[tokio::test]
async fn of_long_lists_a_few_are_read_at_once() {
    let mut lines = vec!["# service=git-upload-pack".to_owned(), ".".to_owned()];
    lines.push(format!("{A} HEAD\0symref=HEAD:refs/heads/main"));
    let part = "x".repeat(200);
    lines.extend((0..70_000).map(|number| format!("{A} refs/heads/{number:06}/{part}")));
    lines.extend([format!("{A} refs/heads/main"), ".".to_owned()]);
    let list_type = "200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement";
    let source = asking(&answering(vec![response(list_type, &spelled(&lines)), one_list()]).await.url);
    let (long, short) = (path("/0.git"), path("/1.git"));
    let credentials = Credentials::anonymous();
    let count = u32::try_from(MAX_LONG_LISTS).expect("few");
    let others = Arc::clone(&source.long_lists.0).try_acquire_many_owned(count).expect("no list is read");
    let mut reading = source.list(&long, &credentials);
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut reading).await.is_err(), "others are read");
    source.list(&short, &credentials).await.expect("short lists need no place");
    drop(others);
    assert_eq!(reading.await.expect("a list").refs().iter().count(), 70_001);
    assert_eq!(source.long_lists.0.available_permits(), MAX_LONG_LISTS);
}

#[tokio::test]
async fn a_server_may_lead_on_within_itself_and_nowhere_else() {
    let other = HandMade::start(|_| one_list()).await;
    let there = other.url.clone();
    let server = HandMade::start(move |target| {
        let to = |place: &str| response(&format!("301 Moved Permanently\r\nLocation: {place}"), b"");
        match target.split('?').next().unwrap_or_default() {
            "/acme/tool.git/info/refs" => to("/acme/renamed.git/info/refs?service=git-upload-pack"),
            "/acme/renamed.git/info/refs" => one_list(),
            "/acme/page.git/info/refs" => to("/users/sign_in"),
            "/acme/circle.git/info/refs" => to("/acme/circle.git/info/refs?service=git-upload-pack"),
            _ => to(&format!("{there}acme/tool.git/info/refs?service=git-upload-pack")),
        }
    })
    .await;
    let source = asking(&server.url);
    let credentials = Credentials::basic("ann", "secret").expect("valid");
    let listing = source.list(&path("/acme/tool.git"), &credentials).await.expect("it is led on");
    assert_eq!(listing.moved_to(), Some(&path("/acme/renamed.git")));
    let direct = source.list(&path("/acme/renamed.git"), &credentials).await.expect("a list");
    assert_eq!(direct.moved_to(), None);

    let page = source.list(&path("/acme/page.git"), &credentials).await.expect_err("a page");
    assert!(matches!(page, Refusal::Forbidden { said: Some(_) }), "{page:?}");
    let circle = source.list(&path("/acme/circle.git"), &credentials).await.expect_err("a circle");
    assert!(matches!(circle, Refusal::Nonsense(_)), "{circle:?}");
    let elsewhere = source.list(&path("/acme/gone.git"), &credentials).await.expect_err("elsewhere");
    let location_host = other.url.trim_end_matches('/').to_owned();
    assert_eq!(elsewhere, Refusal::ElsewhereOnly { location_host });
    assert!(other.first_lines().is_empty(), "credentials went to another server");
    assert!(server.seen.lock().iter().all(|request| request.contains("Basic YW5uOnNlY3JldA==")));
}
