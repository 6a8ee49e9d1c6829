//! PUT /mirrorServers/{mirrorId}: a new version or address of a mirror.

use serde_json::{Value, json};

use crate::harness::{Attempt, Identity, eventually, start_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/mirrorServers";

fn without_date(mut mirror: Value) -> Value {
    mirror.as_object_mut().expect("is an object").remove("lastSeenDate");
    mirror
}

#[tokio::test]
async fn behaviour_what_is_left_out_stays() {
    let joined = start_joined_by_hand().await;
    let path = format!("{PATH}/{}", joined.mirror_id);
    let admin = joined.upstream.admin();
    let mut expected = without_date(admin.get(&path).await.promised(200));
    let itself = joined.upstream.client(&joined.identity());
    let newer = itself.put(&path, &json!({"productVersion": "9.9.9"})).await.promised(200);
    expected["productVersion"] = json!("9.9.9");
    assert_eq!(without_date(newer), expected);

    let repository = joined.upstream.empty_repository(false).await;
    eventually("the mirror to have been told, as it cannot be once it has moved", || async {
        let standing = admin.get(&format!("{path}/standing")).await.promised(200);
        (standing["pendingEvents"] == 0).then_some(())
    })
    .await;
    let moved = json!({"baseUrl": "http://127.0.0.1:10001/mirror/", "productType": "Other"});
    itself.put(&path, &moved).await.promised(200);
    // Only what has moved is told: the version before was none of that.
    let log = eventually("the move in the log", || async {
        Some(joined.upstream.log()).filter(|log| log.contains("a mirror has moved"))
    })
    .await;
    let told: Vec<_> = log.lines().filter(|line| line.contains("a mirror has moved")).collect();
    assert!(told.len() == 1 && told[0].contains("http://127.0.0.1:10001/mirror"), "{log}");
    expected["baseUrl"] = json!("http://127.0.0.1:10001/mirror");
    expected["productType"] = json!("Other");
    assert_eq!(without_date(admin.get(&path).await.promised(200)), expected);
    let path = format!("/rest/mirroring/latest/repos/{}/mirrors", repository["id"]);
    let links = admin.get(&path).await.promised(200);
    let link = links["values"][0]["links"]["self"][0]["href"].as_str().expect("is text");
    assert!(link.starts_with("http://127.0.0.1:10001/mirror/rest/mirroring/latest/"), "{link}");
}

#[tokio::test]
async fn behaviour_what_is_wrong_changes_nothing() {
    let joined = start_joined_by_hand().await;
    let (_, second) = joined.another("Second").await;
    let path = format!("{PATH}/{}", joined.mirror_id);
    let itself = joined.upstream.client(&joined.identity());
    let before = without_date(joined.upstream.admin().get(&path).await.promised(200));
    let error = itself.put(&path, &json!({"baseUrl": second.base.as_str()})).await.refused(409);
    assert_eq!(error["context"], "baseUrl");
    for (field, wrong) in [
        ("baseUrl", json!("ftp://example.com")),
        ("baseUrl", json!("http://169.254.169.254")),
        ("baseUrl", json!("")),
        ("addonDescriptorUri", json!("http://169.254.169.254/descriptor")),
        ("addonDescriptorUri", json!("ftp://127.0.0.1/descriptor")),
        ("productVersion", json!("x".repeat(256))),
    ] {
        let error = itself.put(&path, &json!({field: wrong})).await.refused(400);
        assert_eq!(error["context"], field, "{wrong}");
    }
    assert_eq!(without_date(joined.upstream.admin().get(&path).await.promised(200)), before);
}

#[tokio::test]
async fn authorisation_the_mirror_itself_and_system_administrators() {
    let joined = start_joined_by_hand().await;
    let (second, _) = joined.another("Second").await;
    let upstream = &joined.upstream;
    let body = json!({"productVersion": "1.2.3"});
    let call = Attempt::put(upstream, format!("{PATH}/{}", joined.mirror_id), body.clone());
    call.by(&Identity::Anonymous, 401).await;
    call.by(&joined.forger(), 401).await;
    call.by(&upstream.new_user().await, 403).await;
    call.by(&upstream.user_with("ADMIN").await, 403).await;
    call.by(&second, 403).await;
    let unchanged =
        Attempt::get(upstream, format!("{PATH}/{}", joined.mirror_id)).by(&Identity::admin(), 200).await;
    assert_eq!(unchanged["productVersion"], "0.1.0");
    call.by(&joined.identity(), 200).await;
    call.by(&Identity::admin(), 200).await;
    Attempt::put(upstream, format!("{PATH}/AAAA-AAAA-AAAA-AAAA"), body).by(&Identity::admin(), 404).await;
}
