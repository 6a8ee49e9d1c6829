//! The branch source of Jenkins, which lets a whole project pick its mirror by server id.
//!
//! It reads every page with a limit of 200, compares ids without regard to case, wants a mirror to be enabled, asks
//! the self link with no header of its own, and clones from the primary whenever anything goes wrong: also when the
//! mirror does not have the commit that is to be built. Events that say that too many refs have changed make it read
//! all branches again.

use serde::Deserialize;
use serde_json::Value;

use super::reading::{
    ReadNamedLink, ReadSelfLinks, every_page, fields_it_cannot_do_without, follow, read, with_credentials,
};
use crate::harness::{
    Client, Identity, Pair, eventually, git, git_output, repository_path, shared_joined_by_hand, shared_pair,
    start_joined_by_hand,
};

/// The client's own limit for a page.
const PAGE_LIMIT: u32 = 200;
/// More refs than an event names.
const TOO_MANY_REFS: usize = 1_001;

#[derive(Debug, Deserialize)]
struct MirrorServer {
    id: String,
    name: String,
    enabled: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    mirror_server: MirrorServer,
    links: ReadSelfLinks,
}

#[derive(Debug, Deserialize)]
struct MirroredRepository {
    available: bool,
    links: CloneLinks,
}

#[derive(Debug, Deserialize)]
struct CloneLinks {
    clone: Vec<ReadNamedLink>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Branch {
    display_id: String,
    latest_commit: String,
}

/// The HTTP address on the mirror with this id, or `None` for the primary.
async fn mirror_clone_url(
    upstream: &Client,
    repository: &Value,
    mirror_id: &str,
    limit: u32,
) -> Option<String> {
    let path = format!("/rest/mirroring/1.0/repos/{}/mirrors", repository["id"]);
    let descriptors: Vec<Descriptor> = every_page(upstream, &path, limit).await;
    let descriptor =
        descriptors.into_iter().find(|one| one.mirror_server.id.eq_ignore_ascii_case(mirror_id))?;
    if !descriptor.mirror_server.enabled {
        return None;
    }
    let answer =
        follow(&descriptor.links.itself.first()?.href).await.filter(|answer| answer.status == 200)?;
    let mirrored: MirroredRepository = read(&answer.json()).ok()?;
    let http = mirrored.links.clone.into_iter().find(|link| link.name == "http");
    http.filter(|_| mirrored.available).map(|link| link.href)
}

#[tokio::test]
async fn the_mirror_is_found_by_its_id_in_either_case() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let servers: Vec<MirrorServer> =
        every_page(&pair.admin(), "/rest/mirroring/1.0/mirrorServers", PAGE_LIMIT).await;
    let server = servers.iter().find(|server| server.name == "Saigon").expect("it is listed");
    assert!(server.enabled);
    for id in [server.id.to_lowercase(), server.id.to_uppercase()] {
        let url = mirror_clone_url(&pair.admin(), &repository, &id, PAGE_LIMIT).await.expect("on the mirror");
        assert!(url.starts_with(pair.mirror.base()), "{url}");
    }
    assert_eq!(mirror_clone_url(&pair.admin(), &repository, "B0F5-0000-0000-CCK3", PAGE_LIMIT).await, None);
}

#[tokio::test]
async fn pages_lead_to_the_last_mirror() {
    let joined = start_joined_by_hand().await;
    joined.another("Second").await;
    joined.another("Third").await;
    let admin = joined.upstream.admin();
    for limit in [PAGE_LIMIT, 1] {
        let servers: Vec<MirrorServer> = every_page(&admin, "/rest/mirroring/1.0/mirrorServers", limit).await;
        let mut names: Vec<_> = servers.iter().map(|server| server.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["Hand-made", "Second", "Third"]);
    }
}

#[tokio::test]
async fn the_reader_gets_every_field_that_it_requires() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let path = format!("/rest/mirroring/1.0/repos/{}/mirrors", repository["id"]);
    let descriptor = pair.admin().get(&path).await.expect(200).json()["values"][0].clone();
    assert_eq!(fields_it_cannot_do_without::<Descriptor>(&descriptor), ["links", "mirrorServer"]);
    let required = fields_it_cannot_do_without::<MirrorServer>(&descriptor["mirrorServer"]);
    assert_eq!(required, ["enabled", "id", "name"]);
    let href = descriptor["links"]["self"][0]["href"].as_str().expect("is text");
    let mirrored = follow(href).await.expect("the mirror listens").expect(200).json();
    assert_eq!(fields_it_cannot_do_without::<MirroredRepository>(&mirrored), ["available", "links"]);
}

#[tokio::test]
async fn whatever_goes_wrong_the_primary_serves() {
    let joined = shared_joined_by_hand().await;
    let repository = joined.upstream.empty_repository(false).await;
    let found = mirror_clone_url(&joined.upstream.admin(), &repository, &joined.mirror_id, PAGE_LIMIT).await;
    assert_eq!(found, None, "a mirror that answers nonsense");

    let mut pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let id = pair.mirror_id().await;
    assert!(mirror_clone_url(&pair.admin(), &repository, &id, PAGE_LIMIT).await.is_some());
    let outsider = pair.upstream.client(&pair.new_user().await);
    let path = format!("/rest/mirroring/1.0/repos/{}/mirrors", repository["id"]);
    assert_eq!(outsider.get(&path).await.status, 404, "for others there is no such repository");
    pair.mirror.kill();
    assert_eq!(mirror_clone_url(&pair.admin(), &repository, &id, PAGE_LIMIT).await, None, "a dead mirror");
}

#[tokio::test]
async fn a_commit_that_the_mirror_lacks_is_fetched_from_the_primary() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let url = mirror_clone_url(&pair.admin(), &repository, &pair.mirror_id().await, PAGE_LIMIT).await;
    let mirror = with_credentials(&url.expect("the mirror has it"));
    pair.mirror.kill();
    let wanted = checkout.commit("later.txt", "while the mirror was away\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);

    let folder = tempfile::tempdir().expect("a folder can be made");
    git(folder.path(), &["init", "--quiet"]);
    let fetch = |url: &str| {
        let fetched = git_output(folder.path(), &["fetch", "--quiet", url, "+refs/heads/*:refs/remotes/o/*"]);
        let found = git_output(folder.path(), &["cat-file", "-e", &wanted]);
        fetched.status.success() && found.status.success()
    };
    assert!(!fetch(mirror.as_str()), "a mirror that is away cannot have it");
    assert!(fetch(pair.upstream_url(&repository).as_str()), "the primary has it");
    pair.mirror.restart();
    eventually("the mirror to catch up", || async { fetch(mirror.as_str()).then_some(()) }).await;
}

#[tokio::test]
async fn refs_that_are_too_many_for_an_event_are_found_by_reading_all_branches() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let commit = git(checkout.path(), &["rev-parse", "HEAD"]);
    for number in 0..TOO_MANY_REFS {
        let path = checkout.path().join(format!(".git/refs/heads/many-{number:04}"));
        std::fs::write(path, format!("{commit}\n")).expect("a ref can be written");
    }
    checkout.push(&upstream.admin_url(&repository), &["refs/heads/many-*:refs/heads/many-*"]);
    let event = eventually("the event", || async {
        let bodies = joined.mirror.received();
        bodies.into_iter().find(|body| {
            body["eventKey"] == "repo:refs_changed"
                && body["repository"]["id"] == repository["id"]
                && body["refLimitExceeded"] == true
        })
    })
    .await;
    assert_eq!(event["changes"], serde_json::json!([]));

    let path = format!("{}/branches", repository_path(&repository).replace("/latest/", "/1.0/"));
    let reader = upstream.client(&upstream.user_on_repository(&repository, "REPO_READ").await);
    let branches: Vec<Branch> = every_page(&reader, &path, PAGE_LIMIT).await;
    assert_eq!(branches.len(), TOO_MANY_REFS + 1);
    assert!(branches.iter().all(|branch| branch.latest_commit == commit));
    assert!(branches.iter().any(|branch| branch.display_id == "many-1000"));
    assert_eq!(upstream.client(&Identity::Anonymous).get(&path).await.status, 401);
}
