//! What no client library sends: broken percent encodings, NUL, bytes that are no text, nesting, floods of headers.
//!
//! Written to the socket as they are. Each is answered below 500; in the envelope wherever a request could be read.

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Identity, Server, shared_pair};

/// Deeper than any request of the contract nests.
const NESTING: usize = 100_000;

/// Sends bytes as they are; returns status and body.
async fn send(server: &Server, request: &[u8]) -> (u16, String) {
    let address = format!("127.0.0.1:{}", server.base_url().port().expect("has a port"));
    let mut stream = TcpStream::connect(&address).await.expect("the server listens");
    // A server may answer and close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
    (status.unwrap_or_else(|| panic!("no answer to {}", String::from_utf8_lossy(request))), body)
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn strange_paths_and_queries_are_refused_in_the_envelope() {
    let pair = shared_pair().await;
    let long = "x".repeat(20_000);
    let mut strange = vec![
        "%00".to_owned(),
        "a%00b".to_owned(),
        "%c0%af".to_owned(),
        "%ff%fe".to_owned(),
        "%ed%a0%80".to_owned(),
        "%".to_owned(),
        "%zz".to_owned(),
        "%2e%2e%2f%2e%2e".to_owned(),
        "%e2%80%ae".to_owned(),
    ];
    strange.push(long);
    for text in strange {
        for path in [
            format!("/rest/api/latest/projects/{text}"),
            format!("/rest/api/latest/projects/{text}/repos/{text}"),
            format!("/rest/api/latest/projects?name={text}"),
            format!("/rest/api/latest/repos?name={text}&projectname={text}"),
            format!("/rest/mirroring/latest/upstreamServers/{text}/addon/descriptor"),
            format!("/rest/mirroring/latest/upstreamServers/{text}/repos/{text}?jwt={text}"),
            format!("/{text}"),
        ] {
            for server in [&pair.upstream, &pair.mirror] {
                let (status, body) = send(server, &get(&path)).await;
                let shown: String = path.chars().take(80).collect();
                assert!(status < 500, "{shown}: {status} {body}");
                // A search for something strange finds nothing; whatever else is an error has an envelope.
                assert!(status == 200 || body.contains("\"errors\""), "{shown}: {status} {body}");
            }
        }
    }
}

#[tokio::test]
async fn nul_in_any_text_is_refused_or_kept_but_never_a_fault() {
    let pair = shared_pair().await;
    let admin = pair.admin();
    let projects = "/rest/api/latest/projects";
    for path in [
        "/rest/api/latest/users/%00",
        "/rest/api/latest/users?filter=%00",
        "/rest/api/latest/admin/users?filter=a%00",
        "/rest/mirroring/latest/mirrorServers/%00",
        "/rest/mirroring/latest/requests/%00",
        "/rest/mirroring/latest/repos/%00",
        "/rest/access-tokens/latest/users/admin/%00",
        "/rest/api/latest/projects/%00/repos/%00/branches?filterText=%00",
        "/rest/api/latest/repos?name=%00&projectname=%00&projectkey=%00",
    ] {
        let answer = admin.get(path).await;
        assert!(answer.status < 500, "{path}: {} {}", answer.status, answer.text);
    }
    let answer = admin.delete("/rest/api/latest/admin/users?name=%00").await;
    assert!(answer.status < 500, "{}", answer.text);
    let answer = admin.delete("/rest/access-tokens/latest/users/admin/%00").await;
    answer.refused(404);
    let preferred = "/rest/mirroring/latest/account/settings/preferred-mirror";
    admin.post(preferred, &serde_json::json!("A\u{0}")).await.refused(404);
    let outsider = pair.admin().as_(Identity::Server("\u{0}".into(), "a secret that is not shared".into()));
    outsider.get("/rest/mirroring/latest/repos").await.refused(401);
    let error = admin
        .post(projects, &serde_json::json!({"key": "NUL", "name": "nul", "description": "a\u{0}b"}))
        .await
        .refused(400);
    assert_eq!(error["context"], "description");
    let request = serde_json::json!({"mirrorId": "A\u{0}", "mirrorName": "a\u{0}",
        "mirrorBaseUrl": "http://a\u{0}", "addonDescriptorUri": "http://a\u{0}/x", "productType": "\u{0}"});
    pair.anonymous().post("/rest/mirroring/latest/requests", &request).await.refused(409);
}

#[tokio::test]
async fn bodies_that_no_library_writes_are_refused_in_the_envelope() {
    let pair = shared_pair().await;
    let nested = "[".repeat(NESTING);
    let objects = format!("{}1{}", "{\"key\":".repeat(1_000), "}".repeat(1_000));
    let number = format!("{{\"key\":\"HOST\",\"name\":\"x\",\"public\":1e{}}}", "9".repeat(1_000));
    let bodies: [&[u8]; 7] = [
        nested.as_bytes(),
        objects.as_bytes(),
        number.as_bytes(),
        b"{\"key\":\"HOST\",\"name\":\"\xff\xfe\"}",
        b"{\"key\":\"HOST\",\"name\":\"\\ud800\"}",
        b"\xff\xfe{\x00}\x00",
        b"{\"key\":\"HOST\",\"name\":\"x\"} trailing",
    ];
    for body in bodies {
        let answer = pair
            .admin()
            .send_raw(Method::POST, "/rest/api/latest/projects", Some((body, "application/json")))
            .await;
        answer.refused(400);
    }
    pair.admin().get("/rest/api/latest/projects/HOST").await.refused(404);
}

#[tokio::test]
async fn a_list_of_the_longest_length_is_read_at_once() {
    let pair = shared_pair().await;
    let path = "/rest/mirroring/latest/requests/999999/accept";
    let body = serde_json::json!({"projectIds": vec!["0"; 10_000]});
    pair.admin().post(path, &body).await.refused(409);
    let body = serde_json::json!({"projectIds": vec!["0"; 10_001]});
    let error = pair.admin().post(path, &body).await.refused(400);
    assert_eq!(error["context"], "projectIds");
}

#[tokio::test]
async fn floods_of_headers_and_broken_heads_are_refused_and_the_server_goes_on() {
    let pair = shared_pair().await;
    let path = "/rest/api/latest/application-properties";
    let many: String = (0..5_000).map(|number| format!("X-{number}: y\r\n")).collect();
    let head = |rest: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{rest}\r\n").into_bytes();
    let requests = [
        head(&many),
        head(&format!("X-Long: {}\r\n", "z".repeat(2_000_000))),
        head("Broken header\r\n"),
        head("Content-Length: 1\r\nContent-Length: 2\r\nConnection: close\r\n"),
        head("Content-Length: -1\r\n"),
        format!("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", "/x".repeat(100_000)).into_bytes(),
    ];
    for server in [&pair.upstream, &pair.mirror] {
        for request in &requests {
            let (status, body) = send(server, request).await;
            assert!((400..500).contains(&status), "{status} {body}");
        }
        server.anonymous().get("/status").await.expect(200);
    }
}
