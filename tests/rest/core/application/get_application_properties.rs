//! GET /application-properties: whom a client is talking to.

use crate::harness::{Attempt, Identity, shared_pair};

const PATH: &str = "/rest/api/latest/application-properties";

#[tokio::test]
async fn behaviour_names_the_version() {
    let pair = shared_pair().await;
    let properties = pair.anonymous().get(PATH).await.promised(200);
    let version = properties["version"].as_str().expect("is text");
    assert_eq!(version.split('.').filter(|part| part.parse::<u32>().is_ok()).count(), 3, "{version}");
    for number in ["buildNumber", "buildDate"] {
        assert!(properties[number].as_str().is_some_and(|text| text.parse::<u64>().is_ok()), "{properties}");
    }
    assert_eq!(pair.anonymous().get("/rest/api/1.0/application-properties").await.promised(200), properties);
}

#[tokio::test]
async fn authorisation_anyone() {
    let pair = shared_pair().await;
    let call = Attempt::get(&pair.upstream, PATH);
    call.by(&Identity::Anonymous, 200).await;
    call.by(&Identity::impostor(), 200).await;
    call.by(&pair.new_user().await, 200).await;
    call.by(&Identity::admin(), 200).await;
}
