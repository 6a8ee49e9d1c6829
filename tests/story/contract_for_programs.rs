//! The contract in the hands of programs: fetched once, from pages of every site, in two editions, printed without a server,
//! and followed from answer to answer.

use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    Answer, USER_PASSWORD, binary, project_path, repository_path, said, shared_pair, unique,
};

const DOCUMENT: &str = "/openapi/heliostat.json";

fn header(answer: &Answer, name: &str) -> String {
    answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_document_is_sent_once_and_compressed_to_those_who_can_read_that() {
    let pair = shared_pair().await;
    for server in [&pair.upstream, &pair.mirror] {
        let plain = server.anonymous().get(DOCUMENT).await.expect(200);
        assert_eq!(header(&plain, "content-encoding"), "");
        assert_eq!(header(&plain, "vary").to_lowercase(), "accept-encoding");
        let known = server.anonymous().with_header("if-none-match", &header(&plain, "etag"));
        assert_eq!(known.get(DOCUMENT).await.expect(304).text, "");
        known.get("/openapi/heliostat.yaml").await.expect(200);

        let gzip = server.anonymous().with_header("accept-encoding", "gzip");
        let compressed = gzip.get(DOCUMENT).await.expect(200);
        assert_eq!(header(&compressed, "content-encoding"), "gzip");
        assert_ne!(header(&compressed, "etag"), header(&plain, "etag"));
        // What is no text counts several times here, and still less.
        assert!(compressed.text.len() < plain.text.len(), "{} bytes", compressed.text.len());
        let known = gzip.with_header("if-none-match", &header(&compressed, "etag"));
        known.get(DOCUMENT).await.expect(304);
    }
}

#[tokio::test]
async fn pages_of_every_site_may_read_the_documents_and_nothing_beside_them() {
    let page = shared_pair().await.upstream.anonymous().with_header("origin", "https://portal.example");
    assert_eq!(header(&page.get(DOCUMENT).await.expect(200), "access-control-allow-origin"), "*");
    let asked = page.clone().with_header("access-control-request-method", "GET");
    let asked = asked.with_header("access-control-request-headers", "if-none-match");
    let allowed = asked.unjudged().send_raw(Method::OPTIONS, DOCUMENT, None).await.expect(204);
    assert_eq!(header(&allowed, "access-control-allow-headers").to_lowercase(), "if-none-match");
    assert_eq!(header(&page.get("/status").await.expect(200), "access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_role_shows_its_own_operations_when_it_is_asked_for_them() {
    let pair = shared_pair().await;
    for (server, own, other) in [
        (&pair.upstream, "/api/latest/projects", "/mirroring/latest/upstreamServers"),
        (&pair.mirror, "/mirroring/latest/upstreamServers", "/api/latest/projects"),
    ] {
        let all = server.anonymous().get(DOCUMENT).await.expect(200).json();
        assert!(all["paths"][own].is_object() && all["paths"][other].is_object());
        let served =
            server.anonymous().get(&format!("{DOCUMENT}?operations=served")).await.expect(200).json();
        assert!(served["paths"][own].is_object() && served["paths"][other].is_null());
        let refused = server.anonymous().get(&format!("{DOCUMENT}?operations=mine")).await.expect_error(400);
        assert_eq!(refused["context"], "operations");
    }
}

#[tokio::test]
async fn who_reads_the_contract_finds_its_reader_where_the_documents_are() {
    let pair = shared_pair().await;
    for (server, title) in
        [(&pair.upstream, "Heliostat upstream: REST API"), (&pair.mirror, "Heliostat mirror: REST API")]
    {
        let page = server.anonymous().get("/openapi/").await.expect(200);
        assert!(header(&page, "content-type").starts_with("text/html"), "{}", page.text);
        assert!(page.text.contains(title), "{}", page.text);
        for file in ["redoc.standalone.js", "reader.js", "own_address.js", "documents.css"] {
            server.anonymous().get(&format!("/openapi/{file}")).await.expect(200);
        }
    }
}

#[tokio::test]
async fn the_edition_3_1_says_null_as_json_schema_does() {
    let server = &shared_pair().await.upstream;
    let document = server.anonymous().get("/openapi/heliostat-3.1.json").await.expect(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let names = document["components"]["schemas"].as_object().expect("there are schemas");
    let older = server.anonymous().get(DOCUMENT).await.expect(200).json();
    assert_eq!(names.len(), older["components"]["schemas"].as_object().map_or(0, |schemas| schemas.len()));
    let context = &document["components"]["schemas"]["RestErrorMessage"]["properties"]["context"];
    assert_eq!(context["type"], json!(["string", "null"]));
    for schema in names.values() {
        assert!(!has_nullable(schema), "{schema}");
    }
}

fn has_nullable(schema: &Value) -> bool {
    match schema {
        Value::Object(parts) => parts.contains_key("nullable") || parts.values().any(has_nullable),
        Value::Array(parts) => parts.iter().any(has_nullable),
        _ => false,
    }
}

#[test]
fn the_binary_prints_the_contract_without_a_server() {
    let printed = |arguments: &[&str]| {
        let output = Command::new(binary()).arg("openapi").args(arguments).output().expect("the binary runs");
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).expect("it is text")
    };
    let json: Value = serde_json::from_str(&printed(&["--json", "--server", "https://git.example.com/scm"]))
        .expect("--json prints JSON");
    assert_eq!(json["openapi"], "3.0.3");
    assert_eq!(json["servers"][0]["url"], "https://git.example.com/scm/rest");
    assert!(printed(&["--yaml", "--edition", "3.1"]).starts_with("openapi: 3.1.0\n"));
    let own: Value = serde_json::from_str(&printed(&["--json", "--role", "origin-mirror"])).expect("is JSON");
    let paths = own["paths"].as_object().expect("there are paths");
    assert_eq!(paths.len(), 3, "{:?}", paths.keys());
}

#[tokio::test]
async fn what_was_created_is_found_at_its_location() {
    let pair = shared_pair().await;
    let admin = pair.admin();
    let key = format!("LOC_{}", std::process::id());
    let projects = "/rest/api/latest/projects";
    let created = admin.post(projects, &json!({ "key": key, "name": key })).await;
    assert_eq!(header(&created, "location"), format!("{projects}/{key}"));
    let project = created.promised(201);
    let repositories = format!("{}/repos", project_path(&project));
    let created = admin.post(&repositories, &json!({ "name": "tool" })).await;
    let repository = header(&created, "location");
    created.promised(201);
    assert_eq!(admin.get(&repository).await.promised(200)["slug"], "tool");
    let renamed = admin.put(&repository, &json!({ "name": "other tool" })).await;
    let repository = header(&renamed, "location");
    renamed.promised(201);
    assert_eq!(admin.get(&repository).await.promised(200)["slug"], "other-tool");
    let hook = json!({ "name": "ci", "url": "https://ci.example.com/hook", "events": ["repo:refs_changed"] });
    let created = admin.post(&format!("{repository}/webhooks"), &hook).await;
    let webhook = header(&created, "location");
    created.promised(200);
    assert_eq!(admin.get(&webhook).await.promised(200)["name"], "ci");
}

#[tokio::test]
async fn what_has_no_answer_or_no_address_of_its_own_is_found_too() {
    let pair = shared_pair().await;
    let admin = pair.admin();
    let user = json!({ "name": format!("Ada-{}", unique()), "password": USER_PASSWORD });
    // As clients of an earlier version write it.
    let created = admin.post("/rest/api/1.0/admin/users", &user).await;
    let location = header(&created, "location");
    created.promised(204);
    assert!(location.starts_with("/rest/api/1.0/users/ada-"), "{location}");
    assert_eq!(admin.get(&location).await.promised(200)["name"], user["name"]);
    let again = admin.post("/rest/api/1.0/admin/users", &user).await;
    assert_eq!(header(&again, "location"), "");
    again.refused(409);

    let (repository, _) = pair.upstream.pushed_repository(false).await;
    let core = format!("{}/branches", repository_path(&repository));
    let utils = core.replace("/rest/api/", "/rest/branch-utils/");
    for (path, status, name) in [(&core, 200, "topic/a&b"), (&utils, 201, "topic/a&b+c")] {
        let created = admin.post(path, &json!({ "name": name, "startPoint": "main" })).await;
        let location = header(&created, "location");
        created.promised(status);
        assert_eq!(admin.get(&location).await.promised(200)["values"][0]["displayId"], name, "{location}");
    }
}
