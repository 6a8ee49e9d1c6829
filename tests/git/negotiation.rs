//! Clients with long histories of their own: they say what they have in several rounds, in bodies that git packs.

use super::client_story::{Client, Steps};
use super::scene::{Place, push};
use crate::harness::{History, git_programs, judged_fetches, shared_pair};

/// Commits that only the client has, on each of its branches.
const OWN_COMMITS: u64 = 150;
/// Branches of the client.
const BRANCHES: u64 = 4;

/// A common past, and from there what the upstream went on to do.
fn upstream_history() -> History {
    let mut history = History::default();
    let common = history.line_of_commits("refs/heads/main", 0..60, None);
    history.reference("refs/heads/common", common);
    history.line_of_commits("refs/heads/main", 60..100, Some(common));
    history.line_of_commits("refs/heads/side", 60..90, Some(common));
    history
}

/// The common past, and from there what the client did meanwhile, later than anything upstream.
fn client_history() -> History {
    let mut history = History::default();
    let common = history.line_of_commits("refs/heads/main", 0..60, None);
    for branch in 0..BRANCHES {
        let name = format!("refs/heads/own-{branch}");
        history.line_of_commits(&name, 200..200 + OWN_COMMITS, Some(common));
    }
    history
}

#[tokio::test]
async fn a_client_with_hundreds_of_commits_of_its_own_finds_the_common_past() {
    let pair = shared_pair().await;
    let (source, own) = (upstream_history().import(), client_history().import());
    assert_eq!(source.id("refs/heads/common"), own.id("refs/heads/main"), "the past is common");
    let repository = pair.upstream.empty_repository(true).await;
    push(pair, &repository, &source).await;
    let place = Place::of(&pair.mirror, &repository, &source.references()).await;

    let own_folder = own.path().to_str().expect("temporary folders have plain names").to_owned();
    let names = std::collections::BTreeMap::from([("$OWN", own_folder)]);
    let stories: [Steps; 3] = [
        &["clone --quiet --mirror $OWN copy", "fetch --quiet $URL refs/heads/*:refs/theirs/*"],
        &[
            "clone --quiet --mirror $OWN copy",
            "fetch --quiet --depth=5 $URL refs/heads/main:refs/theirs/main",
        ],
        &[
            "clone --quiet --mirror $OWN copy",
            "-c fetch.negotiationAlgorithm=skipping fetch --quiet $URL refs/heads/main:refs/theirs/main",
        ],
    ];
    for program in git_programs() {
        for protocol in [0, 2] {
            let client = Client { program, protocol, names: &names };
            let before = judged_fetches(&place.folder).len();
            client.gets_the_same(&place, stories[0]);
            // That is what it is about: several rounds, and bodies that are packed. Version 2 asks for refs first.
            let asked = judged_fetches(&place.folder).split_off(before);
            let rounds = if protocol == 2 { asked.len() - 1 } else { asked.len() };
            assert!(rounds >= 3, "{} in protocol {protocol}: {rounds} rounds", program.version);
            assert!(asked.iter().any(|request| request.is_gzip()), "{}", program.version);
            for steps in &stories[1..] {
                client.gets_the_same(&place, steps);
            }
        }
    }
}
