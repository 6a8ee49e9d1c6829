//! GET /mirrorServers/{mirrorId}: one mirror.

use crate::harness::{Attempt, Identity, shared_pair};

const PATH: &str = "/rest/mirroring/latest/mirrorServers";

#[tokio::test]
async fn behaviour_answers_what_the_list_holds() {
    let pair = shared_pair().await;
    let mut listed = pair.admin().get(PATH).await.promised(200)["values"][0].clone();
    let path = format!("{PATH}/{}", pair.mirror_id().await);
    let mut mirror = pair.admin().get(&path).await.promised(200);
    assert_eq!(mirror["links"]["self"][0]["href"], format!("{}{path}", pair.upstream.base()));
    for one in [&mut listed, &mut mirror] {
        // The mirror may have called in between.
        one.as_object_mut().expect("is an object").remove("lastSeenDate");
    }
    assert_eq!(mirror, listed);
    for unknown in ["AAAA-AAAA-AAAA-AAAA", "1", "%20"] {
        pair.admin().get(&format!("{PATH}/{unknown}")).await.refused(404);
    }
}

#[tokio::test]
async fn authorisation_every_signed_in_user() {
    let pair = shared_pair().await;
    let call = Attempt::get(&pair.upstream, format!("{PATH}/{}", pair.mirror_id().await));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&pair.new_user().await, 200).await;
    call.by(&Identity::admin(), 200).await;
    Attempt::get(&pair.upstream, format!("{PATH}/AAAA-AAAA-AAAA-AAAA")).by(&Identity::Anonymous, 401).await;
}
