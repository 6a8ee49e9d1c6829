//! A server ends between two of the renames by which references move together, or between the last and its record.

use std::fs;

use crate::harness::{
    Pair, Server, ServerOptions, bare_repositories, clone_url, eventually, git, git_output, refs_hash,
    replace_folder_by_file,
};

#[tokio::test]
async fn a_mirror_takes_back_what_has_moved_half_and_serves_it_without_its_upstream() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    let main = git(checkout.path(), &["rev-parse", "HEAD"]);
    let topic = checkout.commit("topic.txt", "a topic\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/topic"]);
    pair.mirrored(&repository).await;
    pair.upstream.kill_with_children();
    pair.mirror.kill_with_children();

    let place = bare_repositories(&pair.mirror.data()).pop().expect("a repository");
    // As it is before the second of two renames: both have lain in the file for all references.
    let note: String =
        ["main", "gone/x"].map(|name| format!("- {} refs/heads/{name}\n", topic.trim())).concat();
    fs::write(place.join("heliostat-moving-refs"), format!("{note}end\n")).expect("written");
    fs::create_dir_all(place.join("refs/heads")).expect("made");
    fs::write(place.join("refs/heads/main"), &topic).expect("written");
    pair.mirror.restart();

    let listed = git(checkout.path(), &["ls-remote", "--heads", pair.mirror_url(&repository).as_str()]);
    let expected = format!("{}\trefs/heads/main\n{}\trefs/heads/topic", main.trim(), topic.trim());
    assert_eq!(listed.trim(), expected);
}

#[tokio::test]
async fn a_mirror_serves_what_has_moved_and_was_not_recorded_without_its_upstream() {
    for is_newest in [true, false] {
        let mut pair = Pair::start().await;
        let (repository, checkout) = pair.pushed_repository(true).await;
        pair.mirrored(&repository).await;
        let main = git(checkout.path(), &["rev-parse", "HEAD"]);
        // From here on the mirror hears of pushes and cannot show them: neither in place nor beside it.
        let place = bare_repositories(&pair.mirror.data()).pop().expect("a repository");
        let lock = place.join("packed-refs.lock");
        fs::create_dir(&lock).expect("made");
        let drafts = pair.mirror.data().join("repositories/incoming");
        replace_folder_by_file(&drafts);

        checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/shown"]);
        let path = format!("/rest/mirroring/latest/repos/{}", repository["id"]);
        let newest = async || {
            let told = pair.admin().get(&path).await.expect(200).json();
            told["properties"]["generation"].as_i64().expect("a generation")
        };
        let shown = newest().await;
        if !is_newest {
            checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/later"]);
        }
        let known = newest().await;
        let at_mirror = pair.mirror_path(&format!("/repos/{}", repository["id"])).await;
        let here = eventually("the mirror to hear of what was pushed", || async {
            let told = pair.mirror_admin().get(&at_mirror).await.expect(200).json();
            (told["upstreamGeneration"].as_i64()? == known).then_some(told)
        })
        .await;
        assert!(here["generation"].as_i64() < Some(shown), "{here}");
        pair.upstream.kill_with_children();
        pair.mirror.kill_with_children();

        fs::remove_dir(&lock).expect("removed");
        fs::remove_file(&drafts).expect("removed");
        fs::create_dir(&drafts).expect("made");
        // As it is after the rename.
        git(&place, &["update-ref", "refs/heads/shown", main.trim()]);
        let note = format!("{shown} {}\n", refs_hash(&place));
        fs::write(place.join("heliostat-proven"), note).expect("written");
        pair.mirror.restart();

        let url = pair.mirror_url(&repository);
        let listed = eventually("the mirror to serve what it has", || async {
            let output = git_output(checkout.path(), &["ls-remote", "--heads", url.as_str()]);
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        })
        .await;
        let expected = ["main", "shown"].map(|name| format!("{}\trefs/heads/{name}", main.trim()));
        assert_eq!(listed.trim(), expected.join("\n"));
        let address = clone_url(pair.mirror.base_url(), &repository, None);
        let advertised = format!("{}/info/refs?service=git-upload-pack", address.path());
        let answer = pair.mirror.anonymous().get(&advertised).await;
        let fresh = answer.headers.get("heliostat-freshness").expect("says how fresh it is");
        let served = format!("served={shown};known={known}");
        assert!(fresh.to_str().is_ok_and(|fresh| fresh.ends_with(&served)), "{fresh:?}, not {served}");
    }
}

#[tokio::test]
async fn an_upstream_finishes_a_push_that_was_to_change_all_or_nothing_whatever_others_did_meanwhile() {
    for has_other in [false, true] {
        let mut upstream = Server::upstream(ServerOptions::default());
        let (repository, checkout) = upstream.pushed_repository(true).await;
        let url = upstream.admin_url(&repository);
        let old = git(checkout.path(), &["rev-parse", "HEAD"]);
        let new = checkout.commit("new.txt", "something new\n");
        // What the push has brought is there before any of its references.
        checkout.push(&url, &["HEAD:refs/heads/there", "HEAD~:refs/heads/topic"]);
        upstream.kill_with_children();

        let place = bare_repositories(&upstream.data()).pop().expect("a repository");
        let folder = place.join("heliostat-atomic-pushes");
        fs::create_dir_all(&folder).expect("made");
        let moved = |name: &str| format!("{} {} refs/heads/{name}\n", old.trim(), new.trim());
        fs::write(folder.join("x"), format!("{}{}end\n", moved("main"), moved("topic"))).expect("written");
        git(&place, &["update-ref", "refs/heads/main", new.trim(), old.trim()]);
        let mut names = vec!["main", "there", "topic"];
        if has_other {
            // It has ended, and is not recorded.
            git(&place, &["update-ref", "refs/heads/other", new.trim()]);
            names.insert(1, "other");
        }
        upstream.restart();

        let listed = git(checkout.path(), &["ls-remote", "--heads", url.as_str()]);
        let expected: Vec<_> =
            names.iter().map(|name| format!("{}\trefs/heads/{name}", new.trim())).collect();
        assert_eq!(listed.trim(), expected.join("\n"));
        // A push that goes on after that leaves no note.
        let newest = checkout.commit("newest.txt", "something newer\n");
        let push =
            ["push", "--quiet", "--atomic", url.as_str(), "HEAD:refs/heads/main", "HEAD:refs/heads/topic"];
        git(checkout.path(), &push);
        assert_eq!(fs::read_dir(&folder).expect("listable").count(), 0);
        let listed = git(checkout.path(), &["ls-remote", "--heads", url.as_str()]);
        assert_eq!(listed.matches(newest.trim()).count(), 2, "{listed}");
    }
}
