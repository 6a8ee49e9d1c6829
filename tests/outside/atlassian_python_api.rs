//! A Python library for Bitbucket, unchanged, administers an upstream and reads its mirrors.
//!
//! `atlassian_python_api/story.py` tells the story with the library; the push in the middle of it is real git.

use std::path::Path;

use crate::harness::{ADMIN_PASSWORD, Checkout, git, must_succeed, shared_pair, tool, unique};

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn the_library_administers_an_upstream() {
    let pair = shared_pair().await;
    let key = format!("PY{}", unique().to_uppercase());
    let base = pair.upstream.base();
    let run = |chapter: &str, further: &[&str]| tell(base, chapter, &key, further);
    run("create", &[]);
    let repository = pair.admin().get(&format!("/rest/api/latest/projects/{key}/repos/lenses")).await;
    let repository = repository.promised(200);

    let checkout = Checkout::new();
    checkout.commit("second.txt", "second\n");
    checkout.push(
        &pair.upstream_url(&repository),
        &["HEAD:refs/heads/main", "HEAD~1:refs/heads/feature/one", "HEAD~1:refs/heads/old"],
    );
    pair.mirrored(&repository).await;
    let commits = ["HEAD", "HEAD~1"].map(|name| git(checkout.path(), &["rev-parse", name]));
    run("branches", &[&commits[0], &commits[1]]);
    let left = git(checkout.path(), &["ls-remote", "--heads", pair.upstream_url(&repository).as_str()]);
    let names: Vec<_> = left.lines().filter_map(|line| line.split_once('\t')).map(|(_, name)| name).collect();
    assert_eq!(names, ["refs/heads/feature/one", "refs/heads/main", "refs/heads/release"]);

    let user = pair.new_user().await;
    run("permissions", &[user.name()]);
    run("mirrors", &["Saigon", pair.mirror.base(), &repository["id"].to_string()]);
    run("remove", &[]);
    pair.admin().get(&format!("/rest/api/latest/projects/{key}")).await.refused(404);
}

/// Tells one chapter; the password goes by the environment.
fn tell(base: &str, chapter: &str, key: &str, further: &[&str]) {
    let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("outside/atlassian_python_api/story.py");
    let mut command = tool("python3");
    command.arg(story).args([chapter, key]).args(further);
    command.env("HELIOSTAT_URL", base).env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD);
    must_succeed(&format!("atlassian-python-api-{chapter}"), command);
}
