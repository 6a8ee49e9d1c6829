//! Selecting projects: what leaves the selection stops being served at once, and comes back when it is selected again.

use std::process::Command;

use crate::harness::{ADMIN_PASSWORD, Pair, binary, eventually, said};
use serde_json::json;

#[tokio::test]
async fn a_mirror_can_be_narrowed_to_projects_and_widened_again() {
    let pair = Pair::start().await;
    let (kept, _) = pair.pushed_repository(false).await;
    let (dropped, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&kept).await;
    pair.mirrored(&dropped).await;
    let upstream = pair.upstream_id().await;
    let settings = format!("/rest/mirroring/latest/upstreamServers/{upstream}/settings");

    let project = kept["project"]["id"].to_string();
    let body = json!({"mode": "SELECTED_PROJECTS", "projectIds": [project]});
    let answer = pair.mirror_admin().put(&settings, &body).await.expect(200).json();
    assert_eq!(answer["projectIds"], json!([project]));
    let mut show = Command::new(binary());
    show.args(["mirror", "settings", "show", "--mirror-url", pair.mirror.base()]);
    let shown = show.env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD).output().expect("the binary can be run");
    let key = kept["project"]["key"].as_str().expect("a project has a key");
    assert!(said(&shown).contains(key), "people know projects by their keys: {}", said(&shown));
    let url = pair.mirror_url(&dropped);
    crate::harness::git_fails(checkout.path(), &["ls-remote", url.as_str()]);
    crate::harness::git(checkout.path(), &["ls-remote", pair.mirror_url(&kept).as_str()]);
    let trash = pair.mirror.data().join("repositories/trash");
    let in_trash = || std::fs::read_dir(&trash).expect("a folder").count();
    eventually("the repository in the trash", || async { (in_trash() == 1).then_some(()) }).await;
    checkout.commit("meanwhile", "at the upstream");
    checkout.push(&pair.upstream_url(&dropped), &["HEAD:refs/heads/main"]);

    pair.mirror_admin().put(&format!("{settings}/mode"), &json!("ALL_PROJECTS")).await.expect(200);
    eventually("the project to come back", || async {
        crate::harness::git_output(checkout.path(), &["ls-remote", url.as_str()])
            .status
            .success()
            .then_some(())
    })
    .await;
    // Until it is here again, the upstream answers in the mirror's place.
    pair.mirrored(&dropped).await;
    assert_eq!(in_trash(), 0, "it was fetched in full");
    eventually("the log to tell where it came from", || async {
        pair.mirror.log().contains("out of the trash").then_some(())
    })
    .await;
    let [here, there] = [url, pair.upstream_url(&dropped)]
        .map(|url| crate::harness::git(checkout.path(), &["ls-remote", url.as_str()]));
    assert_eq!(here, there);
}
