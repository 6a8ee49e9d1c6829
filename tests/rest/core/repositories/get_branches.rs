//! GET .../repos/{repositorySlug}/branches: the branches by name.

use serde_json::json;

use crate::harness::{Attempt, Identity, git, repository_path, shared_joined_by_hand, walk};

#[tokio::test]
async fn behaviour_lists_the_branches_by_name_and_finds_a_part_of_it() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let first = git(checkout.path(), &["rev-parse", "HEAD"]);
    let second = checkout.commit("second.txt", "second\n");
    let refs = ["HEAD:refs/heads/Feature/x", "HEAD:refs/heads/a", "HEAD:refs/tags/v1"];
    checkout.push(&upstream.admin_url(&repository), &refs);

    let path = format!("{}/branches", repository_path(&repository));
    let listed = walk(&upstream.admin(), &path, 2).await;
    let branch = |name: &str, commit: &str, is_default: bool| {
        json!({"id": format!("refs/heads/{name}"), "displayId": name, "type": "BRANCH",
            "latestCommit": commit, "latestChangeset": commit, "default": is_default, "isDefault": is_default})
    };
    let expected =
        [branch("Feature/x", &second, false), branch("a", &second, false), branch("main", &first, true)];
    assert_eq!(listed, expected);
    let found = upstream.admin().get(&format!("{path}?filterText=FEATURE")).await.promised(200);
    assert_eq!(found["values"], json!([expected[0]]));
    let none = upstream.admin().get(&format!("{path}?filterText=nothing")).await.promised(200);
    assert_eq!((&none["values"], &none["isLastPage"]), (&json!([]), &json!(true)));
}

#[tokio::test]
async fn behaviour_sorts_by_age_and_puts_better_matches_first() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let tree = git(checkout.path(), &["rev-parse", "HEAD^{tree}"]);
    let commit_of = |seconds: u64| {
        let person = format!("Ada <ada@example.com> {seconds} +0000");
        let text = format!("tree {tree}\nauthor {person}\ncommitter {person}\n\nat {seconds}\n");
        let file = checkout.path().join(".git/commit-text");
        std::fs::write(&file, text).expect("a file can be written");
        git(checkout.path(), &["hash-object", "-t", "commit", "-w", ".git/commit-text"])
    };
    // The commit of `main` lies between the two.
    let (old, new) = (commit_of(1_000_000_000), commit_of(2_000_000_000));
    let old = format!("{old}:refs/heads/b/feature");
    let new = format!("{new}:refs/heads/featured");
    checkout.push(&upstream.admin_url(&repository), &[&old, &new, "HEAD:refs/heads/feature"]);

    let path = format!("{}/branches", repository_path(&repository));
    let names = |query: &'static str| {
        let path = format!("{path}?{query}");
        async move {
            let page = upstream.admin().get(&path).await.promised(200);
            let names = page["values"].as_array().expect("a list").iter();
            names.map(|branch| branch["displayId"].as_str().expect("is text").to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(names("orderBy=ALPHABETICAL").await, ["b/feature", "feature", "featured", "main"]);
    assert_eq!(names("orderBy=MODIFICATION").await, ["featured", "feature", "main", "b/feature"]);
    assert_eq!(names("orderBy=MODIFICATION&limit=1&start=3").await, ["b/feature"]);
    assert_eq!(names("filterText=Feature&boostMatches=True").await, ["feature", "featured", "b/feature"]);
    let both = "filterText=feature&boostMatches=true&orderBy=MODIFICATION&details=True&base=refs/heads/main";
    assert_eq!(names(both).await, ["feature", "featured", "b/feature"]);
    assert_eq!(names("filterText=feature&boostMatches=False").await, ["b/feature", "feature", "featured"]);
    for wrong in ["orderBy=AGE", "boostMatches=yes"] {
        upstream.admin().get(&format!("{path}?{wrong}")).await.refused(400);
    }
}

#[tokio::test]
async fn behaviour_an_empty_repository_has_none() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let path = repository_path(&repository);
    let page = upstream.admin().get(&format!("{path}/branches")).await.promised(200);
    assert_eq!(page, json!({"values": [], "size": 0, "limit": 25, "start": 0, "isLastPage": true}));
    upstream.admin().get(&format!("{path}-unknown/branches")).await.refused(404);
}

#[tokio::test]
async fn authorisation_who_may_read_the_repository() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let call = Attempt::get(upstream, format!("{}/branches", repository_path(&repository)));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 200).await;
    call.by(&Identity::admin(), 200).await;
    let public = upstream.empty_repository(true).await;
    let call = Attempt::get(upstream, format!("{}/branches", repository_path(&public)));
    call.by(&Identity::Anonymous, 200).await;
}
