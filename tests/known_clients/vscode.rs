//! The editor extension that recognises remotes which point at mirrors.
//!
//! As an ordinary user it asks for up to 100 mirrors under version 1.0 and keeps their hosts; a remote on one of them
//! belongs to the site. Errors are ignored: then no remote on a mirror is recognised, and everything else works.

use std::collections::BTreeSet;

use serde::Deserialize;
use url::Url;

use super::reading::{ReadPage, fields_it_cannot_do_without, read};
use crate::harness::{Client, Identity, clone_url, git, shared_pair};

const PATH: &str = "/rest/mirroring/1.0/mirrorServers?limit=100";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MirrorServer {
    base_url: String,
}

/// Hosts with their ports: all tests share one host.
async fn mirror_hosts(site: &Client) -> BTreeSet<String> {
    let answer = site.get(PATH).await;
    let page = (answer.status == 200).then(|| read::<ReadPage<MirrorServer>>(&answer.json()));
    let servers = page.and_then(Result::ok).map(|page| page.values).unwrap_or_default();
    servers.iter().filter_map(|server| host_of(&server.base_url)).collect()
}

fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

#[tokio::test]
async fn a_remote_on_a_mirror_is_recognised() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let url = clone_url(pair.mirror.base_url(), &repository, None);
    git(folder.path(), &["clone", "--quiet", url.as_str(), "copy"]);
    let remote = git(&folder.path().join("copy"), &["remote", "get-url", "origin"]);

    let site = pair.upstream.client(&pair.new_user().await);
    let hosts = mirror_hosts(&site).await;
    assert!(hosts.contains(&host_of(&remote).expect("has a host")), "{remote} is on none of {hosts:?}");
    let primary = host_of(pair.upstream.base()).expect("has a host");
    assert!(!hosts.contains(&primary), "the primary is no mirror");
}

#[tokio::test]
async fn the_limit_is_kept_and_the_reader_gets_what_it_requires() {
    let pair = shared_pair().await;
    let page = pair.admin().get(PATH).await.expect(200).json();
    assert_eq!(page["limit"], 100);
    assert_eq!(fields_it_cannot_do_without::<MirrorServer>(&page["values"][0]), ["baseUrl"]);
}

#[tokio::test]
async fn without_a_right_to_ask_no_host_is_a_mirror() {
    let pair = shared_pair().await;
    for caller in [Identity::Anonymous, Identity::impostor()] {
        assert!(mirror_hosts(&pair.upstream.client(&caller)).await.is_empty());
    }
    // On a mirror the list is not served at all.
    assert!(mirror_hosts(&pair.mirror_admin()).await.is_empty());
}
