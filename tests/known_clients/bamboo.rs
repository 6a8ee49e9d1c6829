//! A build server that offers the mirrors of a repository, when the server says that its version is 5.0 or later.

use serde::Deserialize;

use super::jenkins_plugin;
use super::reading::{fields_it_cannot_do_without, read};
use crate::harness::{Pair, ServerOptions, shared_pair};

/// Mirrors are offered from this major version on.
const FIRST_VERSION_WITH_MIRRORS: u32 = 5;

#[derive(Debug, Deserialize)]
struct ApplicationProperties {
    version: String,
}

async fn offers_mirrors(pair: &Pair) -> bool {
    let body = pair.admin().get("/rest/api/1.0/application-properties").await.expect(200).json();
    assert_eq!(fields_it_cannot_do_without::<ApplicationProperties>(&body), ["version"]);
    let properties: ApplicationProperties = read(&body).expect("properties");
    let major = properties.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    major.expect("a version begins with a number") >= FIRST_VERSION_WITH_MIRRORS
}

#[tokio::test]
async fn mirrors_are_offered_by_a_server_that_reports_a_version_of_bitbucket() {
    let arguments = vec!["--reported-version".to_owned(), "8.19.0".to_owned()];
    let upstream = ServerOptions { arguments, ..ServerOptions::default() };
    let pair = Pair::start_with(upstream, ServerOptions::default()).await;
    assert!(offers_mirrors(&pair).await);
    let body = pair.admin().get("/rest/api/1.0/application-properties").await.promised(200);
    assert_eq!((&body["version"], &body["buildNumber"]), (&"8.19.0".into(), &"8019000".into()));

    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let offered = jenkins_plugin::offered(&pair.admin(), &repository).await;
    assert!(offered[0].http_clone_url().starts_with(pair.mirror.base()), "{offered:?}");
}

#[tokio::test]
async fn left_alone_a_server_reports_its_own_version() {
    let pair = shared_pair().await;
    let body = pair.admin().get("/rest/api/1.0/application-properties").await.promised(200);
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
}
