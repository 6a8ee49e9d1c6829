//! A Jenkins plugin that lets a job pick its mirror by name.
//!
//! It reads the first page of a repository's mirrors under version 1.0, then follows the self link of each without an
//! `Authorization` header. A mirror that answers with an error, or with less than the reader requires, does not have
//! the repository. The primary server is always on offer.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::Value;

use super::reading::{
    ReadNamedLink, ReadPage, ReadSelfLinks, fields_it_cannot_do_without, follow, read, with_credentials,
};
use crate::harness::{Client, Pair, git, shared_joined_by_hand, shared_pair};

/// A mirror of a repository, as the upstream lists it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    links: ReadSelfLinks,
    mirror_server: MirrorServer,
}

#[derive(Debug, Deserialize)]
struct MirrorServer {
    name: String,
}

/// A repository, as its mirror shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MirroredRepository {
    available: bool,
    links: CloneLinks,
    mirror_name: String,
    #[serde(deserialize_with = "number_or_digits")]
    repository_id: i32,
    status: Status,
}

#[derive(Debug, Deserialize)]
struct CloneLinks {
    clone: Vec<ReadNamedLink>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    NotMirrored,
    Initializing,
    Available,
    ErrorInitializing,
    ErrorAvailable,
}

/// Its JSON library turns a text of digits into the number that the field is declared as.
fn number_or_digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let number = match &value {
        Value::String(digits) => digits.parse().ok(),
        other => other.as_i64().and_then(|number| i32::try_from(number).ok()),
    };
    number.ok_or_else(|| D::Error::custom(format!("{value} is not an int")))
}

impl MirroredRepository {
    /// The address to clone from by HTTP.
    pub fn http_clone_url(&self) -> &str {
        &self.links.clone.iter().find(|link| link.name == "http").expect("an http link").href
    }
}

/// What the job's list of mirrors offers: those that have the repository now, by name.
pub async fn offered(upstream: &Client, repository: &Value) -> Vec<MirroredRepository> {
    let path = format!("/rest/mirroring/1.0/repos/{}/mirrors", repository["id"]);
    let body = upstream.get(&path).await.expect(200).json();
    let page: ReadPage<Descriptor> = read(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
    let mut offered = Vec::new();
    for descriptor in page.values {
        assert!(!descriptor.mirror_server.name.is_empty(), "{body}");
        let Some(answer) = follow(&descriptor.links.itself[0].href).await else { continue };
        let mirrored = (answer.status == 200).then(|| read::<MirroredRepository>(&answer.json()));
        offered.extend(mirrored.and_then(Result::ok).filter(|mirrored| mirrored.available));
    }
    offered
}

/// The address that a job clones from: the mirror of its choice, or the primary server when that is not on offer.
async fn clone_url_for(pair: &Pair, repository: &Value, chosen: &str) -> String {
    let offered = offered(&pair.admin(), repository).await;
    let mirror = offered.iter().find(|mirrored| mirrored.mirror_name == chosen);
    mirror.map_or_else(
        || repository["links"]["clone"][0]["href"].as_str().expect("is text").to_owned(),
        |mirrored| mirrored.http_clone_url().to_owned(),
    )
}

#[tokio::test]
async fn a_job_clones_from_the_mirror_that_it_names() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let offered = offered(&pair.admin(), &repository).await;
    let [mirrored] = offered.as_slice() else { panic!("one mirror has it: {offered:?}") };
    assert_eq!((mirrored.mirror_name.as_str(), &mirrored.status), ("Saigon", &Status::Available));
    assert_eq!(repository["id"], mirrored.repository_id);

    let url = clone_url_for(pair, &repository, "Saigon").await;
    assert!(url.starts_with(pair.mirror.base()), "{url}");
    let folder = tempfile::tempdir().expect("a folder can be made");
    git(folder.path(), &["clone", "--quiet", with_credentials(&url).as_str(), "copy"]);
    let there = git(&folder.path().join("copy"), &["rev-parse", "HEAD"]);
    assert_eq!(there, git(checkout.path(), &["rev-parse", "HEAD"]));
    let url = clone_url_for(pair, &repository, "Another").await;
    assert!(url.starts_with(pair.upstream.base()), "{url}");
}

#[tokio::test]
async fn the_reader_gets_every_field_that_it_requires() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let path = format!("/rest/mirroring/1.0/repos/{}/mirrors", repository["id"]);
    let descriptor = pair.admin().get(&path).await.expect(200).json()["values"][0].clone();
    assert_eq!(fields_it_cannot_do_without::<Descriptor>(&descriptor), ["links", "mirrorServer"]);

    let href = descriptor["links"]["self"][0]["href"].as_str().expect("is text");
    let mut mirrored = follow(href).await.expect("the mirror listens").expect(200).json();
    let required = ["available", "links", "mirrorName", "repositoryId", "status"];
    assert_eq!(fields_it_cannot_do_without::<MirroredRepository>(&mirrored), required);
    // The published shape alone is not enough for it: clone URLs at the top and none below `links`.
    assert!(mirrored["cloneUrls"].is_array(), "{mirrored}");
    mirrored["links"].as_object_mut().expect("is an object").remove("clone");
    assert!(read::<MirroredRepository>(&mirrored).is_err(), "{mirrored}");
}

#[tokio::test]
async fn a_mirror_that_fails_is_not_offered_and_the_job_clones_from_the_primary() {
    // The hand-made mirror answers every GET with its descriptor: JSON, but not a repository.
    let joined = shared_joined_by_hand().await;
    let repository = joined.upstream.empty_repository(false).await;
    assert!(offered(&joined.upstream.admin(), &repository).await.is_empty());

    let mut pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    assert!(clone_url_for(&pair, &repository, "Saigon").await.starts_with(pair.mirror.base()));
    pair.mirror.kill();
    assert!(clone_url_for(&pair, &repository, "Saigon").await.starts_with(pair.upstream.base()));
}

#[tokio::test]
async fn a_repository_that_the_mirror_does_not_have_yet_is_not_offered() {
    let pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let mode = pair.mirror_path("/settings/mode").await;
    let selected = serde_json::json!("SELECTED_PROJECTS");
    pair.mirror_admin().put(&mode, &selected).await.promised(200);
    crate::harness::eventually("the repository to be off the list", || async {
        offered(&pair.admin(), &repository).await.is_empty().then_some(())
    })
    .await;
    let url = clone_url_for(&pair, &repository, "Saigon").await;
    assert!(url.starts_with(pair.upstream.base()), "{url}");
}
