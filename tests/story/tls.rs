//! A server with a certificate: clones over TLS, servers that trust a private authority, and a certificate that is renewed.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::tls::TlsInfo;
use url::Url;

use crate::harness::{
    ADMIN_PASSWORD, Certified, Checkout, Pair, Server, ServerOptions, binary, clone_url, commit_noise,
    eventually, git, git_fails, http_client, said,
};

/// Runs git, which trusts the authority of the tests.
#[track_caller]
fn git_over_tls(folder: &Path, certified: &Certified, arguments: &[&str]) -> String {
    let setting = certified.git_setting();
    git(folder, &[&["-c", setting.as_str()][..], arguments].concat())
}

fn heliostat(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD);
    command.output().expect("the binary can be run")
}

#[tokio::test]
async fn a_mirror_follows_and_serves_over_tls() {
    let certified = Certified::new();
    let pair = Pair::start_with(certified.options(), certified.options()).await;
    assert!(pair.upstream.base().starts_with("https://") && pair.mirror.base().starts_with("https://"));
    let repository = pair.upstream.empty_repository(false).await;
    let checkout = Checkout::new();
    commit_noise(&checkout);
    let url = pair.upstream_url(&repository);
    git_over_tls(checkout.path(), &certified, &["push", "--quiet", url.as_str(), "HEAD:refs/heads/main"]);
    pair.mirrored(&repository).await;
    let head = git(checkout.path(), &["rev-parse", "HEAD"]);
    let at_mirror = pair.mirror_url(&repository);
    // The second clone gets the stored answer of the first.
    for name in ["first", "second"] {
        let clone = checkout.path().join(name);
        let folder = clone.to_str().expect("is UTF-8");
        git_over_tls(checkout.path(), &certified, &["clone", "--quiet", at_mirror.as_str(), folder]);
        git(&clone, &["fsck", "--full"]);
        assert_eq!(git(&clone, &["rev-parse", "HEAD"]), head);
    }
    let refused = git_fails(checkout.path(), &["ls-remote", at_mirror.as_str()]);
    assert!(refused.contains("ertificate"), "{refused}");
}

#[tokio::test]
async fn the_command_line_trusts_the_authority_that_it_is_told_of() {
    let certified = Certified::new();
    let upstream = Server::upstream(certified.options());
    let url = upstream.base();
    let authority = certified.authority();
    let trusting = ["--ca-file", authority.to_str().expect("is UTF-8")];
    let listed = heliostat(&[&["user", "list", "--url", url][..], &trusting].concat());
    assert!(listed.status.success(), "{}", said(&listed));
    let refused = heliostat(&["user", "list", "--url", url]);
    assert!(!refused.status.success() && said(&refused).contains("certificate"), "{}", said(&refused));

    let data = upstream.data();
    let doctor = ["doctor", "--data", data.to_str().expect("is UTF-8"), "--upstream", url];
    let well = heliostat(&[&doctor[..], &trusting].concat());
    assert!(said(&well).contains(&format!("{url}/ answers")), "{}", said(&well));
    let doubtful = heliostat(&doctor);
    assert!(said(&doubtful).contains("is named by --ca-file"), "{}", said(&doubtful));
    let plain = url.replace("https://", "http://");
    let unencrypted = said(&heliostat(&["doctor", "--data", doctor[2], "--upstream", &plain]));
    assert!(unencrypted.contains(&format!("--upstream: {url}/")), "{unencrypted}");
}

#[test]
fn the_doctor_looks_at_the_certificate() {
    let certified = Certified::for_names(&["localhost"]);
    let (certificate, key) = (certified.certificate(), certified.key());
    let paths = [&certificate, &key].map(|path| path.to_str().expect("is UTF-8"));
    let doctor_at = |option: &str, place: &str| {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let data = folder.path().to_str().expect("is UTF-8");
        let options = ["doctor", "--data", data, option, place];
        said(&heliostat(&[&options[..], &["--tls-certificate", paths[0], "--tls-key", paths[1]]].concat()))
    };
    let doctor = |url: &str| doctor_at("--base-url", url);
    let line = |text: &str| text.lines().find(|line| line.contains(" TLS ")).unwrap_or_default().to_owned();
    let well = doctor("https://localhost:1");
    assert!(line(&well).starts_with("ok") && line(&well).contains("server.pem"), "{well}");
    let other = doctor("https://127.0.0.1:1");
    assert!(line(&other).starts_with("warning") && line(&other).contains("not for 127.0.0.1"), "{other}");
    let listening = doctor_at("--listen", "127.0.0.1:1");
    assert!(line(&listening).contains("not for 127.0.0.1"), "it is the base URL then: {listening}");
    let plain = doctor("http://localhost:1");
    assert!(line(&plain).starts_with("failed"), "{plain}");
}

/// A client whose connection stays open for the next request.
fn keeping() -> reqwest::Client {
    http_client().tls_info(true).build().expect("a client can be built")
}

/// The certificate of the connection over which a client asks for the status.
async fn certificate_shown(client: &reqwest::Client, base: &Url) -> Vec<u8> {
    let answer = client.get(base.join("status").expect("a path")).send().await.expect("the server answers");
    assert_eq!(answer.status(), 200);
    let info = answer.extensions().get::<TlsInfo>().expect("it was asked for").clone();
    answer.bytes().await.expect("the answer is whole");
    info.peer_certificate().expect("the server has shown one").to_vec()
}

#[tokio::test]
async fn sighup_brings_a_new_certificate_and_no_connection_is_lost() {
    let certified = Certified::new();
    let upstream = Server::upstream(certified.options());
    let (base, process) = (upstream.base_url(), upstream.process_id());
    let open = keeping();
    let first = certificate_shown(&open, base).await;

    // The connection from before is used all the time, so that it is not closed for being idle.
    std::fs::write(certified.certificate(), "half of one").expect("a file can be written");
    upstream.hang_up();
    eventually("the refusal in the log", || async {
        assert_eq!(certificate_shown(&open, base).await, first);
        upstream.log().contains("the former certificate stays in use").then_some(())
    })
    .await;
    assert_eq!(certificate_shown(&keeping(), base).await, first);

    certified.renew(&["127.0.0.1"]);
    upstream.hang_up();
    eventually("the new certificate", || async {
        assert_eq!(certificate_shown(&open, base).await, first);
        (certificate_shown(&keeping(), base).await != first).then_some(())
    })
    .await;
    assert_eq!(certificate_shown(&open, base).await, first);
    assert_eq!(upstream.process_id(), process);
}

/// When the certificate ends, in epoch seconds, if `/status` of a server tells that it soon does.
async fn told_end(server: &Server) -> Option<u64> {
    const METRIC: &str = "heliostat_tls_certificate_not_after_timestamp_seconds ";
    let status = server.anonymous().get("/status").await.text;
    let metrics = server.anonymous().get("/metrics").await.expect(200).text;
    let ends_at = metrics.lines().find_map(|line| line.strip_prefix(METRIC)).expect("it is served");
    status.contains("expires within 14 days").then(|| ends_at.parse().expect("a number"))
}

#[tokio::test]
async fn the_end_of_the_certificate_is_told_before_it_comes() {
    let certified = Certified::new();
    let pair = Pair::start_with(certified.options(), certified.options()).await;
    let in_a_week = SystemTime::now() + Duration::from_hours(7 * 24);
    certified.renew_until(&["127.0.0.1"], in_a_week);
    for server in [&pair.upstream, &pair.mirror] {
        assert_eq!(told_end(server).await, None, "what clients are shown is good for long");
        server.hang_up();
        let told = eventually("the end is told", || told_end(server)).await;
        let expected = in_a_week.duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn browsers_are_told_to_come_by_https_alone_if_the_operator_wants_it() {
    let certified = Certified::new();
    for (hsts, expected) in
        [(None, None), (Some("180d"), Some("max-age=15552000")), (Some("0s"), Some("max-age=0"))]
    {
        let mut options = certified.options();
        options.arguments.extend(hsts.iter().flat_map(|time| ["--hsts".to_owned(), (*time).to_owned()]));
        let upstream = Server::upstream(options);
        for path in ["", "status", "rest/nothing", "scm/nothing/here.git/info/refs?service=git-upload-pack"] {
            let url = upstream.base_url().join(path).expect("a path");
            let answer = keeping().get(url).send().await.expect("the server answers");
            let told = answer.headers().get("strict-transport-security");
            assert_eq!(told.map(|told| told.to_str().expect("is text")), expected, "{path}");
        }
    }
}

#[tokio::test]
async fn sighup_ends_no_server_without_a_certificate() {
    let mut upstream = Server::upstream(ServerOptions::default());
    upstream.hang_up();
    eventually("the signal in the log", || async {
        upstream.log().contains("nothing to read again").then_some(())
    })
    .await;
    upstream.anonymous().get("/status").await.expect(200);
    assert!(upstream.terminate().success());
}

#[tokio::test]
async fn who_speaks_no_tls_is_told_so() {
    let certified = Certified::new();
    let upstream = Server::upstream(certified.options());
    let mut plain = upstream.base_url().clone();
    plain.set_scheme("http").expect("another scheme of the same kind");
    let answer = keeping().get(plain).send().await.expect("an answer in words");
    assert_eq!(answer.status(), 400);
    let text = answer.text().await.expect("is whole");
    assert!(text.contains("https://"), "{text}");
    let repository = upstream.empty_repository(true).await;
    let mut url = clone_url(upstream.base_url(), &repository, None);
    url.set_scheme("http").expect("another scheme of the same kind");
    let refused = git_fails(certified.authority().parent().expect("a folder"), &["ls-remote", url.as_str()]);
    assert!(refused.contains("400"), "{refused}");
}
