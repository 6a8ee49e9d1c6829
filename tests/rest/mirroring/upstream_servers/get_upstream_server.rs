//! GET /upstreamServers/{upstreamId}: one upstream and how the mirror stands with it.

use super::administrators;
use crate::harness::{Attempt, UpstreamByHand, shared_pair};

#[tokio::test]
async fn behaviour_answers_what_the_list_holds() {
    let pair = shared_pair().await;
    let mut upstream = pair.mirror_admin().get(&pair.mirror_path("").await).await.promised(200);
    let mut list = pair.mirror_admin().get("/rest/mirroring/latest/upstreamServers").await.promised(200);
    assert_eq!(upstream["reachable"], true);
    for one in [&mut upstream, &mut list["values"][0]] {
        // The two may have been in contact in between.
        let last_contact = one["lastContactDate"].take();
        let last_comparison = one["lastComparisonDate"].take();
        assert!(last_comparison.as_i64() <= last_contact.as_i64(), "{last_comparison} {last_contact}");
        assert!(one["failingRepos"].is_i64() && one["clockSkewMillis"] == 0, "{one}");
        // Others push to this pair meanwhile.
        let moving = ["lastSyncDate", "lagMillis", "failingRepos"];
        one.as_object_mut().expect("an object").retain(|field, _| !moving.contains(&field.as_str()));
    }
    assert_eq!(upstream, list["values"][0]);
    assert_eq!(upstream["state"], "INSTALLED");
    assert_eq!(upstream["baseUrl"], pair.upstream.base());
    let other = "/rest/mirroring/latest/upstreamServers/8dc0bb6c-b31b-3d96-9f0a-5a4f3f6b1c22";
    pair.mirror_admin().get(other).await.refused(404);
}

#[tokio::test]
async fn behaviour_the_id_follows_from_the_address_of_the_upstream() {
    let (first, second) = tokio::join!(UpstreamByHand::start_installed(), UpstreamByHand::start_installed());
    assert_ne!(first.upstream_id, second.upstream_id);
    let answer = first.get("").await.promised(200);
    assert_eq!(answer["id"], first.upstream_id.as_str());
    assert_eq!(answer["baseUrl"], first.installed_event("")["baseUrl"]);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::and_no_one_else(200, "", Attempt::get).await;
}
