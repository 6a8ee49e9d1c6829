//! GET /requests: the requests of mirrors, in the order in which they came.

use serde_json::{Value, json};
use url::Url;

use crate::harness::{Attempt, Identity, Server, ServerOptions, request_of, start_joined_by_hand, walk};

const PATH: &str = "/rest/mirroring/latest/requests";

fn names(requests: &[Value]) -> Vec<&str> {
    requests.iter().map(|request| request["mirrorName"].as_str().expect("has a name")).collect()
}

#[tokio::test]
async fn behaviour_lists_all_or_those_in_one_state() {
    let upstream = Server::upstream(ServerOptions::default());
    let admin = upstream.admin();
    let empty = admin.get(PATH).await.promised(200);
    assert_eq!(empty, json!({"values": [], "size": 0, "limit": 25, "start": 0, "isLastPage": true}));
    for (port, name) in [(10_001, "Saigon"), (10_002, "Hanoi"), (10_003, "Da Nang")] {
        let base = Url::parse(&format!("http://127.0.0.1:{port}")).expect("is a URL");
        let body = request_of(&heliostat_auth::server_id(), name, &base);
        admin.post(PATH, &body).await.promised(200);
    }
    let all = walk(&admin, PATH, 2).await;
    assert_eq!(names(&all), ["Saigon", "Hanoi", "Da Nang"]);
    admin.post_nothing(&format!("{PATH}/{}/reject", all[1]["id"])).await.promised(200);
    for (state, expected) in
        [("PENDING", vec!["Saigon", "Da Nang"]), ("REJECTED", vec!["Hanoi"]), ("ACCEPTED", vec![])]
    {
        let listed = walk(&admin, &format!("{PATH}?state={state}"), 1).await;
        assert_eq!(names(&listed), expected, "{state}");
    }
    let error = admin.get(&format!("{PATH}?state=pending")).await.refused(400);
    assert_eq!(error["context"], "state");
}

#[tokio::test]
async fn authorisation_system_administrators() {
    let joined = start_joined_by_hand().await;
    let call = Attempt::get(&joined.upstream, PATH);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.upstream.new_user().await, 403).await;
    call.by(&joined.upstream.user_with("ADMIN").await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&joined.upstream.user_with("SYS_ADMIN").await, 200).await;
    let requests = call.by(&Identity::admin(), 200).await;
    assert_eq!(requests["values"][0]["state"], "ACCEPTED");
}
