//! The lists made here are compared, byte for byte, with those of `git upload-pack` for the same repository.

use std::io::Write;

use heliostat_git::fixture::Workshop;
use heliostat_git::{Repository, ServeMode, ServeOptions, serve};
use heliostat_git_wire::{
    AGENT, Bands, Bundles, GitProtocol, GitService, LegacyVersion, LsRefs, ObjectFormat, PacketLine,
    advertisement, advertisement_v2, decode_packet, push_advertisement, push_flush, push_packet,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::io::StreamReader;

/// What clients ask for, and what they could ask for.
const REQUESTS: &[&[&str]] = &[
    &[],
    &["peel"],
    &["symrefs"],
    &["unborn"],
    &["symrefs", "unborn"],
    &["peel", "symrefs", "unborn"],
    &["peel", "symrefs", "unborn", "ref-prefix HEAD", "ref-prefix refs/heads/", "ref-prefix refs/tags/"],
    &["peel", "symrefs", "ref-prefix refs/tags/", "ref-prefix refs/heads/", "ref-prefix refs/tags/v"],
    &["peel", "ref-prefix HEAD"],
    &["symrefs", "unborn", "ref-prefix HE"],
    &["symrefs", "ref-prefix HEADS"],
    &["peel", "ref-prefix "],
    &["ref-prefix refs/heads/ma", "ref-prefix refs/heads/main", "ref-prefix refs/heads/main"],
    &["peel", "symrefs", "ref-prefix ref"],
    &["ref-prefix refs/heads/nothing", "ref-prefix refs/zzz"],
    &["peel", "ref-prefix v1", "ref-prefix refs/v1", "ref-prefix refs/tags/v1", "ref-prefix refs/heads/v1"],
    &["ref-prefix refs/heliostat/"],
    &["ref-prefix refs/heads/feature/1", "ref-prefix refs/heads/feature/2"],
];

async fn by_git(repository: &Repository, mode: ServeMode, protocol: &str, request: &[u8]) -> Vec<u8> {
    of_service(repository, GitService::UploadPack, mode, protocol, request).await
}

async fn of_service(
    repository: &Repository,
    service: GitService,
    mode: ServeMode,
    protocol: &str,
    request: &[u8],
) -> Vec<u8> {
    let options =
        ServeOptions { protocol: GitProtocol::from_header(Some(protocol)), mode, extra_env: Vec::new() };
    let mut process = serve(repository, service, options).await.expect("started");
    let mut stdin = process.take_stdin().expect("piped");
    stdin.write_all(request).await.expect("written");
    drop(stdin);
    let mut output = Vec::new();
    let stdout = process.take_stdout().expect("piped");
    StreamReader::new(stdout).read_to_end(&mut output).await.expect("readable");
    assert!(process.wait().await.expect("waited for").success());
    output
}

async fn compare(repository: &Repository) {
    let refs = repository.refs().await.expect("readable");
    let format = repository.object_format().await.expect("readable");
    for arguments in REQUESTS {
        let mut request = Vec::new();
        push_packet(&mut request, &[b"command=ls-refs\n"]);
        push_packet(&mut request, &[b"object-format=", format.as_str().as_bytes()]);
        request.extend_from_slice(b"0001");
        for argument in *arguments {
            push_packet(&mut request, &[argument.as_bytes(), b"\n"]);
        }
        push_flush(&mut request);
        let expected = by_git(repository, ServeMode::Exchange, "version=2", &request).await;
        let asked = LsRefs::parse(arguments.iter().map(|argument| argument.as_bytes())).expect("valid");
        // Twice, because the second one may come from memory.
        for _ in 0..2 {
            assert_eq!(readable(&refs.list(&asked)), readable(&expected), "{arguments:?}");
            assert!(refs.list(&asked) == expected, "{arguments:?}");
        }
    }
    let versions = [(LegacyVersion::Zero, "version=0"), (LegacyVersion::One, "version=1")];
    for (version, protocol) in versions {
        let expected = by_git(repository, ServeMode::Advertise, protocol, b"").await;
        let ours = advertisement(&refs, version).expect("a format");
        let header = b"001e# service=git-upload-pack\n0000";
        assert_eq!(&ours[..header.len()], header);
        assert_eq!(packets(&ours[header.len()..]), packets(&expected), "{protocol}");

        let service = GitService::ReceivePack;
        let expected = of_service(repository, service, ServeMode::Advertise, protocol, b"").await;
        let ours = push_advertisement(&refs, version).expect("a format");
        let header = b"001f# service=git-receive-pack\n0000";
        assert_eq!(&ours[..header.len()], header);
        assert_eq!(packets(&ours[header.len()..]), packets(&expected), "a push in {protocol}");
    }
    let expected = by_git(repository, ServeMode::Advertise, "version=2", b"").await;
    let mut expected = packets(&expected);
    // Git does not offer this by itself, but it answers it.
    expected.insert(expected.len() - 1, "object-info=size\n".to_owned());
    assert_eq!(packets(&advertisement_v2(format, Bundles::None, Bands::Pack)), expected);
}

fn readable(list: &[u8]) -> String {
    String::from_utf8_lossy(list).replace('\n', "\n  ")
}

/// The packets one by one, all agents with one name.
fn packets(mut bytes: &[u8]) -> Vec<String> {
    let mut packets = Vec::new();
    while let Some((packet, length)) = decode_packet(bytes).expect("packets") {
        bytes = &bytes[length..];
        packets.push(match packet {
            PacketLine::Data(payload) => without_agent(&String::from_utf8_lossy(payload)),
            other => format!("{other:?}"),
        });
    }
    assert!(bytes.is_empty());
    packets
}

fn without_agent(line: &str) -> String {
    let Some((before, after)) = line.split_once("agent=") else { return line.to_owned() };
    let rest = after.find([' ', '\n']).map_or("", |end| &after[end..]);
    format!("{before}agent=*{rest}")
}

/// Tags of every kind, and symbolic references.
fn add_tags(workshop: &Workshop, repository: &Repository) {
    let path = repository.path();
    workshop.run(path, &["tag", "light", "main"]);
    workshop.run(path, &["tag", "-a", "-m", "annotated", "v1", "main"]);
    workshop.run(path, &["tag", "-a", "-m", "a tag of a tag", "v1-again", "v1"]);
    workshop.run(path, &["tag", "-a", "-m", "a tag of a tree", "tree", "main^{tree}"]);
    workshop.run(path, &["update-ref", "refs/notes/odd", "refs/tags/v1"]);
    workshop.run(path, &["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    workshop.run(path, &["symbolic-ref", "refs/heads/alias-of-alias", "refs/heads/alias"]);
    workshop.run(path, &["symbolic-ref", "refs/tags/latest", "refs/tags/v1-again"]);
    workshop.run(path, &["symbolic-ref", "refs/remotes/x/HEAD", "refs/remotes/x/gone"]);
    workshop.run(path, &["update-ref", "refs/heliostat/keep/1", "main"]);
}

#[tokio::test]
async fn a_repository_without_references() {
    let workshop = Workshop::new().await;
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let repository = workshop.bare(format.as_str(), format);
        compare(&repository).await;
        // Another repository's HEAD may name what it likes.
        workshop.run(repository.path(), &["symbolic-ref", "HEAD", "refs/other/place"]);
        compare(&repository).await;
    }
}

#[tokio::test]
async fn loose_and_packed_tags_and_symbolic_references() {
    let workshop = Workshop::new().await;
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let repository = workshop.bare_with_format(format.as_str(), format).await;
        for branch in ["feature/1", "feature/2", "feature/10", "feature-1", "mai", "main2"] {
            workshop.run(repository.path(), &["update-ref", &format!("refs/heads/{branch}"), "main"]);
        }
        add_tags(&workshop, &repository);
        compare(&repository).await;
        workshop.run(repository.path(), &["pack-refs", "--all"]);
        compare(&repository).await;
        // Some loose ones over packed ones, and one that says the same in both places.
        workshop.commit(&repository, "main");
        workshop.run(repository.path(), &["tag", "-f", "-a", "-m", "moved", "v1", "main"]);
        let same = workshop.run(repository.path(), &["rev-parse", "refs/tags/v1-again"]);
        std::fs::write(repository.path().join("refs/tags/v1-again"), same).expect("written");
        compare(&repository).await;
    }
}

#[tokio::test]
async fn every_kind_of_head() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main", "a/b"]).await;
    add_tags(&workshop, &repository);
    for target in ["refs/heads/a/b", "refs/heads/missing", "refs/heads/alias-of-alias", "refs/tags/v1"] {
        workshop.run(repository.path(), &["symbolic-ref", "HEAD", target]);
        compare(&repository).await;
    }
    let commit = workshop.run(repository.path(), &["rev-parse", "main"]);
    workshop.run(repository.path(), &["update-ref", "--no-deref", "HEAD", commit.trim()]);
    compare(&repository).await;
}

#[tokio::test]
async fn names_that_are_no_text_are_advertised_in_their_place() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main", "z"]).await;
    workshop.run(repository.path(), &["tag", "-a", "-m", "annotated", "v1", "main"]);
    let tag = workshop.run(repository.path(), &["rev-parse", "refs/tags/v1"]);
    for name in [b"refs/heads/m\xff", b"refs/tags/v\xfe1"] {
        let file: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(name);
        let object =
            if name.starts_with(b"refs/tags/") { tag.clone() } else { workshop.commit(&repository, "main") };
        std::fs::write(repository.path().join(file), object).expect("written");
    }
    compare(&repository).await;
    workshop.run(repository.path(), &["pack-refs", "--all"]);
    compare(&repository).await;
    let names: Vec<_> =
        repository.refs().await.expect("readable").iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["refs/heads/main", "refs/heads/z", "refs/tags/v1"]);
}

#[tokio::test]
async fn a_reference_to_a_missing_object_is_advertised_all_the_same() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    std::fs::create_dir_all(repository.path().join("refs/tags")).expect("folder");
    std::fs::write(repository.path().join("refs/tags/lost"), "12".repeat(20)).expect("written");
    compare(&repository).await;
}

#[tokio::test]
async fn another_way_of_storing_references() {
    let workshop = Workshop::new().await;
    if workshop.git.version() < heliostat_git::GitVersion::parse("git version 2.45.0").expect("a version") {
        return;
    }
    let path = workshop.folder("reftable.git");
    let init = ["init", "--quiet", "--bare", "--initial-branch=main", "--ref-format=reftable", "."];
    workshop.run(&path, &init);
    let repository = Repository::at(workshop.git.clone(), path);
    compare(&repository).await;
    workshop.commit(&repository, "main");
    add_tags(&workshop, &repository);
    // In this way of storing them, git 2.47 skips visible references that come after a hidden one, and does not
    // follow a tag behind a symbolic reference.
    for name in ["refs/heliostat/keep/1", "refs/tags/latest"] {
        workshop.run(repository.path(), &["update-ref", "--no-deref", "-d", name]);
    }
    workshop.run(repository.path(), &["pack-refs", "--all"]);
    compare(&repository).await;
    assert_eq!(repository.head().await.expect("readable").expect("attached").as_str(), "refs/heads/main");
}

#[tokio::test]
async fn fifty_thousand_packed_references() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    workshop.run(repository.path(), &["tag", "-a", "-m", "annotated", "v1", "main"]);
    let tag = workshop.run(repository.path(), &["rev-parse", "refs/tags/v1"]);
    let commit = workshop.run(repository.path(), &["rev-parse", "main"]);
    let (tag, commit) = (tag.trim(), commit.trim());
    let mut packed = b"# pack-refs with: peeled fully-peeled sorted \n".to_vec();
    for number in 0..49_000 {
        writeln!(packed, "{commit} refs/heads/feature/{number:05}").expect("memory");
    }
    for number in 0..1_000 {
        writeln!(packed, "{tag} refs/tags/r{number:05}\n^{commit}").expect("memory");
    }
    std::fs::write(repository.path().join("packed-refs"), packed).expect("written");
    compare(&repository).await;
    assert_eq!(repository.refs().await.expect("readable").len(), 50_002);
}

#[test]
fn what_git_refuses_is_refused() {
    for bad in ["foo", "peel x", "ref-prefix", "", "Peel", "symrefs=true"] {
        let refused = LsRefs::parse([b"peel".as_slice(), bad.as_bytes()]);
        assert!(
            matches!(refused, Err(heliostat_git_wire::RequestError::UnknownArgument { .. })),
            "{bad:?} {refused:?}"
        );
    }
    assert!(AGENT.starts_with("git/heliostat-"));
}

#[test]
fn too_many_prefixes_mean_everything() {
    let prefix = |number: usize| format!("ref-prefix refs/heads/{number}").into_bytes();
    let prefixes: Vec<_> = (0..70_000).map(prefix).collect();
    let parse = |count: usize| LsRefs::parse(prefixes[..count].iter().map(|line| &line[..])).expect("valid");
    assert_eq!(parse(70_000), LsRefs::parse([]).expect("valid"));
    assert_ne!(parse(1_000), parse(70_000));
    let long = [b"ref-prefix ".to_vec(), vec![b'x'; 60_000]].concat();
    let many = LsRefs::parse(std::iter::repeat_n(&long[..], 1_000)).expect("valid");
    assert_eq!(many, LsRefs::parse([]).expect("valid"));
}
