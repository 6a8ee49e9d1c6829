//! Clients generated from the published documents: they look for every field under its published name.
//!
//! The lists are the published ones, apart from fields that only a farm, an add-on marketplace or a licence fills.
//! That a field is there is not enough where the published type is one that generated code insists on.

use serde_json::{Value, json};

use crate::harness::{Pair, USER_PASSWORD, shared_joined_by_hand, shared_pair};

const REST: &str = "/rest/mirroring/latest";

/// Published kinds of values.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Number,
    Flag,
    List,
    Object,
}

use Kind::{Flag, List, Number, Object, Text};

#[track_caller]
fn has(schema: &str, body: &Value, fields: &[(&str, Kind)]) {
    for (name, kind) in fields {
        let fault = fault_of(body, name, *kind);
        assert!(fault.is_none(), "{schema}.{name}: {}: {body}", fault.unwrap_or_default());
    }
}

fn fault_of(body: &Value, name: &str, kind: Kind) -> Option<String> {
    let Some(value) = body.get(name) else { return Some("is not there".to_owned()) };
    let fits = match kind {
        Text => value.is_string(),
        Number => value.is_i64(),
        Flag => value.is_boolean(),
        List => value.is_array(),
        Object => value.is_object(),
    };
    (!fits).then(|| format!("is {value} and not of the kind {kind:?}"))
}

#[track_caller]
fn one_of(value: &Value, words: &[&str]) {
    let text = value.as_str().unwrap_or_default();
    assert!(words.contains(&text), "{value} is none of {words:?}");
}

const PROJECT: &[(&str, Kind)] = &[
    ("key", Text),
    ("id", Number),
    ("name", Text),
    ("public", Flag),
    ("type", Text),
    ("scope", Text),
    ("links", Object),
];

const REPOSITORY: &[(&str, Kind)] = &[
    ("id", Number),
    ("slug", Text),
    ("name", Text),
    ("scmId", Text),
    ("hierarchyId", Text),
    ("state", Text),
    ("statusMessage", Text),
    ("public", Flag),
    ("forkable", Flag),
    ("archived", Flag),
    ("defaultBranch", Text),
    ("partition", Number),
    ("scope", Text),
    ("project", Object),
    ("links", Object),
    ("properties", Object),
];

const MIRROR_SERVER: &[(&str, Kind)] = &[
    ("id", Text),
    ("name", Text),
    ("baseUrl", Text),
    ("enabled", Flag),
    ("mirrorType", Text),
    ("productType", Text),
    ("productVersion", Text),
    ("lastSeenDate", Number),
];

#[track_caller]
fn is_page(body: &Value) {
    has(
        "page",
        body,
        &[("values", List), ("size", Number), ("limit", Number), ("start", Number), ("isLastPage", Flag)],
    );
}

async fn mirrored(pair: &Pair) -> Value {
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    repository
}

#[tokio::test]
async fn what_a_mirror_answers_has_the_published_fields() {
    let pair = shared_pair().await;
    let repository = mirrored(pair).await;
    let admin = pair.mirror_admin();
    let get = |end: String| {
        let admin = admin.clone();
        async move { admin.get(&pair.mirror_path(&end).await).await.promised(200) }
    };

    let mut page = admin.get(&format!("{REST}/upstreamServers")).await.promised(200);
    is_page(&page);
    let mut server = get(String::new()).await;
    for one in [&mut page["values"][0], &mut server] {
        // The two servers may have been in contact in between.
        one["lastContactDate"].take();
        one["lastComparisonDate"].take();
        // And others push to this pair meanwhile.
        let moving = ["lastSyncDate", "lagMillis", "failingRepos"];
        one.as_object_mut().expect("an object").retain(|field, _| !moving.contains(&field.as_str()));
    }
    assert_eq!(page["values"][0], server);
    has(
        "RestUpstreamServer",
        &server,
        &[("id", Text), ("baseUrl", Text), ("apiBaseUrl", Text), ("state", Text), ("type", Text)],
    );
    one_of(&server["state"], &["INITIALIZING", "PENDING", "INSTALLED", "UNKNOWN", "REMOVED"]);
    one_of(&server["type"], &["BITBUCKET_SERVER", "BITBUCKET_CLOUD"]);

    let settings = get("/settings".into()).await;
    has("RestUpstreamSettings", &settings, &[("mode", Text), ("projectIds", List)]);
    one_of(&settings["mode"], &["ALL_PROJECTS", "SELECTED_PROJECTS"]);
    let progress = get("/progress".into()).await;
    has(
        "RestSyncProgress",
        &progress,
        &[("discovering", Flag), ("syncedRepos", Number), ("totalRepos", Number)],
    );
    let node = get("/farmNodes".into()).await[0].clone();
    has(
        "RestClusterNode",
        &node,
        &[("id", Text), ("name", Text), ("address", Object), ("local", Flag), ("buildVersion", Text)],
    );
    has("RestClusterNode.address", &node["address"], &[("address", Text), ("port", Number)]);

    let here = get(format!("/repos/{}", repository["id"])).await;
    has(
        "RestMirroredRepository",
        &here,
        &[
            ("repositoryId", Text),
            ("mirrorName", Text),
            ("available", Flag),
            ("status", Text),
            ("lastUpdated", Number),
            ("cloneUrls", List),
            ("pushUrls", List),
            ("links", Object),
        ],
    );
    one_of(
        &here["status"],
        &["NOT_MIRRORED", "INITIALIZING", "AVAILABLE", "ERROR_INITIALIZING", "ERROR_AVAILABLE"],
    );
    for list in ["cloneUrls", "pushUrls"] {
        has("RestNamedLink", &here[list][0], &[("name", Text), ("href", Text)]);
        one_of(&here[list][0]["name"], &["http", "ssh"]);
    }
}

#[tokio::test]
async fn what_an_upstream_tells_of_mirrors_has_the_published_fields() {
    let pair = shared_pair().await;
    let repository = mirrored(pair).await;
    let admin = pair.admin();
    let page = admin.get(&format!("{REST}/mirrorServers")).await.promised(200);
    is_page(&page);
    has("RestMirrorServer", &page["values"][0], MIRROR_SERVER);
    one_of(&page["values"][0]["mirrorType"], &["SINGLE", "FARM"]);
    let id = page["values"][0]["id"].as_str().expect("is text");
    let groups: Vec<_> = id.split('-').map(str::len).collect();
    assert_eq!(groups, [4, 4, 4, 4], "{id}");

    let requests = admin.get(&format!("{REST}/requests?state=ACCEPTED")).await.promised(200);
    is_page(&requests);
    has(
        "RestMirroringRequest",
        &requests["values"][0],
        &[
            ("id", Number),
            ("mirrorId", Text),
            ("mirrorName", Text),
            ("mirrorBaseUrl", Text),
            ("addonDescriptorUri", Text),
            ("mirrorType", Text),
            ("productType", Text),
            ("productVersion", Text),
            ("state", Text),
        ],
    );

    let mirrors = admin.get(&format!("{REST}/repos/{}/mirrors", repository["id"])).await.promised(200);
    is_page(&mirrors);
    has(
        "RestMirroredRepositoryDescriptor",
        &mirrors["values"][0],
        &[("mirrorServer", Object), ("links", Object)],
    );
    has("RestMirrorServer", &mirrors["values"][0]["mirrorServer"], MIRROR_SERVER);
}

#[tokio::test]
async fn what_an_upstream_tells_mirrors_has_the_published_fields() {
    let joined = shared_joined_by_hand().await;
    let mirror = joined.upstream.client(&joined.identity());
    let (repository, _) = joined.upstream.pushed_repository(false).await;

    let path = format!("{REST}/repos/{}?includeDefaultBranch=true", repository["id"]);
    let enriched = mirror.get(&path).await.promised(200);
    has("EnrichedRepository", &enriched, REPOSITORY);
    has(
        "EnrichedRepository.properties",
        &enriched["properties"],
        &[("contentHash", Text), ("metadataHash", Text), ("defaultBranchId", Text)],
    );
    one_of(&enriched["state"], &["AVAILABLE", "INITIALISATION_FAILED", "INITIALISING", "OFFLINE"]);
    for hash in ["contentHash", "metadataHash"] {
        assert_eq!(enriched["properties"][hash].as_str().map(str::len), Some(64), "{enriched}");
    }
    has("RestProject", &enriched["project"], PROJECT);
    one_of(&enriched["project"]["type"], &["NORMAL", "PERSONAL"]);
    let project = format!("{REST}/projects/{}", repository["project"]["id"]);
    has("RestProject", &mirror.get(&project).await.promised(200), PROJECT);
    is_page(&mirror.get(&format!("{project}/repos")).await.promised(200));
    is_page(&mirror.get(&format!("{REST}/repos?limit=1")).await.promised(200));

    let settings = mirror.get(&format!("{REST}/analyticsSettings")).await.promised(200);
    has("RestAnalyticsSettings", &settings, &[("canCollectAnalytics", Flag), ("serverTime", Number)]);

    let user = joined.upstream.new_user().await;
    let credentials = json!({"username": user.name(), "password": USER_PASSWORD});
    let known = mirror.post(&format!("{REST}/authenticate"), &json!({"credentials": credentials})).await;
    has(
        "RestApplicationUserWithPermissions",
        &known.promised(200),
        &[
            ("id", Number),
            ("name", Text),
            ("slug", Text),
            ("displayName", Text),
            ("emailAddress", Text),
            ("active", Flag),
            ("type", Text),
            ("effectivePermissions", Object),
            ("links", Object),
        ],
    );

    let errors = mirror.get(&format!("{REST}/repos/999999")).await.expect(404).json();
    has("RestErrors", &errors, &[("errors", List)]);
    has("RestErrorMessage", &errors["errors"][0], &[("message", Text), ("exceptionName", Text)]);
}

#[test]
fn a_missing_or_mistyped_field_is_noticed() {
    let body = json!({"id": 7});
    assert!(fault_of(&body, "name", Text).is_some());
    assert!(fault_of(&body, "id", Text).is_some());
    assert_eq!(fault_of(&body, "id", Number), None);
}
