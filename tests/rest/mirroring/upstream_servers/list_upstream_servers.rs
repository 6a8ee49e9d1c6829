//! GET /upstreamServers: a page with the one upstream that this mirror follows.

use serde_json::json;

use super::administrators;
use crate::harness::{Attempt, shared_pair, walk};

const PATH: &str = "/rest/mirroring/latest/upstreamServers";

#[tokio::test]
async fn behaviour_lists_the_upstream_in_a_page() {
    let pair = shared_pair().await;
    let page = pair.mirror_admin().get(PATH).await.promised(200);
    let upstream = page["values"][0].clone();
    let mut expected = json!({
        "id": upstream["id"], "baseUrl": pair.upstream.base(), "apiBaseUrl": pair.upstream.base(),
        "state": "INSTALLED", "type": "BITBUCKET_SERVER", "reachable": true,
        "lastContactDate": upstream["lastContactDate"], "lastComparisonDate": upstream["lastComparisonDate"],
        "clockSkewMillis": 0, "failingRepos": upstream["failingRepos"],
    });
    // There is nothing to synchronize at first, and others push to this pair meanwhile.
    for field in ["lastSyncDate", "lagMillis"] {
        if let Some(value) = upstream.get(field) {
            expected[field] = value.clone();
        }
    }
    assert!(upstream["failingRepos"].is_i64(), "{upstream}");
    assert!(upstream["lastComparisonDate"].is_i64() && upstream["lastContactDate"].is_i64(), "{upstream}");
    assert_eq!(upstream, expected);
    let envelope = json!({"values": [expected], "size": 1, "limit": 25, "start": 0, "isLastPage": true});
    assert_eq!(page, envelope);
    let id = upstream["id"].as_str().expect("is text");
    assert_eq!((id.len(), id.as_bytes()[14]), (36, b'3'), "{id} is no name-based UUID");

    let walked = walk(&pair.mirror_admin(), PATH, 1).await;
    assert_eq!((walked.len(), &walked[0]["id"]), (1, &upstream["id"]));
    let after = pair.mirror_admin().get(&format!("{PATH}?start=1")).await.promised(200);
    assert_eq!((&after["values"], &after["isLastPage"]), (&json!([]), &json!(true)));
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::and_no_one_else(200, "", |mirror, path| {
        // Without the id: this operation is about all upstreams.
        let list = path.rsplit_once('/').expect("is a path").0.to_owned();
        Attempt::get(mirror, list)
    })
    .await;
}
