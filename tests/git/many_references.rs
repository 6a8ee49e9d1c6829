//! Repositories with very many references: listed alike, and a shallow fetch of one of them is not drowned in them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use super::client_story::{Client, Steps};
use super::scene::{Place, filled};
use crate::harness::{
    GitRequest, History, Pair, Source, clone_url, command_v2, eventually, git, git_programs, remove_folder,
};

/// What a large project has.
const LARGE: usize = 50_000;
/// What a very large one has.
const VERY_LARGE: usize = 200_000;

/// A few commits, and so many branches that name them.
fn with_branches(count: usize, salt: &str) -> Source {
    let mut history = History::default();
    let root = history.commit("refs/heads/main", 0, &[], &[("salt.txt", salt)]);
    history.line_of_commits("refs/heads/main", 1..10, Some(root));
    history.annotated_tag("v1.0", root);
    let source = history.import();
    let commits: Vec<String> = (0..10).map(|back| source.id(&format!("main~{back}"))).collect();
    let tag = source.id("v1.0");
    let mut packed =
        format!("# pack-refs with: peeled fully-peeled sorted \n{} refs/heads/main\n", commits[0]);
    for number in 0..count {
        writeln!(packed, "{} refs/heads/many/{number:06}", commits[number % 10])
            .expect("text can be added to");
    }
    writeln!(packed, "{tag} refs/tags/v1.0\n^{}", commits[9]).expect("text can be added to");
    fs::remove_dir_all(source.path().join("refs")).expect("they can be removed");
    fs::create_dir_all(source.path().join("refs/heads")).expect("a folder can be made");
    fs::write(source.path().join("packed-refs"), packed).expect("it can be written");
    source
}

#[tokio::test]
async fn references_by_the_hundred_thousand_are_listed_and_fetched() {
    let mut pair = Pair::start().await;
    let mut repositories = Vec::new();
    for count in [LARGE, VERY_LARGE] {
        let source = with_branches(count, &count.to_string());
        let (repository, _, folder) = filled(&pair).await;
        repositories.push((repository, source, folder));
    }
    // They come at once, as if the upstream had been restored from a backup.
    pair.upstream.kill_with_children();
    for (_, source, folder) in &repositories {
        remove_folder(folder);
        git(
            folder.parent().expect("has one"),
            &["clone", "--quiet", "--mirror", &text(source.path()), &text(folder)],
        );
    }
    pair.upstream.restart();
    let [(large, large_source, _), (very_large, very_large_source, _)] = &repositories[..] else {
        unreachable!("there are two");
    };
    let main = large_source.id("main");
    let url = clone_url(pair.mirror.base_url(), large, None);
    eventually("the references on the mirror", || async {
        let listed = git(large_source.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
        listed.starts_with(&main).then_some(())
    })
    .await;
    pair.mirrored(large).await;
    let place = Place::of(&pair.mirror, large, &large_source.references()).await;
    reads_alike(&place, &[2, 0]).await;
    // A full clone asks for as many things as there are commits.
    let folder = tempfile::tempdir().expect("a folder can be made");
    git(folder.path(), &["clone", "--quiet", "--mirror", url.as_str(), "copy"]);
    let copied = git(&folder.path().join("copy"), &["for-each-ref", "--format=%(objectname) %(refname)"]);
    assert!(copied == large_source.references(), "the clone has other references");

    let place = Place::of(&pair.upstream, very_large, &very_large_source.references()).await;
    reads_alike(&place, &[2]).await;
}

/// The lists are the same to the byte, and a shallow clone and fetch end in the same way.
async fn reads_alike(place: &Place, protocols: &[u8]) {
    for arguments in [&["peel", "symrefs", "unborn"][..], &["ref-prefix refs/heads/many/00001"]] {
        let request = GitRequest::exchange("version=2", command_v2("ls-refs", arguments));
        let (ours, theirs) = (request.send(&place.url).await, request.send(&place.judge).await);
        assert_eq!(ours.status, 200);
        assert!(ours.body == theirs.body, "the lists differ: {arguments:?}");
    }
    let names = BTreeMap::new();
    let steps: Steps =
        &["clone --quiet --depth=1 $URL copy", "fetch --quiet --depth=1 origin refs/heads/many/000007"];
    for protocol in protocols {
        let client = Client { program: &git_programs()[0], protocol: *protocol, names: &names };
        client.gets_the_same(place, steps);
    }
}

fn text(path: &std::path::Path) -> String {
    path.to_str().expect("temporary folders have plain names").to_owned()
}
