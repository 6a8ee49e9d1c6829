//! Nothing that a client can send makes a 5xx or an answer outside the contract: schemathesis tries on both roles.
//!
//! All phases and all checks, as administrator, as a user with some permissions, and without credentials. `schemathesis.toml`
//! and `schemathesis_hooks.py` say what is narrowed and why; reports are kept with the other artefacts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Client, Identity, Pair, Server, artefacts, must_succeed, tool, unique};

/// Fewest requests of a role's three runs together.
const MIN_CASES_PER_ROLE: u64 = 2_000;
/// Another seed than this one is taken from `HELIOSTAT_FUZZ_SEED`.
const SEED: &str = "20";
/// The tags of all operations that a mirror serves alone; an upstream serves the others.
const MIRROR_TAGS: &str = r"^Mirroring \((Mirror|Served repositories)\)$";

/// How a role is tried.
struct Trial<'a> {
    role: &'static str,
    server: &'a Server,
    /// How the operations of the role are told from the others.
    filter: [&'static str; 2],
    /// Requests per operation and phase at most, with and without credentials.
    examples: &'static str,
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn a_mirror_keeps_the_contract_whatever_is_sent() {
    let pair = Pair::start().await;
    let trial = Trial {
        role: "mirror",
        server: &pair.mirror,
        filter: ["--include-tag-regex", MIRROR_TAGS],
        examples: "20",
    };
    trial.run(&pair).await;
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn an_upstream_keeps_the_contract_whatever_is_sent() {
    let pair = Pair::start().await;
    let trial = Trial {
        role: "upstream",
        server: &pair.upstream,
        filter: ["--exclude-tag-regex", MIRROR_TAGS],
        examples: "8",
    };
    trial.run(&pair).await;
}

impl Trial<'_> {
    async fn run(&self, pair: &Pair) {
        let (project, user) = furnish(pair).await;
        let known = artefacts("schemathesis").join(format!("{}-known.json", self.role));
        fs::write(&known, known_values(pair, &project, &user).await.to_string()).expect("can be written");
        let identities =
            [("administrator", Some(Identity::admin())), ("user", Some(user)), ("anonymous", None)];
        let mut cases = 0;
        for (name, identity) in identities {
            let report = self.try_as(name, identity.as_ref(), &known);
            let share = report["test_cases"].clone();
            println!("{} as {name}: {share}", self.role);
            let (answered, operations) = successes(self.role, name);
            println!("{} as {name}: {answered} of {operations} operations had a success", self.role);
            // The rest is for servers with their signatures, gone for good, or left to the run's own objects.
            let enough = name != "administrator" || answered * 3 >= operations * 2;
            assert!(enough, "{}: only {answered} of {operations} operations had a success", self.role);
            assert_eq!(report["complete"], true, "{} as {name} was cut short: {share}", self.role);
            cases += share["generated"].as_u64().expect("the report counts cases");
        }
        assert!(cases >= MIN_CASES_PER_ROLE, "{}: only {cases} cases", self.role);
        let log = self.server.log();
        assert!(!log.contains("panicked"), "the {} panicked:\n{log}", self.role);
    }

    /// One run; fails unless no check failed. Returns the report.
    fn try_as(&self, name: &str, identity: Option<&Identity>, known: &Path) -> Value {
        let run = format!("schemathesis-{}-{name}", self.role);
        let folder = artefacts(&run);
        let report = folder.join("report.json");
        let seed = std::env::var("HELIOSTAT_FUZZ_SEED").unwrap_or_else(|_| SEED.to_owned());
        let mut command = tool("schemathesis");
        command.arg("--config-file").arg(config(&folder, identity)).arg("run").arg(contract());
        command.arg("--url").arg(format!("{}/rest", self.server.base())).args(self.filter);
        command.args(["--checks", "all", "--seed", &seed, "--max-examples", self.examples]);
        command.args(["--no-color", "--warnings", "off", "--report", "json,ndjson", "--report-json-path"]);
        command.arg(&report).arg("--report-ndjson-path").arg(folder.join("events.ndjson"));
        command.env("SCHEMATHESIS_HOOKS", "schemathesis_hooks").env("PYTHONPATH", outside());
        command.env("HYPOTHESIS_STORAGE_DIRECTORY", folder.join("hypothesis"));
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("HELIOSTAT_KNOWN", known);
        if let Some(Identity::User(user, password)) = identity {
            command.env("HELIOSTAT_FUZZ_USER", user).env("HELIOSTAT_FUZZ_PASSWORD", password);
        }
        println!("{run}: seed {seed}");
        must_succeed(&run, command);
        let text = fs::read_to_string(&report).expect("there is a report");
        serde_json::from_str(&text).expect("the report is JSON")
    }
}

/// How many operations had a success among those that were tried, by the record of a run.
fn successes(role: &str, name: &str) -> (usize, usize) {
    let file = artefacts(&format!("schemathesis-{role}-{name}")).join("events.ndjson");
    let text = fs::read_to_string(file).expect("there is a record");
    let mut tried: BTreeMap<String, bool> = BTreeMap::new();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).expect("an event is JSON");
        let recorder = &event["ScenarioFinished"]["recorder"];
        for (id, interaction) in recorder["interactions"].as_object().into_iter().flatten() {
            let case = &recorder["cases"][id]["value"];
            let status = interaction["response"]["status_code"].as_u64().unwrap_or_default();
            // Methods that the path does not have are tried as well.
            if status != 405 {
                let success = tried.entry(format!("{} {}", case["method"], case["path"])).or_default();
                *success |= (200..300).contains(&status);
            }
        }
    }
    (tried.values().filter(|success| **success).count(), tried.len())
}

/// The committed settings and, unless there are none, where the credentials come from.
fn config(folder: &Path, identity: Option<&Identity>) -> PathBuf {
    let mut text =
        fs::read_to_string(outside().join("schemathesis.toml")).expect("the settings are committed");
    if identity.is_some() {
        text.push_str("\n[auth.openapi.basic]\n");
        text.push_str("username = \"${HELIOSTAT_FUZZ_USER}\"\npassword = \"${HELIOSTAT_FUZZ_PASSWORD}\"\n");
    }
    let file = folder.join("schemathesis.toml");
    fs::write(&file, text).expect("can be written");
    file
}

fn outside() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("outside")
}

fn contract() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/heliostat.yaml")
}

/// Puts projects, repositories with commits, users, tokens, a preferred mirror and requests in place.
///
/// Returns a project with a repository on both sides, and a user who administers it.
async fn furnish(pair: &Pair) -> (Value, Identity) {
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    pair.pushed_repository(true).await;
    let project = repository["project"].clone();
    let user = pair.upstream.user_on_project(&project, "PROJECT_ADMIN").await;
    for identity in [Identity::admin(), user.clone()] {
        let client = pair.upstream.client(&identity);
        let mirror = json!({"id": pair.mirror_id().await});
        prefer(&client, &mirror).await;
    }
    for _ in 0..3 {
        let id = unique().to_uppercase();
        let base = format!("https://{}.example.com", unique());
        let body = json!({"mirrorId": id, "mirrorName": format!("Mirror {id}"), "mirrorBaseUrl": base,
            "addonDescriptorUri": format!("{base}/addon/descriptor")});
        pair.anonymous().post("/rest/mirroring/latest/requests", &body).await.expect(200);
    }
    (project, user)
}

async fn prefer(client: &Client, mirror: &Value) {
    let path = "/rest/mirroring/latest/account/settings/preferred-mirror";
    let text = mirror["id"].to_string();
    client.send_raw(Method::POST, path, Some((text.as_bytes(), "application/json"))).await;
}

/// What parameters may say to meet something, and what must stay for the run to go on.
async fn known_values(pair: &Pair, project: &Value, user: &Identity) -> Value {
    let admin = pair.admin();
    let key = project["key"].as_str().expect("a project has a key");
    let repositories = admin.get(&format!("/rest/api/latest/projects/{key}/repos")).await.expect(200).json();
    let repository = &repositories["values"][0];
    let requests = admin.get("/rest/mirroring/latest/requests?state=PENDING").await.expect(200).json();
    let requests: Vec<String> = requests["values"]
        .as_array()
        .expect("a page has values")
        .iter()
        .map(|request| request["id"].to_string().replace('"', ""))
        .collect();
    let token = pair.upstream.new_token(user, &["REPO_READ"]).await;
    let spare = pair.upstream.user_on_project(project, "PROJECT_READ").await;
    let doomed = pair.new_project(true).await;
    let doomed = doomed["key"].as_str().expect("a project has a key");
    let mirror = pair.mirror_id().await;
    let parameters: BTreeMap<&str, Value> = BTreeMap::from([
        ("projectKey", json!([key, doomed])),
        ("repositorySlug", json!([repository["slug"]])),
        ("projectId", json!([project["id"].to_string()])),
        ("repoId", json!([repository["id"].to_string()])),
        ("upstreamRepoId", json!([repository["id"].to_string()])),
        ("upstreamId", json!([pair.upstream_id().await])),
        ("mirrorId", json!([mirror])),
        ("mirroringRequestId", json!(&requests)),
        ("userSlug", json!([user.name(), "admin"])),
        ("tokenId", json!([token["id"]])),
        ("name", json!([spare.name()])),
    ]);
    let doomed = requests.iter().map(String::as_str).chain([doomed]).collect::<Vec<_>>();
    json!({"parameters": parameters, "doomed": doomed, "spared": ["admin", user.name()]})
}
