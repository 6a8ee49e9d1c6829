//! One computation for all who ask for the same, in whatever words; and never an answer that is stale, damaged, or
//! for others. What was computed and what was not is read off `GET /metrics`.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use url::Url;

use super::scene::{filled, push, serves};
use crate::harness::{
    DELIMITER, FLUSH, GitAnswer, GitRequest, Identity, Pair, Server, Source, USER_PASSWORD, clone_url,
    eventually, git, git_output, packets, project_path, remove_folder, replace_folder_by_file, shared_pair,
    unique,
};

/// How answers came about since the server was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Answers {
    stored: u64,
    computed: u64,
}

impl Answers {
    async fn of(server: &Server) -> Self {
        let text = server.anonymous().get("/metrics").await.expect(200).text;
        let value = |result: &str| -> u64 {
            let name = format!("heliostat_response_cache_requests_total{{result=\"{result}\"}} ");
            let line = text.lines().find_map(|line| line.strip_prefix(name.as_str()));
            line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().expect("is a number")
        };
        Answers { stored: value("hit") + value("coalesced"), computed: value("miss") }
    }
}

/// Asks once, so that there is an answer; then the same in other words. Fails unless that shares the answer.
async fn share(server: &Server, first: (&Url, GitRequest), others: &[(&Url, GitRequest)]) {
    let answer = pack_of(first.0, &first.1).await;
    let before = Answers::of(server).await;
    for (url, request) in others {
        assert_eq!(pack_of(url, request).await, answer, "the same pack: {request:?}");
    }
    let wanted = Answers { stored: before.stored + others.len() as u64, ..before };
    assert_eq!(Answers::of(server).await, wanted, "all of them share one answer");
}

async fn pack_of(url: &Url, request: &GitRequest) -> Vec<u8> {
    let answer: GitAnswer = request.send(url).await;
    let pack = answer.taken_apart().pack;
    assert!(!pack.is_empty(), "{} {:?}", answer.status, answer.taken_apart().told);
    pack
}

/// A fetch with an agent.
fn fetch(agent: &str, lines: &[String]) -> GitRequest {
    let head = packets(&["command=fetch", &format!("agent={agent}"), "object-format=sha1"]);
    GitRequest::exchange("version=2", format!("{head}{DELIMITER}{}{FLUSH}", packets(lines)))
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// A shallow clone of `main`, as CI does it.
fn shallow(source: &Source) -> GitRequest {
    let want = format!("want {}", source.id("main"));
    fetch("git/2.47.3", &lines(&["thin-pack", "ofs-delta", "no-progress", "deepen 1", &want, "done"]))
}

fn url_of(pair: &Pair, repository: &Value) -> Url {
    clone_url(pair.mirror.base_url(), repository, None)
}

#[tokio::test]
async fn agents_order_progress_and_compression_do_not_matter() {
    let pair = Pair::start().await;
    let (repository, source, _) = filled(&pair).await;
    let url = url_of(&pair, &repository);
    let (main, other) = (format!("want {}", source.id("main")), format!("want {}", source.id("other")));
    let first =
        fetch("git/2.47.3", &lines(&["thin-pack", "no-progress", "ofs-delta", &main, &other, "done"]));
    let others = [
        fetch("git/2.39.5", &lines(&["thin-pack", "no-progress", "ofs-delta", &main, &other, "done"])),
        fetch("JGit/7", &lines(&["ofs-delta", &other, "thin-pack", &main, &other, "no-progress", "done"])),
        fetch("git/2.47.3", &lines(&["thin-pack", "ofs-delta", &main, &other, "done"])),
        fetch("x", &lines(&["done", &other, &main, "ofs-delta", "thin-pack"])),
    ];
    share(&pair.mirror, (&url, first), &others.map(|request| (&url, request))).await;
    let url = clone_url(pair.upstream.base_url(), &repository, None);
    share(&pair.upstream, (&url, shallow(&source)), &[(&url, shallow(&source))]).await;
}

#[tokio::test]
async fn the_same_words_find_another_answer_when_they_mean_something_else() {
    let pair = shared_pair().await;
    let (repository, source, _) = filled(pair).await;
    let url = clone_url(pair.upstream.base_url(), &repository, None);
    let own = git(source.path(), &["commit-tree", "-p", "main", "-m", &unique(), "main^{tree}"]);
    let (want, have) = (format!("want {}", source.id("main")), format!("have {own}"));
    let asked = fetch("git/2.47.3", &lines(&[&want, &have]));
    let told = async || asked.send(&url).await.taken_apart().told;
    assert!(told().await.contains(&"NAK\n".to_owned()), "the commit is the client's own");
    let upstream = pair.upstream_url(&repository);
    git(source.path(), &["push", "--quiet", upstream.as_str(), &format!("{own}:refs/heads/own")]);
    git(source.path(), &["push", "--quiet", upstream.as_str(), ":refs/heads/own"]);
    serves(&pair.upstream, &repository, &source).await;
    // The references are those of before, and the commit is here now.
    assert!(told().await.contains(&format!("ACK {own}\n")), "{:?}", told().await);
}

#[tokio::test]
async fn users_share_answers_and_who_may_not_read_gets_none() {
    let pair = Pair::start().await;
    let repository = pair.upstream.empty_repository(false).await;
    let source = super::scene::short_history(&["refs/heads/main", "refs/heads/other"]).import();
    source.push_to(&pair.upstream_url(&repository));
    let main = source.id("main");
    let as_user =
        |user: &Identity| clone_url(pair.mirror.base_url(), &repository, Some((user.name(), USER_PASSWORD)));
    let project = &repository["project"];
    let reader = pair.upstream.user_on_project(project, "PROJECT_READ").await;
    let another = pair.upstream.user_on_project(project, "PROJECT_READ").await;
    let outsider = pair.new_user().await;
    let url = as_user(&reader);
    eventually("the push on the mirror", || async {
        let output = git_output(source.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
        String::from_utf8_lossy(&output.stdout).starts_with(&main).then_some(())
    })
    .await;
    pair.mirrored(&repository).await;
    share(&pair.mirror, (&url, shallow(&source)), &[(&as_user(&another), shallow(&source))]).await;

    let anonymous = clone_url(pair.mirror.base_url(), &repository, None);
    let refused = |answer: GitAnswer| {
        assert!((400..500).contains(&answer.status), "{}", answer.status);
        assert!(answer.taken_apart().pack.is_empty());
    };
    refused(shallow(&source).send(&as_user(&outsider)).await);
    refused(shallow(&source).send(&anonymous).await);

    let permission = format!("{}/permissions/users?name={}", project_path(project), another.name());
    pair.admin().delete(&permission).await.expect(204);
    eventually("the revocation to be followed", || async {
        let answer = shallow(&source).send(&as_user(&another)).await;
        (answer.status != 200).then(|| refused(answer))
    })
    .await;
    pack_of(&url, &shallow(&source)).await;
}

/// The stored answers of a mirror, on its disk.
fn entries(server: &Server) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![server.data().join("cache/entries")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

#[tokio::test]
async fn answers_outlive_a_kill_and_damaged_ones_are_computed_again() {
    let mut pair = Pair::start().await;
    let (repository, source, _) = filled(&pair).await;
    let answer = pack_of(&url_of(&pair, &repository), &shallow(&source)).await;
    eventually("the answer on disk", || async { (!entries(&pair.mirror).is_empty()).then_some(()) }).await;

    pair.mirror.restart();
    served_again(&pair, &repository, &source, &answer, Answers { stored: 1, computed: 0 }).await;

    type Damage = fn(&mut Vec<u8>);
    let damages: [Damage; 3] = [
        |bytes| {
            let middle = bytes.len() / 3;
            bytes[middle] ^= 0x20;
        },
        |bytes| bytes.truncate(bytes.len() / 2),
        Vec::clear,
    ];
    for damage in damages {
        pair.mirror.kill();
        let stored = entries(&pair.mirror);
        assert!(!stored.is_empty(), "an answer is stored");
        for file in stored {
            let mut bytes = fs::read(&file).expect("it can be read");
            damage(&mut bytes);
            fs::write(&file, bytes).expect("it can be written");
        }
        pair.mirror.restart();
        served_again(&pair, &repository, &source, &answer, Answers { stored: 0, computed: 1 }).await;
        eventually("the answer on disk", || async { (!entries(&pair.mirror).is_empty()).then_some(()) })
            .await;
    }
}

/// After a restart: the answer is what it was, and came about like this.
async fn served_again(pair: &Pair, repository: &Value, source: &Source, answer: &[u8], wanted: Answers) {
    let (url, request) = (url_of(pair, repository), shallow(source));
    eventually("the mirror to serve again", || async {
        git_output(source.path(), &["ls-remote", url.as_str()]).status.success().then_some(())
    })
    .await;
    let before = Answers::of(&pair.mirror).await;
    assert_eq!(pack_of(&url, &request).await, answer);
    let after = Answers::of(&pair.mirror).await;
    let came = Answers { stored: after.stored - before.stored, computed: after.computed - before.computed };
    assert_eq!(came, wanted);
}

#[tokio::test]
async fn without_a_place_to_store_them_answers_are_the_same() {
    let pair = Pair::start().await;
    let (repository, source, _) = filled(&pair).await;
    let url = url_of(&pair, &repository);
    let answer = pack_of(&url, &shallow(&source)).await;
    let cache = pair.mirror.data().join("cache");
    // Removed under the running server; then something is in its place that is no folder at all.
    remove_folder(&cache);
    assert_eq!(pack_of(&url, &shallow(&source)).await, answer);
    replace_folder_by_file(&cache);
    assert_eq!(pack_of(&url, &shallow(&source)).await, answer);
    let want = format!("want {}", source.id("other"));
    pack_of(&url, &fetch("git/2.47.3", &lines(&["ofs-delta", &want, "done"]))).await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    git(folder.path(), &["clone", "--quiet", url.as_str(), "copy"]);
    git(&folder.path().join("copy"), &["fsck", "--connectivity-only"]);
}

#[tokio::test]
async fn the_first_job_after_a_push_finds_its_answer_ready_and_never_an_old_one() {
    let pair = Pair::start().await;
    let (repository, source, _) = filled(&pair).await;
    let url = url_of(&pair, &repository);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let clone = |name: &str| {
        git(folder.path(), &["clone", "--quiet", "--depth=1", url.as_str(), name]);
        git(&folder.path().join(name), &["rev-parse", "HEAD"])
    };
    assert_eq!(clone("first"), source.id("main"));
    for round in 0..3 {
        let blob = folder.path().join("blob");
        fs::write(&blob, unique()).expect("it can be written");
        let blob = git(source.path(), &["hash-object", "-w", blob.to_str().expect("is text")]);
        let tree = folder.path().join(format!("index-{round}"));
        let tree = tree.to_str().expect("is text");
        let added = format!("100644,{blob},round-{round}.txt");
        let script = format!(
            "export GIT_INDEX_FILE={tree}; git read-tree main && git update-index --add --cacheinfo {added} && \
             git update-ref refs/heads/main $(git commit-tree -p main -m round $(git write-tree))"
        );
        git(source.path(), &["-c", &format!("alias.round=!{script}"), "round"]);
        let before = Answers::of(&pair.mirror).await;
        push(&pair, &repository, &source).await;
        assert_eq!(clone(&format!("round-{round}")), source.id("main"), "never an old one");
        let after = Answers::of(&pair.mirror).await;
        assert_eq!(after, Answers { stored: before.stored + 1, ..before }, "it was ready");
    }
}
