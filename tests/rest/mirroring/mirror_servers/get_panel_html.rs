//! GET /mirrorServers/{mirrorId}/webPanels/config: the settings of a mirror as a page.

use crate::harness::{Attempt, Identity, shared_pair};

const PATH: &str = "/rest/mirroring/latest/mirrorServers";

#[tokio::test]
async fn behaviour_is_a_page_that_names_the_mirror_and_the_projects() {
    let pair = shared_pair().await;
    let project = pair.new_project(false).await;
    let path = format!("{PATH}/{}/webPanels/config", pair.mirror_id().await);
    let answer = pair.admin().get(&path).await;
    assert_eq!(answer.media_type(), "text/html");
    let page = answer.text.clone();
    answer.promised(200);
    assert!(page.trim_start().to_lowercase().starts_with("<!doctype html>"), "{page}");
    assert!(page.contains("Saigon") && page.contains(pair.mirror.base()), "{page}");
    assert!(page.contains(project["key"].as_str().expect("is text")), "{page}");
    pair.admin().get(&format!("{PATH}/AAAA-AAAA-AAAA-AAAA/webPanels/config")).await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators() {
    let pair = shared_pair().await;
    let call = Attempt::get(&pair.upstream, format!("{PATH}/{}/webPanels/config", pair.mirror_id().await));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&pair.new_user().await, 403).await;
    call.by(&pair.upstream.user_with("PROJECT_CREATE").await, 403).await;
    call.by(&pair.upstream.user_with("ADMIN").await, 200).await;
    call.by(&Identity::admin(), 200).await;
}
