//! Lists of a provider that paginates, does not repeat itself, and wants to be left alone at times.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use heliostat_peer::{Authorities, Clock};
use tempfile::NamedTempFile;

use super::pretend_provider::{INSTALLATION_TOKEN, PretendProvider};
use super::{AppKey, CredentialSource, DiscoveryFailure, ServiceCredential, Sweep, SweepOptions};
use crate::RepositoryPath;
use crate::hooks::Hints;

const INTERVAL: Duration = Duration::from_secs(30);
/// A long token, as they are.
const TOKEN: &str = "ghp_0123456789012345678901234567890123456789012345678901234567890123456789";

/// A clock that is set by hand.
#[derive(Clone)]
struct Hand(Arc<AtomicI64>);

impl Hand {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_700_000_000_000)))
    }

    fn clock(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Clock::reading(move || now.load(Ordering::Relaxed))
    }

    fn pass(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).expect("it is short");
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

fn options(provider: &PretendProvider, organisation: &str) -> SweepOptions {
    // Without a provider of TLS no client can be made, whatever it calls.
    let _ = rustls::crypto::ring::default_provider().install_default();
    SweepOptions {
        organisations: vec![organisation.parse().expect("an organisation")],
        origin: "https://git.example.com/".parse().expect("a URL"),
        interface: Some(provider.base.clone()),
        authorities: Authorities::default(),
        interval: INTERVAL,
    }
}

fn credential(options: &SweepOptions, source: CredentialSource, clock: Clock) -> Arc<ServiceCredential> {
    let api = options.api(options.organisations[0].provider);
    Arc::new(ServiceCredential::new(source, api, clock).expect("usable"))
}

fn token_file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

/// Lets everything be looked at that waits.
async fn look_at_all(hints: &Arc<Hints>) {
    let (waiting, looked) = (hints.waiting(), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&looked);
    let following = tokio::spawn(Arc::clone(hints).follow(1, move |_| {
        let counter = Arc::clone(&counter);
        async move {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }));
    while looked.load(Ordering::Relaxed) < waiting {
        tokio::task::yield_now().await;
    }
    following.abort();
}

#[tokio::test]
async fn every_page_is_read_and_what_has_not_changed_is_not_sent_again() {
    let provider = PretendProvider::with(250).await;
    let (options, hints, hand) = (options(&provider, "github:acme"), Arc::new(Hints::default()), Hand::new());
    let file = token_file(&format!("{TOKEN}\n"));
    let source = CredentialSource::File(file.path().to_owned());
    let own = credential(&options, source, hand.clock());
    let sweep = Sweep::new(&options, Some(&own), Arc::clone(&hints), hand.clock()).expect("usable");

    assert_eq!(sweep.once().await, INTERVAL);
    let state = sweep.state();
    assert_eq!((state.repositories, state.failure, hints.waiting()), (250, None, 250));
    assert_eq!(state.last_success_at, Some(hand.clock().now_ms()));
    let asked = provider.asked();
    assert!(asked.iter().all(|asked| asked.authorization == format!("Bearer {TOKEN}")), "{asked:?}");
    assert_eq!(asked.iter().map(|asked| asked.status).collect::<Vec<_>>(), [200, 200, 200]);

    look_at_all(&hints).await;
    sweep.once().await;
    assert_eq!(hints.waiting(), 0);
    let again: Vec<u16> = provider.asked()[3..].iter().map(|asked| asked.status).collect();
    assert_eq!(again, [304, 304, 304]);

    provider.push_to(217);
    sweep.once().await;
    let third: Vec<u16> = provider.asked()[6..].iter().map(|asked| asked.status).collect();
    assert_eq!((third, hints.waiting()), (vec![304, 304, 200], 1));
}

#[tokio::test]
async fn a_provider_that_has_enough_is_left_alone_and_what_it_did_not_tell_is_found_later() {
    let provider = PretendProvider::with(150).await;
    let (hints, hand) = (Arc::new(Hints::default()), Hand::new());
    let options = options(&provider, "github:acme");
    let sweep = Sweep::new(&options, None, Arc::clone(&hints), hand.clock()).expect("usable");
    provider.allow(1);
    assert_eq!(sweep.once().await, Duration::from_secs(120), "as long as it said");
    let state = sweep.state();
    assert!(state.failure.is_some_and(|failure| failure.contains("asked less often")));
    assert_eq!((state.last_success_at, hints.waiting()), (None, 0));
    assert_eq!(state.waits_until, Some(hand.clock().now_ms() + 120_000));

    hand.pass(Duration::from_secs(119));
    assert_eq!(sweep.once().await, INTERVAL);
    assert_eq!(provider.asked().len(), 2, "nothing more is asked until then");

    provider.allow(10);
    hand.pass(Duration::from_secs(2));
    sweep.once().await;
    assert_eq!((sweep.state().failure, hints.waiting()), (None, 150));
}

#[tokio::test]
async fn an_app_asks_for_a_token_once_an_hour() {
    let provider = PretendProvider::with(3).await;
    let (options, hand) = (options(&provider, "github:Acme"), Hand::new());
    let key = AppKey::from_pem(include_bytes!("app_key_of_tests.pem")).expect("a key");
    let own = credential(&options, CredentialSource::App { id: "12345".to_owned(), key }, hand.clock());
    let sweep = Sweep::new(&options, Some(&own), Arc::default(), hand.clock()).expect("usable");
    let tokens_asked_for = || provider.asked().iter().filter(|asked| asked.method == "POST").count();

    sweep.once().await;
    sweep.once().await;
    assert_eq!((sweep.state().repositories, sweep.state().failure), (3, None));
    assert_eq!(tokens_asked_for(), 1);
    let listed = provider.asked().pop().expect("it was asked");
    assert_eq!(listed.target, "/installation/repositories?per_page=100");
    assert_eq!(listed.authorization, format!("Bearer {INSTALLATION_TOKEN}"));
    let path = RepositoryPath::parse("ACME/r000.git").expect("a path");
    let shown = own.for_git(&path).await.expect("it can").expect("it has one");
    let expected = crate::Credentials::basic("x-access-token", INSTALLATION_TOKEN).expect("valid");
    assert_eq!(shown.header(), expected.header());
    assert_eq!(tokens_asked_for(), 1, "an account is the same however it is written");

    // Where the app is not installed, that is asked once.
    let elsewhere = RepositoryPath::parse("other/tool.git").expect("a path");
    for _ in 0..2 {
        assert!(own.for_git(&elsewhere).await.expect("it can").is_none());
    }
    let about_other = provider.asked().iter().filter(|asked| asked.target.contains("/other/")).count();
    assert_eq!(about_other, 2, "as an organisation, and as a user");

    hand.pass(Duration::from_secs(51 * 60));
    sweep.once().await;
    assert_eq!(tokens_asked_for(), 2);
}

#[tokio::test]
async fn a_credential_that_cannot_be_used_is_told_and_a_new_one_is_read() {
    let provider = PretendProvider::with(1).await;
    let (options, hand) = (options(&provider, "gitea:acme"), Hand::new());
    let file = token_file("");
    let source = CredentialSource::File(file.path().to_owned());
    let own = credential(&options, source, hand.clock());
    let path = RepositoryPath::parse("acme/tool.git").expect("a path");
    let failure = own.for_git(&path).await.expect_err("there is none");
    assert!(
        matches!(&failure, DiscoveryFailure::NoCredential(told) if told.contains("one line")),
        "{failure}"
    );
    assert!(provider.asked().is_empty());

    std::fs::write(file.path(), "robot:secret-token\n").expect("written");
    let shown = own.for_git(&path).await.expect("it can").expect("it has one");
    assert_eq!(shown.header(), crate::Credentials::basic("robot", "secret-token").expect("valid").header());
    let sweep = Sweep::new(&options, Some(&own), Arc::default(), hand.clock()).expect("usable");
    sweep.once().await;
    let asked = provider.asked().pop().expect("it was asked");
    assert_eq!(Some(asked.authorization.as_str()), shown.header());
}

#[tokio::test]
async fn a_workspace_of_bitbucket_cloud_is_listed_to_its_last_page_at_one_server() {
    let provider = PretendProvider::with(250).await;
    let hand = Hand::new();
    let options = SweepOptions {
        origin: "https://bitbucket.org/".parse().expect("a URL"),
        interface: Some(provider.base.join("2.0/").expect("a URL")),
        ..options(&provider, "bitbucket:acme")
    };
    let file = token_file(TOKEN);
    let own = credential(&options, CredentialSource::File(file.path().to_owned()), hand.clock());
    let sweep = Sweep::new(&options, Some(&own), Arc::default(), hand.clock()).expect("usable");
    sweep.once().await;
    assert_eq!((sweep.state().repositories, sweep.state().failure), (250, None));
    let asked = provider.asked();
    let targets: Vec<&str> = asked.iter().map(|asked| asked.target.as_str()).collect();
    let page = |further: &str| format!("/2.0/repositories/acme?pagelen=100{further}");
    assert_eq!(targets, [page(""), page("&page=2"), page("&page=3")], "the next page is not where it says");
    assert!(asked.iter().all(|asked| asked.authorization == format!("Bearer {TOKEN}")), "{asked:?}");
    let path = RepositoryPath::parse("acme/r000.git").expect("a path");
    let shown = own.for_git(&path).await.expect("it can").expect("it has one");
    let expected = crate::Credentials::basic("x-token-auth", TOKEN).expect("valid");
    assert_eq!(shown.header(), expected.header(), "Git wants a user name beside it");

    // A user name with a password is shown to both alike.
    std::fs::write(file.path(), "ann:password").expect("written");
    sweep.once().await;
    let ann = crate::Credentials::basic("ann", "password").expect("valid");
    let asked = provider.asked().pop().expect("it was asked");
    assert_eq!(Some(asked.authorization.as_str()), ann.header());
    assert_eq!(own.for_git(&path).await.expect("it can").expect("it has one").header(), ann.header());
}

#[tokio::test]
async fn what_is_not_there_is_told_with_its_name() {
    let provider = PretendProvider::with(1).await;
    let (options, hand) = (options(&provider, "github:other"), Hand::new());
    let sweep = Sweep::new(&options, None, Arc::default(), hand.clock()).expect("usable");
    sweep.once().await;
    let failure = sweep.state().failure.expect("it is not there");
    assert!(failure.contains("github:other") && failure.contains("/users/other/repos"), "{failure}");
}
