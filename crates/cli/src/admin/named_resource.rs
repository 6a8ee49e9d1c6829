//! Finds by name what the API knows by id, because people remember names.

use anyhow::Context;
use serde_json::Value;

use super::api;
use crate::client::Client;
use crate::exit_code::NoSuchThing;

/// The id of a mirror that is given by id or name.
pub async fn mirror_id(client: &Client, id_or_name: &str) -> anyhow::Result<String> {
    let mirrors = client.get(&api::path(&api::MIRRORING, &["mirrorServers"])).all().await?;
    only_match(&mirrors, id_or_name, "/id", "/name")
        .ok_or_else(|| NoSuchThing(format!("no mirror has the id or name {id_or_name:?}")).into())
}

/// The id of a mirroring request that is given by id or by the name of its mirror. A name means the open request, if
/// there is one: an old one that is decided may have the same. Ids are looked up as well: as published, the API answers
/// one that does not exist as it answers what is in the way.
pub async fn request_id(client: &Client, id_or_name: &str) -> anyhow::Result<String> {
    let mut requests = client.get(&api::path(&api::MIRRORING, &["requests"])).all().await?;
    requests.sort_by_key(|request| text_at(request, "/state").as_deref() != Some("PENDING"));
    only_match(&requests, id_or_name, "/id", "/mirrorName")
        .ok_or_else(|| {
            let told = format!(
                "no request to join has the id {id_or_name:?}, or comes from a mirror of that name; heliostat request list \
                 shows those that there are"
            );
            NoSuchThing(told).into()
        })
}

/// The ids of projects that are given by key or id.
pub async fn project_ids(upstream: &Client, keys_or_ids: &[String]) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::with_capacity(keys_or_ids.len());
    for key_or_id in keys_or_ids {
        // A project key starts with a letter.
        if is_number(key_or_id) {
            ids.push(key_or_id.clone());
            continue;
        }
        let project = upstream.get(&api::path(&api::CORE, &["projects", key_or_id])).send().await?;
        let id = project.pointer("/id").and_then(as_text);
        ids.push(id.with_context(|| format!("the upstream gave no id for the project {key_or_id}"))?);
    }
    Ok(ids)
}

/// The keys of projects that are given by id; an id stays where the caller sees no project that has it.
pub async fn project_keys(upstream: &Client, ids: &[Value]) -> anyhow::Result<Vec<Value>> {
    let projects = upstream.get(&api::path(&api::CORE, &["projects"])).all().await?;
    let key_of = |id: &Value| {
        let found = projects.iter().find(|project| text_at(project, "/id") == as_text(id));
        found.and_then(|project| project.get("key")).unwrap_or(id).clone()
    };
    Ok(ids.iter().map(key_of).collect())
}

/// The slug of a user, which is what paths hold.
pub async fn user_slug(client: &Client, name: &str) -> anyhow::Result<String> {
    let users = client.get(&api::path(&api::CORE, &["users"])).query("filter", name).all().await?;
    let user = users.iter().find(|user| text_at(user, "/name").is_some_and(|found| same_name(&found, name)));
    let Some(user) = user else { return Err(NoSuchThing(format!("there is no user {name:?}")).into()) };
    text_at(user, "/slug").context("the server gave no slug for the user")
}

fn only_match(values: &[Value], wanted: &str, id: &str, name: &str) -> Option<String> {
    let by_id = values.iter().find(|value| text_at(value, id).as_deref() == Some(wanted));
    let by_name =
        || values.iter().find(|value| text_at(value, name).is_some_and(|found| same_name(&found, wanted)));
    by_id.or_else(by_name).and_then(|value| text_at(value, id))
}

fn text_at(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(as_text)
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn same_name(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// Whether this is an id.
pub fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_wins_over_a_name_and_names_ignore_case() {
        let values = [json!({"id": "A", "name": "B"}), json!({"id": "B", "name": "Tokyo"})];
        assert_eq!(only_match(&values, "B", "/id", "/name").as_deref(), Some("B"));
        assert_eq!(only_match(&values, "tokyo", "/id", "/name").as_deref(), Some("B"));
        assert_eq!(only_match(&values, "C", "/id", "/name"), None);
        assert_eq!(only_match(&[json!({"id": 7, "name": "x"})], "x", "/id", "/name").as_deref(), Some("7"));
    }
}
