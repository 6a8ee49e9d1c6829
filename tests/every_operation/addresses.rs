//! Methods that a path has not, parameters that are no values, things that are not there, and operations that are gone.

use std::collections::{BTreeMap, BTreeSet};

use heliostat_api::Role;
use reqwest::Method;

use super::scene::scenes;
use crate::harness::Promised;

/// A path part that does not decode to text.
const NOT_TEXT: &str = "%FF";

#[tokio::test]
async fn a_method_that_the_path_has_not_is_405_and_names_those_that_it_has() {
    for scene in scenes().await {
        let mut methods: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for operation in scene.operations() {
            methods
                .entry(scene.address(&operation).split('?').next().unwrap_or_default().to_owned())
                .or_default()
                .insert(operation.method().to_string());
        }
        for (path, present) in methods {
            for method in
                ["GET", "PUT", "POST", "DELETE", "PATCH"].into_iter().filter(|m| !present.contains(*m))
            {
                let method: Method = method.parse().expect("is a method");
                let answer = scene.client(&scene.administrator).send(method, &path, None).await;
                let allow = answer.headers.get("allow").and_then(|value| value.to_str().ok());
                let allow: BTreeSet<String> =
                    allow.unwrap_or_default().split(", ").map(str::to_owned).collect();
                assert_eq!(allow, present, "{path}");
                answer.refused(405);
            }
        }
    }
}

#[tokio::test]
async fn a_path_part_that_is_not_text_is_400_and_named() {
    for scene in scenes().await {
        for operation in scene.operations() {
            for wrong in operation.path_parameters() {
                let address = operation
                    .address(|name| if name == wrong { NOT_TEXT.to_owned() } else { scene.sample(name) });
                let answer = scene.call(&operation, &address, scene.entitled(&operation)).await;
                assert_eq!(answer.refused(400)["context"], wrong, "{}", operation.id());
            }
        }
    }
}

#[tokio::test]
async fn a_parameter_that_is_no_value_of_its_type_is_400_and_named() {
    for scene in scenes().await {
        for operation in scene.operations() {
            for parameter in operation.query_parameters() {
                for wrong in parameter.wrong_values() {
                    // It stands before what the address has by itself, and the first of a name counts.
                    let address = scene.address(&operation);
                    let (path, query) = address.split_once('?').unwrap_or((&address, ""));
                    let address = format!("{path}?{}={wrong}&{query}", parameter.name);
                    let address = address.trim_end_matches('&');
                    let answer = scene.call(&operation, address, scene.entitled(&operation)).await;
                    assert_eq!(answer.refused(400)["context"], parameter.name, "{}", operation.id());
                }
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_or_as_published_409() {
    for scene in scenes().await {
        // A mirror speaks for itself alone: what it says for an unknown one is 403 to it, see `publish_event`.
        let says_who_calls =
            |operation: &Promised| scene.role == Role::Upstream && !operation.accepts("basic");
        for operation in scene.operations().filter(|operation| !says_who_calls(operation)) {
            // A caller who takes a project off the selection that is not on it has what they wanted.
            if operation.path_parameters().is_empty() || operation.id() == "stopMirroringProject_1" {
                continue;
            }
            let Some(status) = [404, 409].into_iter().find(|status| operation.promises(*status)) else {
                continue;
            };
            let address = scene.address_of_nothing(&operation);
            scene.call(&operation, &address, scene.entitled(&operation)).await.refused(status);
        }
    }
}

#[tokio::test]
async fn what_is_gone_is_410_for_everybody() {
    for scene in scenes().await {
        for operation in scene.operations().filter(|operation| operation.promises(410)) {
            for caller in [&scene.administrator, &scene.plain_user, &scene.partner] {
                scene.call(&operation, &scene.address(&operation), caller).await.refused(410);
            }
        }
    }
}
