//! GET /upstreamServer: the upstream that the mirror follows, without naming it.

use crate::harness::{Attempt, shared_pair};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

#[tokio::test]
async fn behaviour_answers_what_the_operation_that_names_it_answers() {
    let pair = shared_pair().await;
    let mut named = pair.mirror_admin().get(&pair.mirror_path("").await).await.promised(200);
    let mut upstream = pair.mirror_admin().get(&path_of("/upstreamServer")).await.promised(200);
    let mut version_1_0 = pair.mirror_admin().get("/rest/mirroring/1.0/upstreamServer").await.promised(200);
    for one in [&mut named, &mut upstream, &mut version_1_0] {
        // The two servers may have been in contact in between.
        for date in ["lastContactDate", "lastComparisonDate"] {
            assert!(one[date].take().is_i64(), "{date}");
        }
        // Others push to this pair meanwhile.
        let moving = ["lastSyncDate", "lagMillis", "failingRepos"];
        one.as_object_mut().expect("an object").retain(|field, _| !moving.contains(&field.as_str()));
    }
    assert_eq!(upstream, named);
    assert_eq!(upstream["state"], "INSTALLED");
    assert_eq!(version_1_0, named);
}

#[tokio::test]
async fn behaviour_is_not_an_operation_of_an_upstream() {
    let pair = shared_pair().await;
    let error = pair.admin().get(&path_of("/upstreamServer")).await.expect_error(404);
    assert!(error["message"].as_str().is_some_and(|message| message.contains("mirror role")), "{error}");
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::of_the_followed_upstream(200, "/upstreamServer", Attempt::get).await;
}
