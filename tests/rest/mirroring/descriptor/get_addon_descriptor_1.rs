//! GET /descriptor: how the mirror introduces itself, where Bitbucket's mirrors do.

use crate::harness::{Attempt, Identity, shared_pair};
use crate::rest::mirroring::upstream_servers::administrators::{path_of, removed_mirror};

#[tokio::test]
async fn behaviour_answers_what_the_operation_that_names_the_upstream_answers() {
    let pair = shared_pair().await;
    let named = pair.mirror.anonymous().get(&pair.mirror_path("/addon/descriptor").await).await.promised(200);
    for path in [path_of("/descriptor"), "/rest/mirroring/1.0/descriptor".to_owned()] {
        assert_eq!(pair.mirror.anonymous().get(&path).await.promised(200), named, "{path}");
    }
    assert_eq!(named["modules"]["webhooks"], named["webhooks"]);
    removed_mirror().await.mirror.anonymous().get(&path_of("/descriptor")).await.refused(404);
}

#[tokio::test]
async fn authorisation_anyone() {
    let pair = shared_pair().await;
    let call = Attempt::get(&pair.mirror, path_of("/descriptor"));
    call.by(&Identity::Anonymous, 200).await;
    call.by(&Identity::impostor(), 200).await;
    call.by(&pair.new_user().await, 200).await;
    call.by(&Identity::admin(), 200).await;
}
