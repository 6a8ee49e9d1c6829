//! Malformed requests: paths, methods, media types, JSON, types, enums, paging, lengths.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Identity, repository_path, shared_pair};

#[tokio::test]
async fn an_unknown_path_is_404_in_the_envelope_on_both_roles() {
    let pair = shared_pair().await;
    for client in [pair.admin(), pair.mirror_admin()] {
        for path in ["/nothing", "/rest/mirroring/latest/nothing", "/rest/mirroring/2.0/repos", "/rest"] {
            client.get(path).await.expect_error(404);
        }
    }
}

#[tokio::test]
async fn the_other_roles_operation_is_404_and_names_the_role() {
    let pair = shared_pair().await;
    let error = pair.admin().get("/rest/mirroring/latest/upstreamServers").await.expect_error(404);
    assert!(error["message"].as_str().is_some_and(|message| message.contains("mirror")), "{error}");
    let error = pair.mirror_admin().get("/rest/mirroring/latest/mirrorServers").await.expect_error(404);
    assert!(error["message"].as_str().is_some_and(|message| message.contains("upstream")), "{error}");
}

#[tokio::test]
async fn a_wrong_method_is_405_with_allow() {
    let pair = shared_pair().await;
    let answer = pair.admin().send(Method::PATCH, "/rest/mirroring/latest/requests", None).await;
    let allow = answer.headers["allow"].to_str().expect("is text").to_owned();
    answer.expect_error(405);
    assert_eq!(allow, "GET, POST, DELETE");
    pair.admin().delete("/rest/mirroring/1.0/repos").await.expect_error(405);
    pair.admin().delete("/status").await.expect_error(405);
}

#[tokio::test]
async fn version_1_0_is_answered_like_latest() {
    let pair = shared_pair().await;
    let latest = pair.admin().get("/rest/mirroring/latest/mirrorServers").await.expect(200).json();
    let first = pair.admin().get("/rest/mirroring/1.0/mirrorServers").await.expect(200).json();
    assert_eq!(latest["values"][0]["id"], first["values"][0]["id"]);
    pair.admin().get("/rest/api/1.0/projects").await.expect(200);
}

#[tokio::test]
async fn wrong_and_missing_media_types_are_415() {
    let pair = shared_pair().await;
    let path = "/rest/api/latest/projects";
    let body = br#"{"key":"MEDIA"}"#;
    for media_type in ["text/plain", "application/xml", "application/vnd.api+json"] {
        pair.admin().send_raw(Method::POST, path, Some((body, media_type))).await.expect_error(415);
    }
    pair.admin().send(Method::POST, path, None).await.expect_error(415);
    pair.admin().get("/rest/api/latest/projects/MEDIA").await.expect_error(404);
}

#[tokio::test]
async fn malformed_json_wrong_types_and_unknown_enum_values_are_400_and_name_the_field() {
    let pair = shared_pair().await;
    let path = "/rest/api/latest/projects";
    let post = |text: &'static str| {
        let admin = pair.admin();
        async move { admin.send_raw(Method::POST, path, Some((text.as_bytes(), "application/json"))).await }
    };
    for text in ["", "{", "{\"key\":", "nonsense", "[]", "null", "\u{feff}{}"] {
        post(text).await.expect_error(400);
    }
    let error = post(r#"{"key": 7, "name": "x"}"#).await.expect_error(400);
    assert_eq!(error["context"], "key");
    let error = post(r#"{"key": "BADPUBLIC", "name": "x", "public": "yes"}"#).await.expect_error(400);
    assert_eq!(error["context"], "public");
    let error = pair.admin().get("/rest/mirroring/latest/requests?state=MAYBE").await.expect_error(400);
    assert_eq!(error["context"], "state");
    let mirror = pair.mirror_id().await;
    let event = json!({"type": "EXPLODED", "upstreamRepoId": "1"});
    let events = format!("/rest/mirroring/latest/mirrorServers/{mirror}/events");
    let error = pair.admin().post(&events, &event).await.expect_error(400);
    assert_eq!(error["context"], "type");
}

#[tokio::test]
async fn what_is_allowed_is_said_for_parameters_and_fields() {
    let pair = shared_pair().await;
    let admin = pair.admin();
    let message = |error: &Value| error["message"].as_str().unwrap_or_default().to_owned();
    for (path, told) in [
        (
            "/rest/mirroring/latest/requests?state=MAYBE",
            "The parameter state is not valid: it must be one of PENDING, ACCEPTED, REJECTED, not \"MAYBE\".",
        ),
        (
            "/rest/api/latest/projects?limit=many",
            "The parameter limit is not valid: it must be a whole number from 0 to 2147483647, not \"many\".",
        ),
        (
            "/rest/api/1.0/projects?limit=-1",
            "The parameter limit is not valid: it must be a whole number from 0 to 2147483647, not \"-1\".",
        ),
    ] {
        assert_eq!(message(&admin.get(path).await.refused(400)), told);
    }
    let permissions = "/rest/api/latest/admin/permissions/users";
    let missing = admin.send(Method::PUT, &format!("{permissions}?name=admin"), None).await.refused(400);
    let told = "it is missing, and must be one of LICENSED_USER, PROJECT_CREATE, ADMIN, SYS_ADMIN.";
    assert!(message(&missing).ends_with(told), "{missing}");

    let project = pair.new_project(false).await;
    let key = project["key"].as_str().expect("has a key");
    let repositories = format!("/rest/api/latest/projects/{key}/repos");
    for (format, found) in [(json!("md5"), "\"md5\""), (json!(7), "integer 7")] {
        let error = admin.post(&repositories, &json!({"name": "tool", "objectFormat": format})).await;
        let error = error.refused(400);
        assert_eq!(error["context"], "objectFormat");
        assert_eq!(message(&error), format!("It must be one of sha1, sha256, not {found}."));
    }
    let (repository, _) = pair.pushed_repository(false).await;
    let following = format!("{}/following", repository_path(&repository));
    for (interval, told) in [
        (json!("often"), "It must be a whole number from 5 to 604800, not string \"often\"."),
        (json!(1), "It must be a whole number from 5 to 604800."),
        (json!(99_999_999_999_i64), "It must be a whole number from 5 to 604800, not 99999999999."),
    ] {
        let body = json!({"url": "https://git.example.org/acme/tool.git", "intervalSeconds": interval});
        let error = admin.put(&following, &body).await.refused(400);
        assert_eq!((&error["context"], message(&error).as_str()), (&json!("intervalSeconds"), told));
    }
}

#[tokio::test]
async fn paging_values_are_checked_and_capped() {
    let pair = shared_pair().await;
    let list = "/rest/mirroring/latest/mirrorServers";
    for query in ["start=-1", "limit=-1", "start=x", "limit=1.5", "limit=99999999999999999999", "start="] {
        let error = pair.admin().get(&format!("{list}?{query}")).await.expect_error(400);
        assert!(error["context"] == "start" || error["context"] == "limit", "{query}: {error}");
    }
    let page = pair.admin().get(&format!("{list}?limit=100000")).await.expect(200).json();
    assert_eq!(page["limit"], 1000);
    let page = pair.admin().get(&format!("{list}?start=9000000000")).await.expect(200).json();
    assert_eq!(page["values"], json!([]));
    assert_eq!(page["isLastPage"], true);
    assert_eq!(page.get("nextPageStart").unwrap_or(&Value::Null), &Value::Null);
}

#[tokio::test]
async fn over_long_bodies_and_fields_are_refused() {
    let pair = shared_pair().await;
    let path = "/rest/api/latest/projects";
    let long = json!({"key": "LONG", "name": "x".repeat(2 * 1024 * 1024)});
    pair.admin().post(path, &long).await.expect_error(413);
    let error =
        pair.admin().post(path, &json!({"key": "LONG", "name": "x".repeat(2000)})).await.expect_error(400);
    assert_eq!(error["context"], "name");
    pair.admin().get("/rest/api/latest/projects/LONG").await.expect_error(404);
}

#[tokio::test]
async fn path_tricks_in_keys_and_slugs_reach_nothing() {
    let pair = shared_pair().await;
    let path = "/rest/api/latest/projects";
    for key in ["../X", "A/B", "A%2FB", "", ".", "a b", "é", "A\0B", "-A"] {
        pair.admin()
            .post(path, &json!({"key": key, "name": format!("tricky {key}")}))
            .await
            .expect_error(400);
    }
    let project = pair.new_project(false).await;
    let key = project["key"].as_str().expect("has a key");
    for name in ["", ".", "..", "/", "../../etc", "\u{0}"] {
        let repositories = format!("{path}/{key}/repos");
        pair.admin().post(&repositories, &json!({"name": name})).await.expect_error(400);
    }
    for path in [
        format!("/scm/{key}/..%2f..%2fetc.git/info/refs?service=git-upload-pack"),
        format!("/scm/{key}/%00.git/info/refs?service=git-upload-pack"),
        format!("/rest/api/latest/projects/{key}/repos/..%2f..%2fx"),
    ] {
        assert_eq!(pair.admin().get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn unknown_ids_are_told_apart_from_known_ones() {
    let pair = shared_pair().await;
    let upstream = pair.upstream_id().await;
    for path in [
        "/rest/mirroring/latest/repos/999999",
        "/rest/mirroring/latest/repos/x",
        "/rest/mirroring/latest/repos/99999999999999999999",
        "/rest/mirroring/latest/repos/-1",
        "/rest/mirroring/latest/projects/999999",
        "/rest/mirroring/latest/mirrorServers/AAAA-AAAA-AAAA-AAAA",
        "/rest/mirroring/latest/repos/999999/mirrors",
    ] {
        pair.admin().get(path).await.expect_error(404);
    }
    pair.admin().get("/rest/mirroring/latest/requests/999999").await.expect_error(409);
    pair.mirror_admin().get("/rest/mirroring/latest/upstreamServers/other").await.expect_error(404);
    let unknown = format!("/rest/mirroring/latest/upstreamServers/{upstream}/repos/999999");
    pair.mirror_admin().get(&unknown).await.expect_error(404);
}

#[tokio::test]
async fn malformed_credentials_are_401_and_say_nothing_of_users() {
    let pair = shared_pair().await;
    for header in ["Basic", "Basic !!!", "Bearer", "Digest x", "JWT", "JWT a.b", "JWT a.b.c", "Basic YQ=="] {
        let client = pair.admin().as_(Identity::Raw(header.into()));
        client.get("/rest/mirroring/latest/mirrorServers").await.expect_error(401);
    }
    let unknown = pair.admin().as_(Identity::User("nobody".into(), "x".into()));
    let wrong = pair.admin().as_(Identity::User("admin".into(), "x".into()));
    let path = "/rest/mirroring/latest/mirrorServers";
    let (unknown, wrong) =
        (unknown.get(path).await.expect_error(401), wrong.get(path).await.expect_error(401));
    assert_eq!(unknown, wrong);
}
