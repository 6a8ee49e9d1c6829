//! What users of a mirror notice while its upstream is away, or its clock is: nothing, if the mirror knows them.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::harness::{
    Identity, Pair, ServerOptions, UpstreamByHand, clone_url, eventually, git, git_fails, git_output,
    repository_path, unique,
};

/// Much less than a question to an upstream that does not answer takes.
const AT_ONCE: Duration = Duration::from_secs(5);
const SERVERS: &str = "/rest/mirroring/latest/upstreamServers";

#[tokio::test]
async fn a_mirror_restarted_while_its_upstream_hangs_serves_whom_it_knows_and_waits_once() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let mut urls = Vec::new();
    for _ in 0..3 {
        let user = pair.upstream.user_on_repository(&repository, "REPO_READ").await;
        let Identity::User(name, password) = user else { unreachable!("has a password") };
        let grant = format!("{}/permissions/users?name={name}", repository_path(&repository));
        let url = clone_url(pair.mirror.base_url(), &repository, Some((&name, &password)));
        urls.push((url, grant, format!("credential.helper=!echo password={password}; false")));
    }
    let [(known, _, helper), (revoked, grant, _), (unknown, _, _)] = &urls[..] else {
        unreachable!("three users")
    };
    for url in [known, revoked] {
        git(checkout.path(), &["ls-remote", url.as_str()]);
    }
    pair.mirror.terminate();
    pair.mirror.restart();
    pair.admin().delete(grant).await.expect(204);
    eventually("the revocation to reach the mirror", || async {
        (!git_output(checkout.path(), &["ls-remote", revoked.as_str()]).status.success()).then_some(())
    })
    .await;
    for name in ["access-decisions", "access-decisions.key"] {
        let file = std::fs::metadata(pair.mirror.data().join(name)).expect("decisions are kept");
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
    }

    pair.upstream.hang();
    pair.mirror.terminate();
    pair.mirror.restart();
    git(checkout.path(), &["ls-remote", known.as_str()]);
    // With a name in the address, git shows the name alone before it asks for the password.
    let mut named = known.clone();
    named.set_password(None).expect("http URLs have passwords");
    git(checkout.path(), &["-c", helper, "ls-remote", named.as_str()]);
    // A busy machine may take long for some of the rounds. Where the upstream is waited for, each takes longer.
    eventually("a round in which no client waits", || async {
        let mut other = unknown.clone();
        other.set_username(&format!("user-{}", unique())).expect("http URLs have users");
        let began = Instant::now();
        git(checkout.path(), &["ls-remote", known.as_str()]);
        for url in [revoked, unknown, &other] {
            let refusal = git_fails(checkout.path(), &["ls-remote", url.as_str()]);
            assert!(refusal.contains("cannot be reached") || refusal.contains("not found"), "{refusal}");
        }
        (began.elapsed() < AT_ONCE).then_some(())
    })
    .await;

    pair.upstream.go_on();
    eventually("the mirror to ask again", || async {
        git_output(checkout.path(), &["ls-remote", unknown.as_str()]).status.success().then_some(())
    })
    .await;
    git_fails(checkout.path(), &["ls-remote", revoked.as_str()]);
}

#[tokio::test]
async fn clocks_that_differ_lock_out_no_known_user_and_who_installs_is_told_that_it_is_the_clock() {
    let mut upstream = UpstreamByHand::start().await;
    upstream.set_clock_wrong(true);
    let event = upstream.installed_event(&upstream.secret);
    let refused = upstream.mirror.anonymous().post(&upstream.path("/addon/installed"), &event).await;
    assert!(refused.text.contains("the clocks differ by 300 s"), "{refused:?}");
    refused.refused(401);
    upstream.set_clock_wrong(false);
    upstream.install().await;
    upstream.first_look().await;
    upstream.mirror.client(&upstream.user()).get(SERVERS).await.promised(200);

    upstream.set_clock_wrong(true);
    // What an earlier process was told is never fresh.
    upstream.mirror.terminate();
    upstream.mirror.restart();
    upstream.mirror.client(&upstream.user()).get(SERVERS).await.promised(200);
    let refused = upstream.mirror.client(&upstream.plain_user()).get(SERVERS).await;
    assert!(refused.text.contains("the clocks differ by 300 s"), "{refused:?}");
    refused.refused(503);
}

#[tokio::test]
async fn where_nothing_stale_is_served_no_user_is_served_without_the_upstreams_word() {
    let arguments = ["--serve-stale", "0s"].map(str::to_owned).to_vec();
    let options = ServerOptions { arguments, ..ServerOptions::default() };
    let upstream = UpstreamByHand::start_installed_with(options).await;
    let client = upstream.mirror.client(&upstream.user());
    client.get(SERVERS).await.promised(200);
    upstream.set_away(true);
    client.get(SERVERS).await.refused(503);
    upstream.set_away(false);
    eventually("the mirror to ask again", || async {
        (client.get(SERVERS).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn where_nothing_stale_is_served_no_user_has_git_without_the_upstreams_word() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let user = pair.upstream.user_on_repository(&repository, "REPO_READ").await;
    let Identity::User(name, password) = user else { unreachable!("has a password") };
    pair.mirror.restart_with(&["--serve-stale", "0s"]);
    let url = clone_url(pair.mirror.base_url(), &repository, Some((&name, &password)));
    let listed = || git_output(checkout.path(), &["ls-remote", url.as_str()]).status.success();
    eventually("what may be read", || async { listed().then_some(()) }).await;
    pair.upstream.kill();
    // A decision of a moment ago is not stale yet.
    eventually("a refusal", || async { (!listed()).then_some(()) }).await;
    let folder = checkout.path().join(unique());
    git_fails(checkout.path(), &["clone", "--quiet", url.as_str(), &folder.display().to_string()]);
    pair.upstream.restart();
    eventually("what may be read again", || async { listed().then_some(()) }).await;
}
