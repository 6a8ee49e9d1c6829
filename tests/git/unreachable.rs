//! What no reference leads to is given to no client, whatever it is and however it is asked for; only what a reference
//! named before it was moved is given for a while longer, to builds that began with it.

use url::Url;

use crate::harness::{
    Checkout, GitRequest, Pair, Server, ServerOptions, command_v2, eventually, git, git_output, shared_pair,
};

/// A commit with a file that no other commit has, by the ids of the three.
struct Secret {
    commit: String,
    tree: String,
    file: String,
}

impl Secret {
    /// Commits it on a new branch, and pushes that.
    fn pushed(checkout: &Checkout, url: &Url, branch: &str) -> Self {
        git(checkout.path(), &["checkout", "--quiet", "-b", branch, "main"]);
        let commit = checkout.commit("secret.txt", &format!("a password on {branch}\n"));
        checkout.push(url, &[branch]);
        let id = |name: &str| git(checkout.path(), &["rev-parse", name]);
        Self { commit, tree: id("HEAD^{tree}"), file: id("HEAD:secret.txt") }
    }

    /// The ids that a place gives what they name, when it is asked as clients of this version ask.
    fn given_by(&self, place: &Url, protocol: u8) -> Vec<&str> {
        let ids = [&self.commit, &self.tree, &self.file].map(String::as_str);
        ids.into_iter().filter(|id| gives(place, protocol, id)).collect()
    }

    /// What a place says about the size of the file.
    async fn size_told_by(&self, place: &Url) -> String {
        let lines = ["size".to_owned(), format!("oid {}", self.file)];
        let request = GitRequest::exchange("version=2", command_v2("object-info", &lines));
        let told = request.send(place).await.taken_apart().told;
        let about_it = told.iter().find_map(|line| line.strip_prefix(&self.file)?.strip_prefix(' '));
        about_it.unwrap_or_else(|| panic!("{place}: {told:?}")).trim_end().to_owned()
    }
}

fn gives(place: &Url, protocol: u8, id: &str) -> bool {
    let copy = tempfile::tempdir().expect("a folder can be made");
    git(copy.path(), &["init", "--quiet", "--bare"]);
    let version = format!("protocol.version={protocol}");
    let output = git_output(copy.path(), &["-c", &version, "fetch", "--quiet", place.as_str(), id]);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() || complaint.contains("not our ref"), "{complaint}");
    output.status.success()
}

async fn shows(place: &Url, reference: &str, id: Option<&str>) {
    eventually("the reference as it was pushed", || async {
        let output = git_output(std::path::Path::new("."), &["ls-remote", place.as_str(), reference]);
        let listed = String::from_utf8_lossy(&output.stdout).split_whitespace().next().map(str::to_owned);
        (output.status.success() && listed.as_deref() == id).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_was_deleted_is_given_by_no_server_in_no_version() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    let url = pair.upstream_url(&repository);
    let secret = Secret::pushed(&checkout, &url, "oops");
    let places = [&pair.upstream, &pair.mirror].map(|server: &Server| anonymous(server, &repository));
    pair.mirrored(&repository).await;
    for place in &places {
        shows(place, "refs/heads/oops", Some(&secret.commit)).await;
        assert_eq!(secret.given_by(place, 2).len(), 3, "while the branch is there, any reader may have it");
    }
    checkout.push(&url, &[":oops"]);
    pair.mirrored(&repository).await;
    for place in &places {
        shows(place, "refs/heads/oops", None).await;
        for protocol in [0, 2] {
            assert_eq!(secret.given_by(place, protocol), Vec::<&str>::new(), "{place} in {protocol}");
        }
        assert_eq!(secret.size_told_by(place).await, "", "its size is not told either by {place}");
    }
}

#[tokio::test]
async fn a_mirror_has_the_size_told_of_what_only_its_upstream_has() {
    let upstream = Server::upstream(ServerOptions::default());
    let (repository, checkout) = upstream.pushed_repository(true).await;
    let url = upstream.admin_url(&repository);
    let secret = Secret::pushed(&checkout, &url, "topic");
    checkout.push(&url, &["main:topic"]);
    let mirror = Server::mirror(upstream.base_url(), "Saigon", ServerOptions::default());
    let mut pair = Pair { upstream, mirror };
    pair.join("Saigon").await;
    pair.mirrored(&repository).await;
    let place = anonymous(&pair.mirror, &repository);
    assert_eq!(secret.size_told_by(&place).await, "a password on topic\n".len().to_string());
    pair.upstream.kill();
    assert_eq!(secret.size_told_by(&place).await, "", "it is nowhere to be asked");
}

#[tokio::test]
async fn what_a_branch_was_moved_from_is_given_for_a_while_and_not_when_it_is_gone() {
    let keeps_none = || {
        let arguments = vec!["--keep-unreachable".to_owned(), "0s".to_owned()];
        ServerOptions { arguments, ..ServerOptions::default() }
    };
    let strict = Pair::start_with(keeps_none(), keeps_none()).await;
    for (pair, given) in [(shared_pair().await, 3), (&strict, 0)] {
        let (repository, checkout) = pair.pushed_repository(true).await;
        let url = pair.upstream_url(&repository);
        let secret = Secret::pushed(&checkout, &url, "topic");
        let main = git(checkout.path(), &["rev-parse", "main"]);
        let places = [&pair.upstream, &pair.mirror].map(|server: &Server| anonymous(server, &repository));
        // Else the mirror may be shown what its upstream says, and itself never have had it.
        pair.mirrored(&repository).await;
        for place in &places {
            shows(place, "refs/heads/topic", Some(&secret.commit)).await;
        }
        checkout.push(&url, &["main:topic"]);
        pair.mirrored(&repository).await;
        for place in &places {
            shows(place, "refs/heads/topic", Some(&main)).await;
            assert_eq!(secret.given_by(place, 2).len(), given, "{place}");
        }
        checkout.push(&url, &[":topic"]);
        pair.mirrored(&repository).await;
        for place in &places {
            shows(place, "refs/heads/topic", None).await;
            assert_eq!(secret.given_by(place, 2).len(), 0, "{place}");
        }
    }
}

fn anonymous(server: &Server, repository: &serde_json::Value) -> Url {
    crate::harness::clone_url(server.base_url(), repository, None)
}
