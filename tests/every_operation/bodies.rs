//! Bodies that are no JSON, of another media type, or too long.

use heliostat_api::MAX_JSON_BODY_BYTES;

use super::scene::{Scene, scenes};
use crate::harness::Promised;

/// Sends an operation that takes a body these bytes; fails unless it is refused with this status.
async fn refused(scene: &Scene, operation: &Promised, body: &[u8], media_type: &str, status: u16) {
    let client = scene.client(scene.entitled(operation));
    let address = scene.address(operation);
    client.send_raw(operation.method(), &address, Some((body, media_type))).await.refused(status);
}

#[tokio::test]
async fn what_is_not_json_or_of_another_type_is_400_or_as_published_409() {
    for scene in scenes().await {
        for operation in scene.operations().filter(Promised::has_body) {
            for wrong in [&b"{"[..], b"no json", b"7", b"\xff"] {
                let status = if operation.promises(400) { 400 } else { 409 };
                refused(scene, &operation, wrong, "application/json", status).await;
            }
        }
    }
}

#[tokio::test]
async fn another_media_type_is_415() {
    for scene in scenes().await {
        for operation in scene.operations().filter(Promised::has_body) {
            let body = scene.body(&operation).expect("it takes one").to_string();
            for media_type in ["text/plain", "application/xml"] {
                refused(scene, &operation, body.as_bytes(), media_type, 415).await;
            }
        }
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let long = vec![b' '; MAX_JSON_BODY_BYTES + 1];
    for scene in scenes().await {
        for operation in scene.operations().filter(Promised::has_body) {
            refused(scene, &operation, &long, "application/json", 413).await;
        }
    }
}
