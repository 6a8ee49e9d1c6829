//! The examples of the contract are what servers answer: the world that they tell of is built from them, and read.
//!
//! Every field of an example must be in the live answer, and the other way round. Addresses are translated; ids,
//! hashes, dates and versions are those of the day and only have to be of the same type; all else must be the same.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    Checkout, Client, Documented, Identity, Pair, Server, ServerOptions, documented, eventually,
};

/// Fields whose value is another one in every world.
const OF_THE_DAY: [&str; 43] = [
    "id",
    "identity",
    "repositoryId",
    "localRepositoryId",
    "externalRepoId",
    "localRepoId",
    "localProjectId",
    "projectIds",
    "size",
    "sizeBytes",
    "syncedRepos",
    "totalRepos",
    "mirroredRepos",
    "inStepRepos",
    "lastContactDate",
    "lastComparisonDate",
    "generation",
    "upstreamGeneration",
    "hierarchyId",
    "contentHash",
    "metadataHash",
    "content",
    "metadata",
    "latestCommit",
    "latestChangeset",
    "lastUpdated",
    "lastSyncDate",
    "lastSeenDate",
    "lastAuthenticated",
    "createdDate",
    "reportedDate",
    "updatedDate",
    "initialSyncDate",
    "expiryDate",
    "serverTime",
    "buildDate",
    "buildNumber",
    "version",
    "productVersion",
    "buildVersion",
    "address",
    "port",
    "token",
];

/// What is asked along with an operation, where its example is the answer to that.
const QUERIES: [(&str, &str); 4] = [
    ("getAllReposForProject", "includeDefaultBranch=true"),
    ("getAllContentHashes", "includeDefaultBranch=true"),
    ("getContentHashById", "includeDefaultBranch=true"),
    ("deleteUser", "name=jcitizen"),
];

/// Operations that answer, but are not asked here, with the reason.
const NOT_ASKED: [(&str, &str); 30] = [
    ("register", "mirrors ask by themselves; the answer is the one of getMirroringRequest"),
    ("reject", "it would need one more mirror; the answer is the one of getMirror"),
    ("upgrade", "mirrors do it by themselves; the answer is the one of getMirror"),
    ("takeLease", "only a mirror's signature opens it; its own tests judge the answer"),
    ("getMirrorStanding", "it changes from moment to moment; its own tests judge the answer"),
    ("updateWebhook", "the examples show the webhook before the change; its own tests judge the answer"),
    ("testWebhook", "it would need a receiver; its own tests judge the answer"),
    ("getLatestInvocation", "the webhook of the examples leads nowhere; its own tests judge the answer"),
    ("listInvocations", "the webhook of the examples leads nowhere; its own tests judge the answer"),
    ("redeliverInvocation", "the webhook of the examples leads nowhere; its own tests judge the answer"),
    ("getStatistics", "the webhook of the examples leads nowhere; its own tests judge the answer"),
    (
        "getDelayedSyncRepositoriesOfMirror",
        "nothing is behind here; its own tests make it so and judge the answer",
    ),
    ("getDelayedSyncRepositories", "nothing is behind here; its own tests make it so and judge the answer"),
    ("getOutOfSyncRepositories", "nothing is behind here; its own tests make it so and judge the answer"),
    ("getRefChangesQueue", "nothing waits here; its own tests make it so and judge the answer"),
    ("getRepositoryLockOwners", "nothing runs here; its own tests make it so and judge the answer"),
    ("getRepositoryLockOwner", "nothing runs here; its own tests make it so and judge the answer"),
    ("getRepositoryPurge", "it changes from moment to moment; its own tests judge the answer"),
    ("purgeRepository", "it changes from moment to moment; its own tests judge the answer"),
    ("getFollowing", "nothing follows another server here; its own tests judge the answer"),
    ("setFollowing", "the source of the examples leads nowhere; its own tests judge the answer"),
    ("followNow", "nothing follows another server here; its own tests judge the answer"),
    ("getRepositoryFaults", "nothing is amiss here; its own tests make it so and judge the answer"),
    ("adoptRepository", "nothing is to be adopted here; its own tests make it so and judge the answer"),
    ("restoreRepository", "nothing is to be restored here; its own tests make it so and judge the answer"),
    ("getHeldBack", "nothing is held back here; its own tests make it so and judge the answer"),
    ("confirmRemoval", "nothing is held back here; its own tests make it so and judge the answer"),
    ("getRepositoryContents", "only a mirror's signature opens it; its own tests judge the answer"),
    ("authenticate", "only a mirror's signature opens it; its own tests judge the answer"),
    ("compareRepositories", "only a mirror's signature opens it; its own tests judge the answer"),
];

#[tokio::test]
async fn the_examples_are_what_servers_answer() {
    let upstream = Server::upstream(ServerOptions::default());
    let mirror = Server::mirror(upstream.base_url(), "Saigon", ServerOptions::default());
    let mut world = World::new(Pair { upstream, mirror });
    world.build().await;
    world.read_everything().await;
    world.end().await;
    assert!(world.faults.is_empty(), "mend the examples in the contract:\n{}", world.faults.join("\n"));
}

struct World {
    pair: Pair,
    operations: Vec<Documented>,
    /// Values of path parameters.
    names: BTreeMap<&'static str, String>,
    /// Live texts and what they are called in the examples.
    translations: Vec<(String, &'static str)>,
    faults: Vec<String>,
    /// Operations whose answer was compared already.
    told: Vec<&'static str>,
}

impl World {
    fn new(pair: Pair) -> Self {
        let translations = vec![
            (pair.upstream.base().to_owned(), "https://git.example.com"),
            (pair.mirror.base().to_owned(), "https://saigon.example.com"),
        ];
        let names = [("projectKey", "PRJ"), ("repositorySlug", "my-repo"), ("userSlug", "jcitizen")];
        let names = names.map(|(name, value)| (name, value.to_owned())).into();
        World { pair, operations: documented(), names, translations, faults: Vec::new(), told: Vec::new() }
    }

    /// Sends the requests of the contract, in the order in which people would.
    async fn build(&mut self) {
        let admin = self.pair.admin();
        let request = eventually("the mirror's request", || async {
            let page = admin.get("/rest/mirroring/latest/requests").await.expect(200).json();
            page["values"].get(0).cloned()
        });
        let request = request.await;
        self.name(&request, "mirroringRequestId", "id");
        self.name(&request, "mirrorId", "mirrorId");
        let descriptor = request["addonDescriptorUri"].as_str().expect("a request names a descriptor");
        let upstream_id = descriptor.split('/').nth(7).expect("the descriptor lies below the upstream's id");
        self.names.insert("upstreamId", upstream_id.to_owned());
        let (upstream_id, mirror_id) = (self.names["upstreamId"].clone(), self.names["mirrorId"].clone());
        self.translations.push((upstream_id, "8dc0bb6c-b31b-3d96-9f0a-5a4f3f6b1c22"));
        self.translations.push((mirror_id.clone(), "B0F5-CS21-45C2-CCK3"));
        // They are open now, and will not be any more.
        for id in ["listRequests", "getMirroringRequest"] {
            self.tell(&admin, id).await;
        }

        self.tell(&admin, "setLogLevel").await;
        self.tell(&admin, "createUser").await;
        let project = self.tell(&admin, "createProject").await;
        self.name(&project, "projectId", "id");
        let repository = self.tell(&admin, "createRepository").await;
        self.name(&repository, "repoId", "id");
        self.name(&repository, "upstreamRepoId", "id");
        self.name(&repository, "externalRepositoryId", "id");
        Checkout::new().push(&self.pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
        let branch = self.tell(&admin, "createBranchForRepository").await;
        let branches = "/rest/branch-utils/latest/projects/PRJ/repos/my-repo/branches";
        let unwanted = json!({"name": branch["id"]});
        admin.send(Method::DELETE, branches, Some(&unwanted)).await.expect(204);
        let request = json!({"name": branch["displayId"], "startPoint": branch["latestCommit"]});
        self.tell_with(&admin, "createBranch", Some(&request)).await;
        for path in [
            "/rest/api/latest/admin/permissions/users?name=jcitizen&permission=LICENSED_USER",
            "/rest/api/latest/projects/PRJ/permissions/users?name=jcitizen&permission=PROJECT_READ",
            "/rest/api/latest/projects/PRJ/repos/my-repo/permissions/users?name=jcitizen&permission=REPO_READ",
        ] {
            admin.send(Method::PUT, path, None).await.expect(204);
        }
        let webhook = self.tell(&admin, "createWebhook").await;
        self.name(&webhook, "webhookId", "id");
        let token = self.tell(&admin, "createUserAccessToken").await;
        self.name(&token, "tokenId", "id");
        let secret = token["token"].as_str().expect("a new token is shown").to_owned();
        self.pair.upstream.client(&Identity::Token(secret)).get("/rest/api/latest/users").await.expect(200);
        self.tell(&admin, "updateProject").await;
        self.tell(&admin, "updateRepository").await;

        let projects = json!([self.names["projectId"]]);
        self.tell_with(&admin, "accept", Some(&json!({"projectIds": projects}))).await;
        self.pair.mirrored(&repository).await;
        let mirror = self.pair.mirror_admin();
        let selection = json!({"mode": "SELECTED_PROJECTS", "projectIds": projects});
        self.tell_with(&mirror, "setMirrorSettings", Some(&selection)).await;
        self.tell_with(&mirror, "startMirroringProjects", Some(&projects)).await;
        self.tell_with(&mirror, "setMirrorSettings_1", Some(&selection)).await;
        self.tell_with(&mirror, "startMirroringProjects_1", Some(&projects)).await;
        for id in ["startMirroringProject", "setMirrorMode", "startMirroringProject_1", "setMirrorMode_1"] {
            self.tell(&mirror, id).await;
        }
        let preferred = "/rest/mirroring/latest/account/settings/preferred-mirror";
        admin.post(preferred, &json!(mirror_id)).await.expect(204);
        self.pair.mirrored(&repository).await;
        self.tell(&mirror, "ensureServedRepository").await;
        let mirrors = self.path("getRepositoryMirrors").expect("the repository has an id");
        let reported = eventually("the mirror's report of the repository", || async {
            let page = admin.get(&mirrors).await.expect(200).json();
            (page["values"][0]["copy"]["standing"] == "UP_TO_DATE").then_some(())
        });
        reported.await;
    }

    /// Asks for everything else that can be read: the administrator may, and it changes nothing.
    async fn read_everything(&mut self) {
        let asked = |id: &&str| !NOT_ASKED.iter().any(|(not_asked, _)| not_asked == id);
        let reads = self.untold().into_iter().filter(asked).filter(|id| self.operation(id).method == "GET");
        for id in reads.collect::<Vec<_>>() {
            let at_mirror = self.operation(id).at_mirror;
            let client = if at_mirror { self.pair.mirror_admin() } else { self.pair.admin() };
            self.tell(&client, id).await;
        }
    }

    async fn end(&mut self) {
        self.tell(&self.pair.admin(), "deleteUser").await;
        for id in self.untold() {
            if !NOT_ASKED.iter().any(|(not_asked, _)| *not_asked == id) {
                self.faults.push(format!("{id}: is not asked; ask in `build`"));
            }
        }
    }

    fn untold(&self) -> Vec<&'static str> {
        let answering = self.operations.iter().filter(|operation| operation.answer.is_some());
        answering.map(|operation| operation.id).filter(|id| !self.told.contains(id)).collect()
    }

    fn name(&mut self, subject: &Value, parameter: &'static str, field: &str) {
        let value = &subject[field];
        self.names.insert(parameter, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }

    fn operation(&self, id: &str) -> &Documented {
        self.operations.iter().find(|operation| operation.id == id).expect("the contract has the operation")
    }

    /// Sends the documented request, and compares the answer with the documented one.
    async fn tell(&mut self, client: &Client, id: &'static str) -> Value {
        let request = self.operation(id).request;
        self.tell_with(client, id, request).await
    }

    /// The same with another request, for those that name ids.
    async fn tell_with(&mut self, client: &Client, id: &'static str, request: Option<&Value>) -> Value {
        self.told.push(id);
        let path = match self.path(id) {
            Ok(path) => path,
            Err(unknown) => {
                self.faults.push(format!("{id}: there is no {unknown} to ask for; make one in `build`"));
                return Value::Null;
            }
        };
        let operation = self.operation(id);
        let method = Method::from_bytes(operation.method.as_bytes()).expect("is a method");
        let answer = client.send(method, &path, request).await;
        let mut faults = Vec::new();
        if answer.status != operation.success {
            faults.push(format!("{id}: answers {}, {}", answer.status, answer.text));
        } else if let Some(example) = operation.answer {
            let live = self.in_words_of_the_examples(&answer.text);
            compare(id, "", example, &serde_json::from_str(&live).expect("is JSON"), &mut faults);
        }
        self.faults.extend(faults);
        if answer.text.is_empty() { Value::Null } else { answer.json() }
    }

    /// Where an operation lies in this world; fails with the path parameter that names nothing in it.
    fn path(&self, id: &str) -> Result<String, &'static str> {
        let mut path = "/rest".to_owned();
        for part in self.operation(id).path.split('/').skip(1) {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            let part = match name {
                Some(name) => self.names.get(name).ok_or(name)?,
                None => part,
            };
            path = format!("{path}/{part}");
        }
        let query = QUERIES.iter().find(|(asked, _)| *asked == id);
        Ok(query.map_or_else(|| path.clone(), |(_, query)| format!("{path}?{query}")))
    }

    fn in_words_of_the_examples(&self, live: &str) -> String {
        let mut text = live.to_owned();
        for (word, example) in &self.translations {
            text = text.replace(word, example);
        }
        if let Some(id) = self.names.get("repoId") {
            text = text.replace(&format!("/repos/{id}\""), "/repos/24\"");
            text = text.replace(&format!("/repos/{id}?jwt="), "/repos/24?jwt=");
        }
        text
    }
}

/// Notes where an example and a live value differ; `name` is that of the field that holds them.
fn compare(place: &str, name: &str, example: &Value, live: &Value, faults: &mut Vec<String>) {
    match (example, live) {
        (Value::Object(told), Value::Object(found)) => {
            for (field, value) in told {
                let place = format!("{place}.{field}");
                match found.get(field) {
                    Some(live) => compare(&place, field, value, live, faults),
                    None => faults.push(format!("{place}: no server answers this field")),
                }
            }
            let unheard = found.keys().filter(|field| !told.contains_key(*field));
            faults
                .extend(unheard.map(|field| format!("{place}.{field}: is answered, but not in the example")));
        }
        // A list may hold more than the example tells of, but what that tells of must be there.
        (Value::Array(told), Value::Array(found)) => {
            for (index, item) in told.iter().enumerate() {
                let place = format!("{place}[{index}]");
                let closest = found.iter().map(|live| {
                    let mut faults = Vec::new();
                    compare(&place, name, item, live, &mut faults);
                    faults
                });
                match closest.min_by_key(Vec::len) {
                    Some(differences) => faults.extend(differences),
                    None => faults.push(format!("{place}: the live list is empty")),
                }
            }
        }
        (told, found) if std::mem::discriminant(told) != std::mem::discriminant(found) => {
            faults.push(format!("{place}: {told} is of another type than {found}"));
        }
        (told, found) => {
            // Lists of ids have no field of their own.
            let of_the_day = name.is_empty() || OF_THE_DAY.contains(&name);
            if !of_the_day && without_signature(told) != without_signature(found) {
                faults.push(format!("{place}: {found} is answered, not {told}"));
            }
        }
    }
}

/// Signed links differ in their signature.
fn without_signature(value: &Value) -> String {
    let text = value.to_string();
    text.split("?jwt=").next().unwrap_or_default().trim_matches('"').to_owned()
}
