//! Fetches into a repository that has something already, or wants something particular; by every git, in every version.

use super::client_story::{Client, Steps};
use super::scene::scene;
use crate::harness::git_programs;

const FETCHES: [Steps; 26] = [
    // What there is.
    &["init --quiet --bare copy", "ls-remote $URL"],
    &["init --quiet --bare copy", "ls-remote --symref $URL HEAD", "ls-remote --heads $URL feature/*"],
    &["init --quiet --bare copy", "ls-remote --tags $URL", "ls-remote --refs $URL refs/pull/*"],
    // Shallow histories that grow and shrink.
    &["clone --quiet --depth=1 $URL copy", "fetch --quiet --deepen=3", "fetch --quiet --unshallow"],
    &["clone --quiet --depth=1 $URL copy", "fetch --quiet --depth=2", "fetch --quiet --depth=20"],
    &["clone --quiet --depth=1 $URL copy", "fetch --quiet --shallow-since=2026-01-20"],
    &["clone --quiet --depth=1 $URL copy", "fetch --quiet --shallow-exclude=refs/tags/v1.0"],
    &["clone --quiet --depth=1 $URL copy", "fetch --quiet origin side:refs/remotes/origin/side"],
    &["clone --quiet $URL copy", "fetch --quiet --depth=1", "fetch --quiet --deepen=1000"],
    // Later than the first time.
    &[
        "init --quiet --bare copy",
        "fetch --quiet $URL $OLDER:refs/heads/main",
        "fetch --quiet $URL +refs/heads/*:refs/heads/*",
        "fetch --quiet $URL +refs/heads/*:refs/heads/*",
    ],
    &[
        "init --quiet --bare copy",
        "fetch --quiet --no-tags $URL $OLDER:refs/heads/main",
        "fetch --quiet --no-tags --depth=2 $URL +refs/heads/*:refs/heads/*",
    ],
    &["clone --quiet --bare --filter=blob:none $URL copy", "fetch --quiet --refetch origin"],
    &["clone --quiet $URL copy", "fetch --negotiate-only --negotiation-tip=HEAD origin"],
    // Tags, which arrive with the commits that they name, or not.
    &["init --quiet --bare copy", "fetch --quiet $URL refs/heads/side:refs/heads/side", "tag --list"],
    &["init --quiet --bare copy", "fetch --quiet --no-tags $URL refs/heads/side:refs/heads/side"],
    &["init --quiet --bare copy", "fetch --quiet --tags $URL"],
    &["init --quiet --bare copy", "fetch --quiet $URL refs/tags/nested:refs/tags/nested"],
    // By their ids.
    &["init --quiet --bare copy", "fetch --quiet $URL $TIP:refs/heads/got"],
    &["init --quiet --bare copy", "fetch --quiet $URL $OLDER:refs/heads/got"],
    &["init --quiet --bare copy", "fetch --quiet --depth=1 $URL $OLDER:refs/heads/got"],
    &["init --quiet --bare copy", "fetch --quiet $URL $TAG:refs/tags/got"],
    &["init --quiet --bare copy", "fetch --quiet $URL $TREE:refs/got/tree"],
    &["init --quiet --bare copy", "fetch --quiet $URL $BLOB:refs/got/blob"],
    &["init --quiet --bare copy", "fetch --quiet --no-tags $URL $UNREACHABLE:refs/heads/got"],
    &["init --quiet --bare copy", "fetch --quiet --depth=1 $URL $UNREACHABLE:refs/heads/got"],
    &["init --quiet --bare copy", "fetch --quiet $URL $MISSING:refs/heads/got"],
];

async fn fetch_in(protocol: u8) {
    let scene = scene().await;
    for program in git_programs() {
        let client = Client { program, protocol, names: &scene.names };
        // Version 1 is version 0 with one more line, so a part of the list is enough.
        for steps in FETCHES.iter().step_by(if protocol == 1 { 4 } else { 1 }) {
            client.gets_the_same(&scene.mirror, steps);
        }
    }
}

#[tokio::test]
async fn every_fetch_in_protocol_0_is_what_git_itself_gives() {
    fetch_in(0).await;
}

#[tokio::test]
async fn every_fetch_in_protocol_1_is_what_git_itself_gives() {
    fetch_in(1).await;
}

#[tokio::test]
async fn every_fetch_in_protocol_2_is_what_git_itself_gives() {
    fetch_in(2).await;
}

#[tokio::test]
async fn fetches_from_an_upstream_are_what_git_itself_gives() {
    let scene = scene().await;
    let client = Client { program: &git_programs()[0], protocol: 2, names: &scene.names };
    for steps in FETCHES.iter().step_by(2) {
        client.gets_the_same(&scene.upstream, steps);
    }
}
