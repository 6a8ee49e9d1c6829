//! GET /servedRepos: what can be read from this mirror, page by page, for those who run it.

use crate::harness::{Attempt, Identity, shared_pair, shared_upstream_by_hand};

const ADDRESS: &str = "/rest/mirroring/latest/servedRepos";

#[tokio::test]
async fn behaviour_lists_each_repository_by_its_path_with_where_to_read_and_where_to_push() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let path = pair.mirror_url(&repository).path().to_owned();
    let client = pair.mirror_admin();
    let all = client.get(&format!("{ADDRESS}?limit=1000")).await.promised(200);
    let mut all = all["values"].as_array().expect("a page has values").iter();
    let found = all.find(|served| served["path"] == path.as_str()).expect("is listed");
    assert_eq!(found["cloneUrl"], format!("{}{path}", pair.mirror.base()));
    assert_eq!(found["pushUrl"], format!("{}{path}", pair.upstream.base()));

    let page = client.get(&format!("{ADDRESS}?start=0&limit=1")).await.promised(200);
    assert_eq!((page["size"].as_i64(), page["values"].as_array().map(Vec::len)), (Some(1), Some(1)));
    assert!(page["isLastPage"] == true || page["nextPageStart"] == 1, "{page}");
}

#[tokio::test]
async fn authorisation_the_upstream_and_its_administrators() {
    let pair = shared_pair().await;
    let call = Attempt::get(&pair.mirror, ADDRESS.to_owned());
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&pair.new_user().await, 403).await;
    call.by(&Identity::admin(), 200).await;

    let by_hand = shared_upstream_by_hand().await;
    let call = Attempt::get(&by_hand.mirror, ADDRESS.to_owned());
    call.by(&by_hand.identity_with(&"0".repeat(64)), 401).await;
    call.by(&by_hand.identity(), 200).await;
    let page = by_hand.mirror.client(&by_hand.identity()).get(ADDRESS).await.promised(200);
    assert!(page["values"].is_array(), "{page}");
}
