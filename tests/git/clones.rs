//! Every kind of clone, by every git, in every protocol version.

use super::client_story::{Client, Steps};
use super::scene::scene;
use crate::harness::git_programs;

const CLONES: [Steps; 23] = [
    &["clone --quiet $URL copy"],
    &["clone --quiet --mirror $URL copy"],
    &["clone --quiet --single-branch --branch side $URL copy"],
    &["clone --quiet --no-tags $URL copy"],
    &["clone --quiet --single-branch --no-tags --branch feature/a $URL copy"],
    &["clone --quiet --branch v1.0 $URL copy"],
    &["clone --quiet --branch nowhere $URL copy"],
    &["clone --quiet --depth=1 $URL copy"],
    &["clone --quiet --depth=3 $URL copy"],
    &["clone --quiet --depth=3 --no-single-branch $URL copy"],
    &["clone --quiet --depth=1 --branch v1.0 $URL copy"],
    &["clone --quiet --shallow-since=2026-01-15 $URL copy"],
    &["clone --quiet --shallow-exclude=refs/tags/v1.0 $URL copy"],
    &["clone --quiet --filter=blob:none $URL copy"],
    &["clone --quiet --filter=blob:none --sparse $URL copy", "sparse-checkout set src/part-1"],
    &["clone --quiet --filter=blob:none --depth=1 $URL copy", "fetch --quiet --unshallow"],
    &["clone --quiet --filter=blob:limit=1k --no-checkout $URL copy"],
    &["clone --quiet --filter=tree:0 --bare $URL copy"],
    &["clone --quiet --filter=tree:0 $URL copy"],
    &["clone --quiet --filter=tree:2 --bare $URL copy"],
    &["clone --quiet --filter=object:type=tag --bare $URL copy"],
    &["clone --quiet --filter=combine:blob:limit=1k+tree:3 --bare $URL copy"],
    &["clone --quiet --filter=sparse:oid=main:spec --no-checkout $URL copy"],
];

async fn clone_in(protocol: u8) {
    let scene = scene().await;
    for program in git_programs() {
        let client = Client { program, protocol, names: &scene.names };
        // Version 1 is version 0 with one more line, so a part of the list is enough.
        for steps in CLONES.iter().step_by(if protocol == 1 { 4 } else { 1 }) {
            client.gets_the_same(&scene.mirror, steps);
        }
    }
}

#[tokio::test]
async fn every_clone_in_protocol_0_is_what_git_itself_gives() {
    clone_in(0).await;
}

#[tokio::test]
async fn every_clone_in_protocol_1_is_what_git_itself_gives() {
    clone_in(1).await;
}

#[tokio::test]
async fn every_clone_in_protocol_2_is_what_git_itself_gives() {
    clone_in(2).await;
}

#[tokio::test]
async fn clones_from_an_upstream_are_what_git_itself_gives() {
    let scene = scene().await;
    let client = Client { program: &git_programs()[0], protocol: 2, names: &scene.names };
    for steps in CLONES.iter().step_by(2) {
        client.gets_the_same(&scene.upstream, steps);
    }
    let client = Client { protocol: 0, ..client };
    for steps in CLONES.iter().step_by(5) {
        client.gets_the_same(&scene.upstream, steps);
    }
}
