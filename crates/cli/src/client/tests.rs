//! What is sent and what is made of answers, against a socket that gives prepared ones.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Gives one prepared answer per connection, and in the end the requests that came.
async fn server(answers: Vec<String>) -> (Url, tokio::task::JoinHandle<Vec<String>>) {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound");
    let serving = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("the client connects");
            let mut request = Vec::new();
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                let count = stream.read_buf(&mut request).await.expect("the client sends a request");
                assert!(count > 0, "the client hung up");
            }
            stream.write_all(answer.as_bytes()).await.expect("the client reads the answer");
            requests.push(String::from_utf8(request).expect("a request head is text"));
        }
        requests
    });
    (Url::parse(&format!("http://{address}/git")).expect("an address makes a URL"), serving)
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_list_is_read_page_after_page() {
    let first = r#"{"values":["a","b"],"isLastPage":false,"nextPageStart":7}"#;
    let last = r#"{"values":["c"],"isLastPage":true}"#;
    let (url, serving) = server(vec![answer("200 OK", first), answer("200 OK", last)]).await;
    let authorization = Authorization::basic("ann", "pw").expect("plain text");
    let client = Client::new(url, Some(&authorization));
    let all = client.get(&["rest", "things"]).query("filter", "x y").all().await.expect("two pages");
    assert_eq!(Value::from(all), serde_json::json!(["a", "b", "c"]));

    let requests = serving.await.expect("both pages were asked for");
    assert!(
        requests[0].starts_with("GET /git/rest/things?filter=x+y&start=0&limit=1000 HTTP/1.1"),
        "{}",
        requests[0]
    );
    assert!(
        requests[1].starts_with("GET /git/rest/things?filter=x+y&start=7&limit=1000 HTTP/1.1"),
        "{}",
        requests[1]
    );
    assert!(requests.iter().all(|request| request.contains("authorization: Basic YW5uOnB3")));
}

#[tokio::test]
async fn answers_from_elsewhere_are_strange() {
    let redirection =
        "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n".to_owned();
    let answers =
        vec![redirection, answer("200 OK", "<html>"), answer("200 OK", "{}"), answer("204 No Content", "")];
    let (url, serving) = server(answers).await;
    let client = Client::new(url, None);
    let redirected = client.get(&["x"]).send().await.expect_err("it was redirected").to_string();
    assert!(redirected.contains("a redirection to http://elsewhere/"), "{redirected}");
    let page = client.get(&["x"]).send().await.expect_err("it is no JSON").to_string();
    assert!(page.contains("no valid JSON"), "{page}");
    let list = client.get(&["x"]).all().await.expect_err("it is no page").to_string();
    assert!(list.contains("no page of values"), "{list}");
    assert_eq!(client.delete(&["x"]).send().await.expect("nothing to say"), Value::Null);
    serving.await.expect("all answers were taken");
}

fn below(base: &str, segments: &[&str]) -> String {
    url_below(&Url::parse(base).expect("a URL"), segments)
        .map_or_else(|e| e.to_string(), |url| url.to_string())
}

#[test]
fn paths_keep_the_context_path_and_escape_names() {
    assert_eq!(below("http://h:1", &["rest", "api"]), "http://h:1/rest/api");
    assert_eq!(below("http://h:1/git/", &["rest", "a/b c"]), "http://h:1/git/rest/a%2Fb%20c");
    assert_eq!(below("http://h:1", &["rest", ".."]), "\"..\" cannot be a name here");
}

#[test]
fn refusals_speak_with_the_words_of_the_server() {
    let url = Url::parse("http://h:1").expect("a URL");
    let envelope =
        br#"{"errors":[{"context":"key","message":"is taken","exceptionName":null},{"message":"no"}]}"#;
    let told = refusal(url.clone(), StatusCode::CONFLICT, envelope).to_string();
    assert_eq!(told, "key: is taken; no");
    let told = refusal(url, StatusCode::BAD_GATEWAY, b"<html>").to_string();
    assert!(told.contains("not from this API: status 502"), "{told}");
}
