//! An upstream is lost and there is no backup: a mirror's repositories are the beginning of another one, as
//! `docs/recovery.md` has it.

use std::process::Command;

use crate::harness::{ADMIN_PASSWORD, Pair, Server, ServerOptions, bare_repositories, binary, git, said};

#[tokio::test]
async fn repositories_of_a_mirror_are_imported_into_a_new_upstream() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    checkout.commit("later.txt", "also at the mirror\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/later", "HEAD:refs/tags/v1"]);
    pair.mirrored(&repository).await;
    pair.upstream.kill();
    assert!(pair.mirror.terminate().success(), "{}", pair.mirror.log());

    let copies = bare_repositories(&pair.mirror.data());
    let [copy] = copies.as_slice() else { panic!("one repository is mirrored: {copies:?}") };
    let upstream = Server::upstream(ServerOptions::default());
    let key = upstream.new_project(false).await["key"].as_str().expect("is text").to_owned();
    let mut import = Command::new(binary());
    import.args(["repository", "import"]).arg(copy).args(["--project", &key, "--name", "engine"]);
    import.args(["--url", upstream.base()]).env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD);
    let imported = import.output().expect("the binary can be run");
    assert!(imported.status.success(), "{}", said(&imported));

    let mut url =
        upstream.base_url().join(&format!("scm/{}/engine.git", key.to_lowercase())).expect("a path");
    url.set_username("admin").expect("it has a host");
    url.set_password(Some(ADMIN_PASSWORD)).expect("it has a host");
    let shown = git(checkout.path(), &["ls-remote", "--refs", url.as_str()]);
    assert_eq!(shown, git(copy, &["for-each-ref", "--format=%(objectname)\t%(refname)"]));
    assert_eq!(shown.lines().count(), 3, "{shown}");
}
