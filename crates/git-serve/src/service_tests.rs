//! Real clients and hand-made requests against a repository.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt, TryStreamExt, stream};
use heliostat_git::fixture::Workshop;
use heliostat_git::fixture_http::HttpServer;
use heliostat_git::{
    ClientKey, FetchPlan, Git, GitError, GitProtocol, GitService, ObjectFormat, RefChangeKind, RefName,
    RefRoom, RefSnapshot, Repository, ServeMode, ServeOptions, exchange, receive_pack, serve,
};
use heliostat_git_wire::{PacketLine, decode_packet, encode_packet, spelled};
use tokio::io::AsyncWriteExt;

use crate::answer::Answer;
use crate::served::ServedRepository;

fn version(number: u8) -> GitProtocol {
    GitProtocol::from_header(Some(&format!("version={number}")))
}

fn key() -> ClientKey {
    ClientKey::verified("ada")
}

async fn collected(answer: Answer) -> io::Result<Vec<u8>> {
    let append = |mut all: Vec<u8>, piece: Bytes| async move {
        all.extend_from_slice(&piece);
        Ok(all)
    };
    answer.into_stream().try_fold(Vec::new(), append).await
}

fn request(lines: &[&str]) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let mut body = Vec::new();
    for line in lines {
        let packet = if line.is_empty() { PacketLine::Flush } else { PacketLine::Data(line.as_bytes()) };
        encode_packet(packet, &mut body).expect("fits");
    }
    // One byte at a time: nothing may depend on how the network cuts.
    stream::iter(body.into_iter().map(|byte| Ok(Bytes::from(vec![byte]))))
}

/// Runs a client away from the runtime that serves it.
async fn client(workshop: &Workshop, args: &[&str]) -> Option<String> {
    let folder = workshop.path("");
    tokio::task::block_in_place(|| workshop.try_run(&folder, args))
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_clone_in_every_version_and_shape() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("upstream", &["main", "other"]).await);
    let repository = &served.repository;
    for _ in 0..3 {
        workshop.commit(repository, "main");
    }
    let server = HttpServer::serve(served.clone()).await;
    let tip = workshop.run(repository.path(), &["rev-parse", "main"]);
    let shapes: [&[&str]; 5] =
        [&[], &["--depth=2"], &["--filter=blob:none"], &["--filter=tree:0"], &["--single-branch"]];
    for number in ["0", "1", "2"] {
        for (index, shape) in shapes.iter().enumerate() {
            let name = format!("clone-{number}-{index}");
            let protocol = format!("protocol.version={number}");
            let args = [&["-c", &protocol, "clone", "--quiet"], *shape, &[&server.url, &name]].concat();
            client(&workshop, &args).await.unwrap_or_else(|| panic!("{args:?}"));
            assert_eq!(client(&workshop, &["-C", &name, "rev-parse", "HEAD"]).await.as_ref(), Some(&tip));
            let deepen = ["-C", &name, "-c", &protocol, "fetch", "--quiet", "--depth=1"];
            client(&workshop, &deepen).await.unwrap_or_else(|| panic!("{deepen:?}"));
            client(&workshop, &["-C", &name, "fsck"]).await.expect("whole");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_push_and_the_change_is_visible_at_once() {
    let workshop = Workshop::new().await;
    let main = RefName::branch("main").expect("valid");
    let served = ServedRepository::alone(workshop.store().create(1, &main).await.expect("created"));
    let repository = &served.repository;
    let source = workshop.bare_with_commits("source", &["main", "topic"]).await;
    let server = HttpServer::serve(served.clone()).await;
    let push = async |refspecs: &[&str]| {
        let from = source.path().to_str().expect("text");
        client(&workshop, &[&["-C", from, "push", "--quiet", &server.url], refspecs].concat()).await
    };
    push(&["main", "topic"]).await.expect("pushed");
    let before = repository.refs().await.expect("readable");
    assert_eq!(before, source.refs().await.expect("readable"));
    assert_eq!(push(&[":main"]).await, None, "the default branch stays");
    assert_eq!(repository.refs().await.expect("readable"), before);
    push(&[":topic", "+main:forced"]).await.expect("other branches may go");
    let after = repository.refs().await.expect("readable");
    let kinds: Vec<_> = RefSnapshot::diff(&before, &after).iter().map(|change| change.kind()).collect();
    assert_eq!(kinds, [RefChangeKind::Add, RefChangeKind::Delete]);
    assert_eq!(push(&["topic:refs/heliostat/x"]).await, None, "the internal namespace is ours");
    repository.verify().await.expect("whole");
}

#[tokio::test]
async fn advertisements_have_the_header_of_their_version_and_no_internal_references() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let repository = &served.repository;
    workshop.run(repository.path(), &["update-ref", "refs/heliostat/keep/1", "main"]);
    for service in [GitService::UploadPack, GitService::ReceivePack] {
        let advertised = served.advertise(service, &GitProtocol::default()).await.expect("started");
        let advertised = collected(advertised).await.expect("whole");
        let header = format!("# service={service}\n");
        let Ok(Some((PacketLine::Data(first), length))) = decode_packet(&advertised) else {
            panic!("a packet comes first");
        };
        assert_eq!(first, header.as_bytes());
        assert!(advertised[length..].starts_with(b"0000"));
        let text = String::from_utf8_lossy(&advertised);
        assert!(text.contains("refs/heads/main") && !text.contains("refs/heliostat"), "{text}");
    }
    let second = served.advertise(GitService::UploadPack, &version(2)).await.expect("started");
    assert!(collected(second).await.expect("whole").starts_with(b"000eversion 2\n"));
}

#[tokio::test]
async fn the_object_format_is_advertised() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_format("one", ObjectFormat::Sha256).await);
    for protocol in [GitProtocol::default(), version(2)] {
        let advertised = served.advertise(GitService::UploadPack, &protocol).await.expect("started");
        let advertised = collected(advertised).await.expect("whole");
        assert!(String::from_utf8_lossy(&advertised).contains("object-format=sha256"));
    }
}

#[tokio::test]
async fn a_hand_made_request_gets_a_pack() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let repository = &served.repository;
    let tip = workshop.run(repository.path(), &["rev-parse", "main"]);
    let lines = [&format!("want {} no-progress\n", tip.trim()), "", "done\n"];
    let answer = served.upload_pack(request(&lines), &GitProtocol::default(), key()).await.expect("started");
    assert!(collected(answer).await.expect("whole").starts_with(b"0008NAK\nPACK"));
}

#[tokio::test]
async fn a_want_that_is_not_here_gets_an_error_that_the_client_can_show() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let absent = format!("want {}\n", "12".repeat(20));
    let answer = served.upload_pack(request(&[&absent, "", "done\n"]), &GitProtocol::default(), key()).await;
    let answer = collected(answer.expect("started")).await.expect("a whole answer");
    assert!(String::from_utf8_lossy(&answer).contains("ERR upload-pack: not our ref"), "{answer:?}");
}

#[tokio::test]
async fn a_broken_repository_is_an_error_before_the_answer() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let repository = &served.repository;
    std::fs::remove_dir_all(repository.path().join("objects")).expect("removed");
    let error = served.advertise(GitService::UploadPack, &version(2)).await.expect_err("broken");
    assert!(error.is_broken_repository(), "{error:?}");
    let error = receive_pack(repository, request(&[""]), &GitProtocol::default(), RefRoom::default())
        .await
        .expect_err("broken");
    assert!(error.is_broken_repository(), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_ends_with_an_error() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let repository = &served.repository;
    let tip = workshop.run(repository.path(), &["rev-parse", "main"]);
    let tree = workshop.run(repository.path(), &["rev-parse", "main^{tree}"]);
    let (folder, file) = tree.trim().split_at(2);
    std::fs::remove_file(repository.path().join("objects").join(folder).join(file)).expect("a loose object");
    let lines = [&format!("want {} no-progress\n", tip.trim()), "", "done\n"];
    let answer = served.upload_pack(request(&lines), &GitProtocol::default(), key()).await;
    let failure = match answer {
        Ok(output) => collected(output).await.expect_err("broken off").to_string(),
        Err(error) => error.to_string(),
    };
    assert!(failure.contains("serve a fetch"), "{failure}");
}

#[tokio::test]
async fn a_request_that_breaks_off_changes_nothing() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let repository = &served.repository;
    let before = repository.refs().await.expect("readable");
    let cut = || stream::iter([Ok(Bytes::from_static(b"00")), Err(io::Error::other("the client is gone"))]);
    let refused = receive_pack(repository, cut(), &GitProtocol::default(), RefRoom::default()).await;
    assert!(matches!(refused, Err(GitError::Request(_))), "{refused:?}");
    assert!(served.upload_pack(cut(), &GitProtocol::default(), key()).await.is_err());
    assert_eq!(repository.refs().await.expect("readable"), before);
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_refused_and_the_answer_has_an_end() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let tip = workshop.run(served.repository.path(), &["rev-parse", "main"]);
    let tip = tip.trim();
    let (want, filter) = (format!("want {tip}"), format!("filter sparse:oid={tip}"));
    let lines = ["command=fetch", "object-format=sha1", "|", "no-progress", &want, &filter, "done", "."];
    let body = stream::iter([Ok(Bytes::from(spelled(&lines)))]);
    let answer = served.upload_pack(body, &version(2), key()).await.expect("started");
    let told = collected(answer).await.expect("it ends well");
    assert!(String::from_utf8_lossy(&told).contains("possible repository corruption"), "{told:?}");
}

#[tokio::test]
async fn an_empty_push_is_answered_with_nothing() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let repository = &served.repository;
    let received = receive_pack(repository, request(&[""]), &GitProtocol::default(), RefRoom::default())
        .await
        .expect("run");
    assert!(received.success && received.output.is_empty());
}

#[tokio::test]
async fn a_client_that_goes_away_gives_its_turn_back() {
    let workshop = Workshop::new().await;
    let git = Git::discover_with_limit(workshop.git.program(), 1).await.expect("usable");
    let path = workshop.bare_with_commits("one", &["main"]).await.path().to_owned();
    let served = ServedRepository::alone(Repository::at(git, path));
    let protocol = GitProtocol::default();
    let mode = ServeMode::Exchange;
    let mut silent = exchange(&served.repository, GitService::UploadPack, mode, &protocol, stream::pending())
        .await
        .expect("started");
    assert!(silent.next().now_or_never().is_none(), "it waits for its request");
    let mut other = Box::pin(served.advertise(GitService::UploadPack, &protocol));
    assert!((&mut other).now_or_never().is_none(), "there is only one turn");
    drop(silent);
    let waited = tokio::time::timeout(Duration::from_mins(4), other).await.expect("the turn comes");
    assert!(waited.is_ok());
}

#[tokio::test]
async fn a_session_is_a_conversation_over_both_streams() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let repository = &served.repository;
    let options = ServeOptions { protocol: version(1), mode: ServeMode::Session, extra_env: Vec::new() };
    let mut process = serve(repository, GitService::UploadPack, options).await.expect("started");
    let mut input = process.take_stdin().expect("piped");
    let mut output = process.take_stdout().expect("piped");
    let greeting = output.next().await.expect("it speaks first").expect("readable");
    assert!(greeting.starts_with(b"000eversion 1\n"), "{greeting:?}");
    input.write_all(b"0000").await.expect("it listens");
    drop(input);
    while output.next().await.is_some() {}
    assert!(process.wait().await.expect("it ends").success());
    assert_eq!(process.id(), None);
}

#[test]
fn everything_can_move_between_threads() {
    fn can_move<T: Send>(_: impl FnOnce(ServedRepository, &'static FetchPlan) -> T) {}
    can_move(|served, _| async move { served.upload_pack(stream::empty(), &version(2), key()).await });
    can_move(|served, _| async move {
        receive_pack(&served.repository, stream::empty(), &version(2), RefRoom::default()).await
    });
    can_move(|served, plan| async move { heliostat_git::fetch_objects(&served.repository, plan).await });
    can_move(|served, _| async move {
        crate::housekeeping::repack(&served, &crate::housekeeping::Thresholds::default()).await
    });
}
