//! GET /mirrorServers: the mirrors that have joined.

use serde_json::json;

use crate::harness::{Attempt, Identity, now_seconds, shared_pair, start_joined_by_hand, walk};

const PATH: &str = "/rest/mirroring/latest/mirrorServers";

#[tokio::test]
async fn behaviour_lists_what_is_known_of_each_mirror() {
    let pair = shared_pair().await;
    let page = pair.admin().get(PATH).await.promised(200);
    assert_eq!((&page["size"], &page["limit"], &page["isLastPage"]), (&json!(1), &json!(25), &json!(true)));
    let mirror = &page["values"][0];
    let id = mirror["id"].as_str().expect("is text");
    let groups: Vec<&str> = id.split('-').collect();
    assert!(groups.len() == 4 && groups.iter().all(|group| group.len() == 4), "{id}");
    assert_eq!((&mirror["name"], &mirror["baseUrl"]), (&json!("Saigon"), &json!(pair.mirror.base())));
    assert_eq!((&mirror["enabled"], &mirror["mirrorType"]), (&json!(true), &json!("SINGLE")));
    assert_eq!(mirror["productType"], "Heliostat");
    let seen = mirror["lastSeenDate"].as_i64().expect("is a number") / 1000;
    assert!((now_seconds() - seen).abs() < 3600, "{seen} is not a date of today in milliseconds");
    assert_eq!(mirror["links"]["self"][0]["href"], format!("{}{PATH}/{id}", pair.upstream.base()));
}

#[tokio::test]
async fn behaviour_goes_through_the_mirrors_in_pages() {
    let joined = start_joined_by_hand().await;
    joined.another("Second").await;
    joined.another("Third").await;
    let mut names: Vec<_> = walk(&joined.upstream.admin(), PATH, 2)
        .await
        .iter()
        .map(|mirror| mirror["name"].as_str().expect("is text").to_owned())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["Hand-made", "Second", "Third"]);
}

#[tokio::test]
async fn authorisation_every_signed_in_user() {
    let pair = shared_pair().await;
    let call = Attempt::get(&pair.upstream, PATH);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    let user = pair.new_user().await;
    call.by(&user, 200).await;
    let token = pair.upstream.new_token(&user, &[]).await["token"].as_str().expect("is text").to_owned();
    call.by(&Identity::Token(token), 200).await;
    call.by(&Identity::Token("not a token".into()), 401).await;
    call.by(&Identity::admin(), 200).await;
}
