//! Addresses: what an upstream calls when others name them, nothing that only it can reach unless its operator lists it, and what
//! a server says of its own where nothing encrypts.

use std::net::Ipv4Addr;

use url::Url;

use crate::harness::{
    Answer, Client, Identity, KeptAddress, Receiver, Server, ServerOptions, eventually, webhooks_path,
};

/// An upstream that other machines could reach, started with further arguments.
fn reached_by_others(arguments: &[&str]) -> Server {
    let kept = KeptAddress::at(Ipv4Addr::UNSPECIFIED.into()).expect("a port is free");
    let base_url = format!("http://127.0.0.1:{}", kept.port());
    let mut all = vec!["--base-url".to_owned(), base_url];
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    Server::upstream(ServerOptions {
        arguments: all,
        listen: Some(kept.to_string()),
        ..ServerOptions::default()
    })
}

/// Has an upstream call this URL.
async fn call(upstream: &Server, url: &str) -> Answer {
    let repository = upstream.empty_repository(false).await;
    upstream.admin().post_nothing(&format!("{}/test?url={url}", webhooks_path(&repository))).await
}

#[tokio::test]
async fn a_server_that_others_reach_does_not_call_its_own_machine() {
    let upstream = reached_by_others(&[]);
    let receiver = Receiver::start();
    let port = Url::parse(&receiver.url()).expect("is a URL").port().expect("has one");
    for host in ["127.0.0.1", "127.1", "[::ffff:127.0.0.1]", "[2002:7f00:1::]", "[64:ff9b::127.0.0.1]"] {
        call(&upstream, &format!("http://{host}:{port}/")).await.refused(400);
    }
    // A name is refused when it is resolved.
    let by_name = call(&upstream, &format!("http://localhost:{port}/")).await.promised(200);
    assert_eq!(by_name["result"]["outcome"], "ERROR");
    assert!(receiver.received().is_empty());
    // Nothing says that there is TLS in front of it.
    assert_eq!(upstream.log().matches("travel unencrypted").count(), 1, "{}", upstream.log());
    let page = upstream.admin().get("/").await;
    assert!(page.text.contains("travel unencrypted"), "{}", page.text);
}

#[tokio::test]
async fn the_operator_lists_what_may_be_called_and_what_not() {
    let receiver = Receiver::start();
    let allowed = reached_by_others(&["--outgoing-allow", "127.0.0.0/8, fe80::/10"]);
    let answered = call(&allowed, &receiver.url()).await.promised(200);
    assert_eq!(answered["result"]["outcome"], "SUCCESS");
    call(&allowed, "http://169.254.169.254/").await.refused(400);
    call(&allowed, "http://100.100.100.200/").await.refused(400);

    let denied = ["--outgoing-deny", "127.0.0.0/8,10.0.0.0/8", "--outgoing-allow", "10.1.0.0/16"];
    let arguments = denied.map(str::to_owned).to_vec();
    let denied = Server::upstream(ServerOptions { arguments, ..ServerOptions::default() });
    for url in [receiver.url().as_str(), "http://10.2.0.1/"] {
        call(&denied, url).await.refused(400);
    }
    assert_eq!(receiver.received().len(), 1);
    let page = denied.admin().get("/").await;
    assert!(!page.text.contains("travel unencrypted"), "it is reached from this machine only");
}

#[tokio::test]
async fn a_server_of_any_role_that_speaks_plain_http_to_others_says_so_also_with_an_https_address() {
    const NOTICE: &str = "this server speaks no TLS";
    let nowhere = Url::parse("http://127.0.0.1:9/").expect("is a URL");
    let roles: [&dyn Fn(ServerOptions) -> Server; 3] =
        [&Server::upstream, &|options| Server::mirror(&nowhere, "Saigon", options), &|options| {
            Server::mirror_of_origin(&nowhere, options)
        }];
    for start in roles {
        for further in [None, Some("--tls-in-front")] {
            let kept = KeptAddress::at(Ipv4Addr::UNSPECIFIED.into()).expect("a port is free");
            let arguments = ["--base-url", "https://git.example.com"].into_iter().chain(further);
            let server = start(ServerOptions {
                arguments: arguments.map(str::to_owned).collect(),
                listen: Some(kept.to_string()),
                ..ServerOptions::default()
            });
            let reached = Url::parse(&format!("http://127.0.0.1:{}/", kept.port())).expect("is a URL");
            let page = Client::new(&reached, Identity::Anonymous).get("/").await.expect(200);
            assert_eq!(page.text.contains(NOTICE), further.is_none(), "{}", page.text);
            match further {
                None => {
                    let is_told = || async { server.log().contains(NOTICE).then_some(()) };
                    eventually("the line in the log", is_told).await;
                }
                Some(_) => assert!(!server.log().contains(NOTICE), "{}", server.log()),
            }
        }
    }
}
