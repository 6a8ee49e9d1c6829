//! One repository with everything that a history can have, at an upstream, at its mirror, and before the judge.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::sync::OnceCell;
use url::Url;

use crate::harness::{
    History, Mark, Pair, Server, Source, bare_repositories, clone_url, eventually, git, git_output,
    reference_url, shared_pair, unique,
};

/// A repository that nothing changes any more.
pub struct Scene {
    /// What was pushed.
    pub source: Source,
    /// At the mirror.
    pub mirror: Place,
    /// At the upstream.
    pub upstream: Place,
    /// What `$NAME` stands for in the steps of clients.
    pub names: BTreeMap<&'static str, String>,
}

/// Where a repository is served, and what git itself would serve there.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where clients find it.
    pub url: Url,
    /// Where the server keeps it.
    pub folder: PathBuf,
    /// Where git itself serves the same folder.
    pub judge: Url,
}

impl Place {
    /// A public repository of a server, which serves these references.
    pub async fn of(server: &Server, repository: &Value, references: &str) -> Self {
        let folder = folder_with(server, references).await;
        Place { url: clone_url(server.base_url(), repository, None), judge: reference_url(&folder), folder }
    }
}

/// The one scene of all tests.
pub async fn scene() -> &'static Scene {
    static SCENE: OnceCell<Scene> = OnceCell::const_new();
    SCENE.get_or_init(build).await
}

async fn build() -> Scene {
    let pair = shared_pair().await;
    let source = everything().import();
    let doomed = source.id("refs/heads/doomed");
    git(source.path(), &["tag", "--annotate", "--message", "a tag of a tag", "nested", "v1.0"]);
    git(source.path(), &["tag", "of-a-tree", "main^{tree}"]);
    git(source.path(), &["tag", "of-a-blob", "main:large.txt"]);
    let repository = pair.upstream.empty_repository(true).await;
    push(pair, &repository, &source).await;
    // Moved away from what it named, which builds may have begun with.
    git(source.path(), &["update-ref", "refs/heads/doomed", "main~12"]);
    push(pair, &repository, &source).await;
    let names = BTreeMap::from([
        ("$TIP", source.id("main")),
        ("$OLDER", source.id("main~12")),
        ("$TAG", source.id("v1.0")),
        ("$TREE", source.id("main~3^{tree}")),
        ("$BLOB", source.id("main~3:large.txt")),
        ("$NAMED_BLOB", source.id("of-a-blob")),
        ("$UNREACHABLE", doomed),
        ("$MISSING", "0123456789abcdef0123456789abcdef01234567".to_owned()),
    ]);
    let references = source.references();
    Scene {
        mirror: Place::of(&pair.mirror, &repository, &references).await,
        upstream: Place::of(&pair.upstream, &repository, &references).await,
        names,
        source,
    }
}

/// Forty days on `main` with a merge, a side branch, another root, tags of all kinds, names like those of platforms.
fn everything() -> History {
    let mut history = History::default();
    let large = "a line that fills a file\n".repeat(400);
    let spec = "/src/part-1/\n";
    let root = history.commit(
        "refs/heads/main",
        0,
        &[],
        &[
            ("README.md", "everything\n"),
            ("large.txt", &large),
            ("spec", spec),
            ("deep/er/and/deeper.txt", "x\n"),
        ],
    );
    let fork = history.line_of_commits("refs/heads/main", 1..11, Some(root));
    let side = history.line_of_commits("refs/heads/side", 11..23, Some(fork));
    let main = history.line_of_commits("refs/heads/main", 11..25, Some(fork));
    let merge = history.commit("refs/heads/main", 25, &[main, side], &[("merged.txt", "both\n")]);
    let more = format!("{large}and one more\n");
    let changed = history.commit("refs/heads/main", 26, &[merge], &[("large.txt", &more)]);
    let tip: Mark = history.line_of_commits("refs/heads/main", 27..40, Some(changed));
    history.line_of_commits("refs/heads/side", 41..44, Some(side));
    history.line_of_commits("refs/heads/other-root", 0..3, None);
    history.commit("refs/heads/doomed", 45, &[tip], &[("doomed.txt", "soon unreachable\n")]);
    history.reference("refs/tags/light", fork);
    history.reference("refs/pull/1/head", side);
    history.reference("refs/notes/commits", fork);
    history.reference("refs/heads/feature/a", merge);
    history.reference("refs/heads/feature/a-b", main);
    history.annotated_tag("v1.0", merge);
    history.annotated_tag("v1.1", tip);
    history.annotated_tag("side-1", side);
    history
}

/// Pushes everything that a source has, and waits until both sides serve that and nothing else.
pub async fn push(pair: &Pair, repository: &Value, source: &Source) {
    source.push_to(&pair.upstream_url(repository));
    serves(&pair.upstream, repository, source).await;
    // Until the mirror has it, its upstream may answer in its place.
    pair.mirrored(repository).await;
    serves(&pair.mirror, repository, source).await;
}

/// Waits until a server serves a public repository as the source has it.
pub async fn serves(server: &Server, repository: &Value, source: &Source) {
    let (url, wanted) = (clone_url(server.base_url(), repository, None), source.references());
    eventually("the references of the source", || async {
        let output = git_output(source.path(), &["ls-remote", "--refs", url.as_str()]);
        let listed = String::from_utf8_lossy(&output.stdout).trim().replace('\t', " ");
        (output.status.success() && listed == wanted).then_some(())
    })
    .await;
}

/// A public repository with two branches on both sides; with what was pushed, and where the upstream keeps it.
pub async fn filled(pair: &Pair) -> (Value, Source, PathBuf) {
    let repository = pair.upstream.empty_repository(true).await;
    let source = short_history(&["refs/heads/main", "refs/heads/other"]).import();
    push(pair, &repository, &source).await;
    let folder = folder_with(&pair.upstream, &source.references()).await;
    (repository, source, folder)
}

/// Some commits that no other repository has, on these branches.
pub fn short_history(branches: &[&str]) -> History {
    let mut history = History::default();
    let root = history.commit(branches[0], 0, &[], &[("salt.txt", &unique())]);
    for (number, branch) in (1..).zip(branches) {
        history.commit(branch, number, &[root], &[("file.txt", branch)]);
    }
    history
}

/// The folder of the one repository of a server that has these references. Those of other tests come and go meanwhile.
pub async fn folder_with(server: &Server, references: &str) -> PathBuf {
    let has = |folder: &PathBuf| {
        let folder = folder.to_str().expect("temporary folders have plain names");
        let list = ["-C", folder, "for-each-ref", "--format=%(objectname) %(refname)"];
        let listed = git_output(Path::new("/"), &list);
        listed.status.success() && String::from_utf8_lossy(&listed.stdout).trim() == references
    };
    eventually("the server to keep it below its data directory", || async {
        let mut found = bare_repositories(&server.data());
        found.retain(&has);
        assert!(found.len() < 2, "two repositories have the same references: {found:?}");
        found.pop()
    })
    .await
}
