//! The answers to canonical requests against those that `git` gives to what clients really send.

use std::collections::BTreeSet;
use std::path::Path;

use futures_util::TryStreamExt;
use heliostat_git::fixture::Workshop;
use heliostat_git::{Git, GitError, Repository, ServeMode};
use heliostat_git_wire::{
    Command, FetchRequest, GitProtocol, GitService, ObjectFormat, PacketLine, decode_packet, spelled,
};
use heliostat_stream_cache::ResponseStream;

use heliostat_git::exchange;

use super::*;

async fn collected(response: ResponseStream) -> Vec<u8> {
    let append = |mut all: Vec<u8>, piece: Bytes| async move {
        all.extend_from_slice(&piece);
        Ok(all)
    };
    response.output.try_fold(Vec::new(), append).await.expect("a whole answer")
}

/// What `git` says to exactly these bytes.
async fn answer_of_git(repository: &Repository, version: u8, body: &[u8]) -> Vec<u8> {
    let protocol = GitProtocol::from_header(Some(&format!("version={version}")));
    let body = stream::iter([Ok(Bytes::copy_from_slice(body))]);
    let (service, mode) = (GitService::UploadPack, ServeMode::Exchange);
    let mut running = exchange(repository, service, mode, &protocol, body).await.expect("started");
    let mut output = Vec::new();
    while let Some(piece) = running.next().await {
        output.extend_from_slice(&piece.expect("readable"));
    }
    let end = running.end().await.expect("it ends");
    assert!(end.status.success() || end.is_hang_up(), "{}", end.stderr);
    output
}

/// An answer taken apart: the lines before the pack, sorted, and the objects of the pack.
#[derive(Debug, PartialEq, Eq)]
struct Taken {
    lines: Vec<String>,
    objects: BTreeSet<String>,
}

/// Indexes the pack inside a clone of the repository, so that the bases of a thin pack are there.
fn take(workshop: &Workshop, repository: &Repository, answer: &[u8]) -> Taken {
    let (mut lines, mut pack) = (Vec::new(), Vec::new());
    let mut rest = answer;
    while !rest.is_empty() {
        if rest.starts_with(b"PACK") {
            pack = rest.to_vec();
            break;
        }
        let (packet, length) = decode_packet(rest).expect("framed").expect("whole");
        rest = &rest[length..];
        match packet {
            PacketLine::Data([1, data @ ..]) => pack.extend_from_slice(data),
            PacketLine::Data([2, ..]) => {}
            PacketLine::Data(line) => lines.push(String::from_utf8_lossy(line).trim_end().to_owned()),
            _ => {}
        }
    }
    // An older git repeats what the client repeats; to a client it is said or not said.
    lines.sort();
    lines.dedup();
    let objects = if pack.is_empty() { BTreeSet::new() } else { objects_in(workshop, repository, &pack) };
    Taken { lines, objects }
}

fn objects_in(workshop: &Workshop, repository: &Repository, pack: &[u8]) -> BTreeSet<String> {
    let folder = tempfile::tempdir_in(workshop.path("")).expect("a folder");
    let (file, index) = (folder.path().join("one.pack"), folder.path().join("one.idx"));
    std::fs::write(&file, pack).expect("written");
    let count = u32::from_be_bytes(pack[8..12].try_into().expect("a header"));
    let text = |path: &Path| path.to_str().expect("text").to_owned();
    let script = format!(
        "git index-pack --stdin --fix-thin -o {} {} < {} > /dev/null && git show-index --object-format={} < {}",
        text(&index),
        text(&folder.path().join("two.pack")),
        text(&file),
        workshop.run(repository.path(), &["rev-parse", "--show-object-format"]).trim(),
        text(&index),
    );
    let listing = workshop.shell(repository.path(), &script);
    let objects: BTreeSet<_> =
        listing.lines().filter_map(|line| line.split(' ').nth(1)).map(str::to_owned).collect();
    // What a thin pack was completed with comes on top of what was sent.
    assert!(objects.len() >= count as usize);
    objects
}

/// A history in which every kind of request makes a difference, and names for its parts.
struct Story {
    workshop: Workshop,
    repository: Repository,
    commits: Vec<String>,
    tip: String,
    other: String,
    format: ObjectFormat,
}

impl Story {
    async fn told(format: ObjectFormat) -> Self {
        let workshop = Workshop::new().await;
        let repository = workshop.bare("one", format);
        let commits: Vec<_> = (0..6).map(|_| workshop.commit(&repository, "main")).collect();
        let other = workshop.commit(&repository, "other");
        workshop.run(repository.path(), &["tag", "-a", "-m", "annotated", "v1", "main~1"]);
        let tip = commits[5].clone();
        Self { workshop, repository, commits, tip, other, format }
    }

    fn v2(&self, arguments: &[String]) -> Vec<u8> {
        let format = format!("object-format={}", self.format);
        let start = ["command=fetch".into(), "agent=git/9".into(), format, "|".into()];
        spelled(&[&start, arguments, &[".".into()]].concat())
    }

    async fn agrees(&self, version: u8, body: &[u8], fetch: &FetchRequest) {
        let said = String::from_utf8_lossy(body).into_owned();
        let expected =
            take(&self.workshop, &self.repository, &answer_of_git(&self.repository, version, body).await);
        let response = compute(&ServedRepository::alone(self.repository.clone()), fetch)
            .await
            .unwrap_or_else(|error| panic!("{said}: {error}"));
        let found = take(&self.workshop, &self.repository, &collected(response).await);
        assert_eq!(found, expected, "{said}");
    }
}

#[tokio::test]
async fn the_second_version_means_what_git_understands() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let story = Story::told(format).await;
        let Story { commits, tip, other, .. } = &story;
        let absent = "12".repeat(format.hex_len() / 2);
        let want = |id: &str| format!("want {id}");
        let have = |id: &str| format!("have {id}");
        let word = |text: &str| text.to_owned();
        let cases: Vec<Vec<String>> = vec![
            vec![want(tip), word("done")],
            vec![want(other), word("thin-pack"), want(tip), word("ofs-delta"), want(tip)],
            vec![word("include-tag"), want(tip), word("done")],
            vec![word("deepen 1"), want(tip), word("include-tag"), word("done")],
            vec![word("deepen 3"), want(tip), want(other), word("filter blob:none"), word("done")],
            vec![word("deepen 7"), want(tip), word("done")],
            vec![word("filter tree:0"), want(tip), word("done")],
            vec![word("filter blob:limit=3"), want(tip), word("no-progress"), word("done")],
            vec![word("filter combine:blob:none+tree:1"), want(tip), word("done")],
            vec![word("thin-pack"), want(tip), have(&commits[2]), have(&absent), word("done")],
            vec![want(tip), have(&commits[2]), have(&absent)],
            vec![want(tip), have(&absent)],
            vec![want(tip), want(other), have(&commits[4]), have(&commits[1]), have(&commits[4])],
            vec![word("wait-for-done"), want(tip), have(&commits[4])],
            vec![word("wait-for-done"), have(&commits[4]), have(&absent), have(other)],
            vec![word("wait-for-done"), want(tip), have(&commits[4]), word("done")],
            vec![format!("shallow {}", commits[5]), word("deepen 3"), want(tip), have(tip), word("done")],
            vec![
                format!("shallow {}", commits[4]),
                word("deepen-relative"),
                word("deepen 2"),
                want(tip),
                have(tip),
                word("done"),
            ],
            vec![
                format!("shallow {}", commits[4]),
                word("deepen 2147483647"),
                want(tip),
                have(tip),
                word("done"),
            ],
            vec![
                format!("shallow {}", commits[2]),
                word("thin-pack"),
                want(tip),
                have(&commits[3]),
                word("done"),
            ],
            vec![word("deepen-not refs/tags/v1"), want(tip), word("done")],
            vec![word("deepen-since 1000000000"), want(tip), word("done")],
            vec![word("thin-pack"), word("done")],
            vec![],
        ];
        for arguments in cases {
            let body = story.v2(&arguments);
            let command = Command::read(&body).expect("sound").expect("a command");
            let fetch = FetchRequest::parse_v2(&command).expect("a fetch");
            if fetch.asks_for_nothing() {
                assert!(answer_of_git(&story.repository, 2, &body).await.is_empty());
                continue;
            }
            story.agrees(2, &body, &fetch).await;
        }
    }
}

#[tokio::test]
async fn the_older_versions_mean_what_git_understands() {
    let story = Story::told(ObjectFormat::Sha1).await;
    let Story { commits, tip, other, .. } = &story;
    let absent = "12".repeat(20);
    let word = |text: &str| text.to_owned();
    let want = |id: &str, capabilities: &str| format!("want {id}{capabilities}");
    let have = |id: &str| format!("have {id}");
    let usual = " multi_ack_detailed no-done side-band-64k thin-pack ofs-delta agent=git/9";
    let mut cases: Vec<Vec<String>> = vec![
        vec![want(tip, ""), word("."), word("done")],
        vec![want(tip, " side-band include-tag"), want(other, ""), word("."), word("done")],
        vec![want(tip, usual), word("deepen 1"), word(".")],
        vec![want(tip, usual), word("deepen 1"), word("."), word("done")],
        vec![want(tip, usual), word("."), word(".")],
        vec![want(tip, " filter side-band-64k"), word("filter blob:none"), word("."), word("done")],
        vec![
            want(tip, &format!("{usual} deepen-relative")),
            format!("shallow {}", commits[4]),
            word("deepen 2"),
            word("."),
            have(tip),
            word("done"),
        ],
    ];
    for capabilities in ["", " multi_ack", " multi_ack_detailed", " multi_ack_detailed no-done", usual] {
        for haves in [[&absent, &commits[3]], [&commits[3], &absent], [&commits[1], &commits[4]]] {
            for ending in [".", "done"] {
                let haves = haves.map(|id| have(id));
                cases.push([&[want(tip, capabilities), word(".")][..], &haves, &[word(ending)]].concat());
            }
        }
    }
    for lines in cases {
        let body = spelled(&lines);
        let fetch = FetchRequest::parse_v0(&body).expect("a fetch");
        for version in [0, 1] {
            story.agrees(version, &body, &fetch).await;
        }
    }
}

#[tokio::test]
async fn what_a_computation_costs_is_told_after_its_end() {
    let story = Story::told(ObjectFormat::Sha1).await;
    let body = spelled(&[format!("want {} side-band-64k", story.tip), ".".into(), "done".into()]);
    let fetch = FetchRequest::parse_v0(&body).expect("a fetch");
    let started = Instant::now();
    let ResponseStream { mut output, cost, .. } =
        compute(&ServedRepository::alone(story.repository.clone()), &fetch).await.expect("started");
    while output.try_next().await.expect("readable").is_some() {}
    // Two small processes on any number of cores; and never the time of something else.
    assert!(cost() <= started.elapsed() * 8 + Duration::from_millis(50));
}

#[tokio::test]
async fn a_refusal_is_no_answer() {
    let story = Story::told(ObjectFormat::Sha1).await;
    let absent = "12".repeat(20);
    let body = story.v2(&[format!("want {absent}"), "done".into()]);
    let fetch =
        FetchRequest::parse_v2(&Command::read(&body).expect("sound").expect("a command")).expect("a fetch");
    match compute_by_upload_pack(&ServedRepository::alone(story.repository.clone()), &fetch).await.err() {
        Some(GitError::Refused { message, .. }) => assert!(message.contains("not our ref"), "{message}"),
        other => panic!("{other:?}"),
    }
    let body = story.v2(&[format!("want {}", story.tip), "filter nonsense".into(), "done".into()]);
    let fetch =
        FetchRequest::parse_v2(&Command::read(&body).expect("sound").expect("a command")).expect("a fetch");
    assert!(compute(&ServedRepository::alone(story.repository.clone()), &fetch).await.is_err());
    assert_eq!(fetch.cache_key(&story.repository.refs().await.expect("readable"), &BTreeSet::new()), None);
}

#[tokio::test]
async fn what_git_refuses_is_no_answer_whenever_it_finds_out() {
    let story = Story::told(ObjectFormat::Sha1).await;
    let served = ServedRepository::alone(story.repository.clone());
    let (want, have) = (format!("want {}", story.tip), format!("have {}", story.commits[2]));
    let (missing, since) = (format!("want {}", "12".repeat(20)), "deepen-since 4000000000".to_owned());
    let (early, excluded) = ("deepen-since 1".to_owned(), "deepen-not refs/heads/other".to_owned());
    let cases = [
        (vec![want, have, since], "no commits selected"),
        (vec![missing.clone(), early], "not our ref"),
        (vec![missing, excluded], "not our ref"),
    ];
    for (mut lines, reason) in cases {
        let capable = format!("{} multi_ack_detailed no-done side-band-64k", lines[0]);
        let (have, limits): (Vec<_>, Vec<_>) =
            lines[1..].iter().cloned().partition(|line| line.starts_with("have"));
        let older = spelled(&[&[capable], &limits[..], &[".".into()], &have, &["done".into()]].concat());
        lines.push("done".into());
        let body = story.v2(&lines);
        let fetches = [
            FetchRequest::parse_v2(&Command::read(&body).expect("sound").expect("a command"))
                .expect("a fetch"),
            FetchRequest::parse_v0(&older).expect("a fetch"),
        ];
        // How the output is cut into pieces differs from time to time.
        for fetch in fetches.iter().cycle().take(10) {
            match compute_by_upload_pack(&served, fetch).await.err() {
                Some(GitError::Refused { message, .. }) => assert!(message.contains(reason), "{message}"),
                other => panic!("{lines:?}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_computation_that_is_given_up_gives_its_process_back() {
    let story = Story::told(ObjectFormat::Sha1).await;
    let git = Git::discover_with_limit(story.workshop.git.program(), 1).await.expect("usable");
    let served = ServedRepository::alone(Repository::at(git, story.repository.path().to_owned()));
    let body = story.v2(&[format!("want {}", story.tip), "done".into()]);
    let fetch =
        FetchRequest::parse_v2(&Command::read(&body).expect("sound").expect("a command")).expect("a fetch");
    for _ in 0..3 {
        let computed = tokio::time::timeout(Duration::from_mins(1), compute(&served, &fetch));
        drop(computed.await.expect("a process is free").expect("started"));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    let story = Story::told(ObjectFormat::Sha1).await;
    let path = story.repository.path();
    let blob = story.workshop.run(path, &["rev-parse", "main:file"]);
    let (folder, file) = blob.trim().split_at(2);
    std::fs::remove_file(path.join("objects").join(folder).join(file)).expect("a loose object");
    let body = story.v2(&[format!("want {}", story.tip), "done".into()]);
    let fetch =
        FetchRequest::parse_v2(&Command::read(&body).expect("sound").expect("a command")).expect("a fetch");
    let failed = match compute(&ServedRepository::alone(story.repository.clone()), &fetch).await {
        Err(_) => true,
        Ok(response) => response.output.try_fold((), |(), _| async { Ok(()) }).await.is_err(),
    };
    assert!(failed);
}
