//! Who is turned away: anonymous callers, impostors of each kind, and users without a permission.

use heliostat_api::Role;

use super::scene::scenes;
use crate::harness::{Identity, Promised};

#[tokio::test]
async fn anonymous_callers_and_impostors_are_401() {
    for scene in scenes().await {
        for operation in scene.operations().filter(|operation| operation.promises(401)) {
            let mut callers = Vec::new();
            if !operation.is_open() {
                callers.push(Identity::Anonymous);
            }
            if operation.accepts("basic") {
                callers.push(Identity::impostor());
            }
            if operation.accepts("bearer") {
                callers.push(Identity::Token("a guess".to_owned()));
            }
            if operation.accepts("serverJwt") {
                callers.push(scene.forger.clone());
            }
            assert!(!callers.is_empty(), "{}: no caller can be turned away with 401", operation.id());
            for caller in callers {
                scene.call(&operation, &scene.address(&operation), &caller).await.refused(401);
            }
        }
    }
}

#[tokio::test]
async fn a_user_without_any_permission_is_403_where_that_is_promised() {
    for scene in scenes().await {
        // An upstream answers everybody what they may read; of what both roles serve, only a mirror refuses.
        let may_refuse = |operation: &Promised| scene.role == Role::Mirror || !operation.is_shared();
        let promised = scene.operations().filter(|operation| {
            operation.asks_for_a_permission() && operation.accepts("basic") && may_refuse(operation)
        });
        for operation in promised {
            scene.call(&operation, &scene.address(&operation), &scene.plain_user).await.refused(403);
        }
    }
}
