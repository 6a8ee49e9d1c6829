//! Whether a role can listen where it is to, and whether its base URL leads there, or the address at which an upstream calls
//! a mirror back.
//!
//! It is asked from this machine. Whether the upstream can go the same way shows when it accepts the mirror; what it never
//! calls is told here already.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::finding::Finding;
use super::servers;
use crate::client::{Client, is_loopback};

/// What is looked at, as it is named in the report.
const WAY_BACK: &str = "way back";

/// The longest head of a request that is read, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The first byte of a client that begins to speak TLS: a record of a handshake.
const TLS_HANDSHAKE: u8 = 22;

/// Where a role is to be, and what it would follow.
pub struct Place<'a> {
    /// Where it listens.
    pub listen: Option<SocketAddr>,
    /// Where its clients look for it, and its upstream unless it has another address.
    pub base_url: Option<&'a Url>,
    /// Where its upstream looks for it, if that is another address.
    pub internal_url: Option<&'a Url>,
    /// Who calls it back.
    pub upstream: Option<&'a Url>,
    /// Whether it encrypts by itself.
    pub speaks_tls: bool,
}

/// Whether the address to listen on is free, or the role has it already.
pub async fn port(listen: Option<SocketAddr>, place: Option<&Url>) -> Finding {
    const ITEM: &str = "port";
    let Some(listen) = listen else { return Finding::skipped(ITEM, "no --listen given") };
    let error = match TcpListener::bind(listen).await {
        Ok(_) => return Finding::good(ITEM, format!("{listen} is free")),
        Err(error) => error,
    };
    let is_taken = error.kind() == std::io::ErrorKind::AddrInUse;
    if is_taken
        && let Some(place) = place
        && servers::answers(place).await
    {
        return Finding::good(ITEM, format!("{listen} is taken, and a role answers at {place}"));
    }
    let remedy = match is_taken {
        true => "stop what listens there, or choose another address by --listen",
        false => {
            "choose another address by --listen: one of this machine, with a port above 1023 unless it runs as root"
        }
    };
    Finding::failed(ITEM, format!("nothing can listen on {listen}: {error}"), remedy)
}

/// Whether the address at which a role is called leads to where it listens.
pub async fn reachable(place: &Place<'_>) -> Finding {
    let called = Called::of(place);
    let (Some(listen), Some(called)) = (place.listen, called) else {
        return Finding::skipped(WAY_BACK, "--listen and --base-url are not both given");
    };
    let Called { url, option } = called;
    if let Some(upstream) = place.upstream.filter(|upstream| is_loopback(url) && !is_loopback(upstream)) {
        return Finding::failed(
            WAY_BACK,
            format!("the upstream {upstream} is on another machine, where {url} is that machine itself"),
            format!("give an address by which the upstream reaches this machine as {option}"),
        );
    }
    if let Some(base_url) = place.base_url.filter(|base_url| path_of(base_url) != path_of(url)) {
        return Finding::failed(
            WAY_BACK,
            format!("{url} has another path than the base URL {base_url}"),
            "give both the same path: what the upstream signs is the path below it",
        );
    }
    let Ok(listener) = TcpListener::bind(listen).await else {
        return Finding::skipped(WAY_BACK, format!("{listen} cannot be listened on now"));
    };
    asked_from_here(listener, listen, called, place.speaks_tls).await
}

/// The address at which a role is called, and the option that says so.
#[derive(Clone, Copy)]
struct Called<'a> {
    url: &'a Url,
    option: &'static str,
}

impl<'a> Called<'a> {
    fn of(place: &Place<'a>) -> Option<Self> {
        let internal = place.internal_url.map(|url| Called { url, option: "--internal-url" });
        internal.or_else(|| place.base_url.map(|url| Called { url, option: "--base-url" }))
    }
}

fn path_of(url: &Url) -> &str {
    url.path().trim_end_matches('/')
}

/// Whether a client from here that asks at the address comes to this listener.
async fn asked_from_here(
    listener: TcpListener,
    listen: SocketAddr,
    Called { url, option }: Called<'_>,
    speaks_tls: bool,
) -> Finding {
    let word = word_of_this_process();
    let met_tls = Arc::new(AtomicBool::new(false));
    let answering = tokio::spawn(answer_all(listener, word.clone(), Arc::clone(&met_tls)));
    let heard = Client::new(url.clone(), None).get(&["status"]).text().await;
    answering.abort();
    // Until it has ended, the address is taken.
    let _ = answering.await;
    match heard {
        // Nothing here has a certificate to answer with: that the client got here is what was asked.
        _ if met_tls.load(Ordering::Relaxed) && speaks_tls => {
            Finding::good(WAY_BACK, format!("{url} leads to {listen}, asked from here"))
        }
        _ if met_tls.load(Ordering::Relaxed) => Finding::failed(
            WAY_BACK,
            format!("{url} leads straight to {listen}, where a role without a certificate speaks no TLS"),
            format!(
                "give --tls-certificate and --tls-key, here and to the role, or the URL of a proxy that encrypts as {option}"
            ),
        ),
        Ok(heard) if heard == word => {
            Finding::good(WAY_BACK, format!("{url} leads to {listen}, asked from here"))
        }
        Ok(_) => Finding::doubtful(
            WAY_BACK,
            format!("{url} leads to something else than {listen}"),
            format!("check host, port and path of {option}, and where a proxy there leads"),
        ),
        Err(error) => Finding::doubtful(
            WAY_BACK,
            format!("{url} does not lead to {listen}, asked from here: {error}"),
            format!(
                "check name service, firewall and proxy; the upstream must reach this machine by {option}"
            ),
        ),
    }
}

/// An answer that no other process gives.
fn word_of_this_process() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("heliostat-doctor-{}-{}", std::process::id(), now.as_nanos())
}

async fn answer_all(listener: TcpListener, word: String, met_tls: Arc<AtomicBool>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Who hangs up gets no answer.
        let _ = answer(stream, &word, &met_tls).await;
    }
}

async fn answer(mut stream: TcpStream, word: &str, met_tls: &AtomicBool) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < MAX_HEAD_BYTES {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
        if head.first() == Some(&TLS_HANDSHAKE) {
            met_tls.store(true, Ordering::Relaxed);
            return Ok(());
        }
    }
    let length = word.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{word}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::super::finding::Outcome;
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_told() {
        let taken = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = taken.local_addr().expect("it is bound");
        let finding = port(Some(address), None).await;
        assert!(
            finding.outcome == Outcome::Failed && finding.detail.contains(&address.to_string()),
            "{finding}"
        );
        assert_eq!(port(None, None).await.outcome, Outcome::Skipped);
        assert_eq!(port(Some(SocketAddr::from(([127, 0, 0, 1], 0))), None).await.outcome, Outcome::Good);
    }

    #[tokio::test]
    async fn a_loopback_address_is_of_no_use_to_an_upstream_elsewhere() {
        let (base_url, upstream) = (url("http://127.0.0.1:7991"), url("https://git.example.com"));
        let listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        let place = |internal_url| Place {
            listen,
            base_url: Some(&base_url),
            internal_url,
            upstream: Some(&upstream),
            speaks_tls: false,
        };
        let finding = reachable(&place(None)).await;
        assert!(
            finding.outcome == Outcome::Failed && finding.to_string().contains("--base-url"),
            "{finding}"
        );
        let inside = url("http://127.0.0.2:7991");
        let finding = reachable(&place(Some(&inside))).await;
        assert!(
            finding.outcome == Outcome::Failed && finding.to_string().contains("--internal-url"),
            "{finding}"
        );
        let elsewhere = url("http://10.0.0.7:7991/other");
        let finding = reachable(&place(Some(&elsewhere))).await;
        assert!(finding.outcome == Outcome::Failed && finding.to_string().contains("path"), "{finding}");
    }

    #[tokio::test]
    async fn a_client_that_speaks_tls_has_found_the_way_to_a_role_with_a_certificate_only() {
        // Another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        for (speaks_tls, outcome) in [(true, Outcome::Good), (false, Outcome::Failed)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
            let listen = listener.local_addr().expect("it is bound");
            let base_url = url(&format!("https://{listen}"));
            let called = Called { url: &base_url, option: "--base-url" };
            let finding = asked_from_here(listener, listen, called, speaks_tls).await;
            assert_eq!(finding.outcome, outcome, "{finding}");
        }
    }

    #[tokio::test]
    async fn what_listens_here_knows_its_own_word() {
        // Another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let base_url = url(&format!("http://{}", listener.local_addr().expect("it is bound")));
        let met_tls = Arc::new(AtomicBool::new(false));
        let answering = tokio::spawn(answer_all(listener, "a word".to_owned(), Arc::clone(&met_tls)));
        let heard = Client::new(base_url, None).get(&["status"]).text().await;
        assert_eq!(heard.expect("it answers"), "a word");
        assert!(!met_tls.load(Ordering::Relaxed));
        answering.abort();
    }
}
