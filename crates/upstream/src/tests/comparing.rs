//! A mirror is told of the parts of the repositories that it knows otherwise, and of no others.

use std::collections::BTreeMap;

use heliostat_auth::Caller;
use heliostat_downstream::metadata_hash;
use heliostat_peer::{PartDigest, ToldProject, ToldRepository};
use heliostat_storage::{
    NewRepository, Project, ProjectId, Repository, RepositoryFormat, RepositoryId, RepositoryState,
    RepositoryUpdate,
};

use super::fake_mirror::MIRROR_ID;
use super::test_upstream::TestUpstream;
use crate::{DifferingPart, RepositoryComparison, permit};

/// Enough for three parts, which are cut by what is read at once.
const REPOSITORIES: usize = 600;
const READ_AT_ONCE: u64 = 300;

type Digests = BTreeMap<i32, String>;

async fn record(server: &TestUpstream, project: &Project, number: usize) {
    let repository = NewRepository {
        project_id: project.id,
        slug: format!("repo-{number}"),
        name: format!("Repo {number}"),
        description: None,
        hierarchy_id: "e3c939f9ef4a7fae272e".to_owned(),
        identity: format!("identity {number}").into(),
        public: false,
        forkable: true,
        state: RepositoryState::Available,
        default_branch: "refs/heads/main".to_owned(),
        object_format: RepositoryFormat::Sha1,
        content_hash: "c".repeat(64),
        created_at: 0,
    };
    let store = &server.upstream.0.store;
    store.repositories.create_repository(repository, metadata_hash, |_| Vec::new()).await.expect("recorded");
}

async fn compare(server: &TestUpstream, project: Option<ProjectId>, digests: &Digests) -> Vec<DifferingPart> {
    let mirror = Caller::Mirror { id: MIRROR_ID.to_owned() };
    let projects = project.map(|project| [project].into());
    let comparison = RepositoryComparison { projects, digests: digests.clone() };
    let permitted = permit::mirror(&mirror).expect("it is a mirror");
    let repositories = server.upstream.repositories();
    let mut found = repositories.differences(permitted, comparison).await.expect("it begins");
    found.compared_at_once = READ_AT_ONCE;
    let mut parts = Vec::new();
    while let Some(part) = found.next().await.expect("it goes on") {
        parts.push(part);
    }
    parts
}

/// What a mirror that knows these parts tells.
fn known(parts: &[DifferingPart]) -> Digests {
    parts.iter().map(|part| (part.part, digest(&part.repositories))).collect()
}

fn digest(repositories: &[Repository]) -> String {
    let mut digest = PartDigest::default();
    for it in repositories {
        let project = ToldProject {
            id: it.project.id.0,
            key: &it.project.key,
            name: &it.project.name,
            public: it.project.public,
        };
        digest.add(&ToldRepository {
            content_hash: &it.content_hash,
            default_branch: Some(&it.default_branch),
            generation: it.generation.0,
            id: it.id.0,
            identity: Some(it.identity.as_str()),
            metadata_hash: &it.metadata_hash,
            name: &it.name,
            project,
            public: it.public,
            purge: it.purge.number,
            slug: &it.slug,
        });
    }
    digest.finish()
}

fn numbers(parts: &[DifferingPart]) -> Vec<(i32, usize)> {
    parts.iter().map(|part| (part.part, part.repositories.len())).collect()
}

#[tokio::test]
async fn only_what_differs_is_told_again() {
    let server = TestUpstream::new().await;
    let (app, lib) = (server.project("APP").await, server.project("LIB").await);
    for number in 0..REPOSITORIES {
        record(&server, if number % 2 == 0 { &app } else { &lib }, number).await;
    }
    let all = compare(&server, None, &Digests::new()).await;
    assert_eq!(numbers(&all), [(0, 255), (1, 256), (2, 89)], "all of it, for a mirror that knows nothing");
    let mut digests = known(&all);
    assert_eq!(compare(&server, None, &digests).await, []);

    let store = &server.upstream.0.store;
    let renamed = RepositoryUpdate { name: Some("New".to_owned()), ..RepositoryUpdate::default() };
    store
        .repositories
        .update_repository(RepositoryId(300), renamed, 1, metadata_hash, |_| Vec::new())
        .await
        .expect("renamed");
    store.repositories.delete_repository(RepositoryId(600), Vec::new()).await.expect("deleted");
    let told = compare(&server, None, &digests).await;
    assert_eq!(numbers(&told), [(1, 256), (2, 88)]);
    digests.extend(known(&told));
    assert_eq!(compare(&server, None, &digests).await, []);

    digests.insert(7, "0".repeat(64));
    assert_eq!(numbers(&compare(&server, None, &digests).await), [(7, 0)], "a mirror's surplus");
}

#[tokio::test]
async fn a_mirror_of_one_project_is_told_of_that_one_alone() {
    let server = TestUpstream::new().await;
    let (app, lib) = (server.project("APP").await, server.project("LIB").await);
    for (number, project) in [&app, &lib, &app].into_iter().enumerate() {
        record(&server, project, number).await;
    }
    let told = compare(&server, Some(app.id), &Digests::new()).await;
    assert_eq!(numbers(&told), [(0, 2)]);
    assert_eq!(compare(&server, Some(app.id), &known(&told)).await, []);
    record(&server, &lib, 3).await;
    assert_eq!(compare(&server, Some(app.id), &known(&told)).await, [], "it does not follow that one");
    let other = compare(&server, Some(lib.id), &known(&told)).await;
    assert_eq!(numbers(&other), [(0, 2)]);
    assert_eq!(compare(&server, Some(ProjectId(99)), &Digests::new()).await, []);
    assert_eq!(numbers(&compare(&server, Some(ProjectId(99)), &known(&told)).await), [(0, 0)]);
}
