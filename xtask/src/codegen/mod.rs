//! `cargo xtask codegen`: writes `crates/api/src/generated` from the contract.
//!
//! contract -> models, and for each operation what it is asked, what it answers and the trait of its handler; the
//! routes of tags and roles, the calls and callbacks between servers, events, security schemes, pages, and the table of
//! operations. The output is deterministic; `--check` compares instead of writing.

mod any_handlers;
mod callbacks;
mod calls;
mod events;
mod files;
mod known_names;
mod models;
mod names;
mod operations;
mod pages;
mod requests;
mod responses;
mod roles;
mod routes;
mod security;
mod settings;
mod table;
mod types;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, anyhow};

use crate::contract::{self, Contract};
use crate::outcome::{Finding, Outcome};
use crate::workspace;
pub use settings::Settings;

/// Generates all files, or checks that they are fresh.
pub fn run(check: bool) -> anyhow::Result<Outcome> {
    let generated = match generate_from_disk()? {
        Ok(files) => files,
        Err(findings) => return Ok(Outcome::Broken(findings)),
    };
    let folder = workspace::generated_folder();
    if check {
        let findings = files::compare(&folder, &generated)?;
        return Ok(if findings.is_empty() {
            Outcome::Good(format!("{} generated files are fresh", generated.len()))
        } else {
            Outcome::Stale(findings)
        });
    }
    let written = files::write(&folder, &generated)?;
    Ok(Outcome::Good(format!("{written} of {} generated files were written", generated.len())))
}

fn generate_from_disk() -> anyhow::Result<Result<BTreeMap<String, String>, Vec<Finding>>> {
    let path = workspace::contract_path();
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let settings_path = workspace::codegen_settings_path();
    let settings = fs::read_to_string(&settings_path)
        .with_context(|| format!("cannot read {}", settings_path.display()))?;
    let settings = Settings::parse(&settings)?;
    let contract = match contract::read(&text) {
        Ok(contract) => contract,
        Err(violations) => {
            let finding = |violation: &contract::Violation| Finding {
                problem: violation.to_string(),
                remedy: "edit openapi/heliostat.yaml at the named place".into(),
            };
            return Ok(Err(violations.iter().map(finding).collect()));
        }
    };
    Ok(Ok(generate(&contract, &settings)?))
}

/// All generated files by name.
pub fn generate(contract: &Contract, settings: &Settings) -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut modules: Vec<String> = [
        "callbacks",
        "calls",
        "events",
        "known_names",
        "models",
        "ops",
        "pages",
        "roles",
        "security",
        "table",
    ]
    .map(str::to_owned)
    .into();
    files.insert("models.rs".to_owned(), models::generate(contract, settings));
    files.insert("callbacks.rs".to_owned(), callbacks::generate(contract, settings)?);
    files.insert("calls.rs".to_owned(), calls::generate(contract, settings)?);
    files.insert("events.rs".to_owned(), events::generate(contract));
    files.insert("known_names.rs".to_owned(), known_names::generate(contract, settings)?);
    files.insert("pages.rs".to_owned(), pages::generate(contract));
    files.insert("roles.rs".to_owned(), roles::generate(contract, settings)?);
    files.insert("security.rs".to_owned(), security::generate(contract, settings)?);
    files.insert("table.rs".to_owned(), table::generate(contract, settings)?);
    let mut ops = files::preamble("Everything that is generated for operations, whatever their tag.");
    for tag in &contract.tags {
        let decision = settings.tag(&tag.name).ok_or_else(|| {
            anyhow!(
                "openapi/codegen.toml has no decision for the tag {:?}: add [tags.\"{}\"]",
                tag.name,
                tag.name
            )
        })?;
        let text = operations::generate(contract, tag, &decision.module)?;
        files.insert(format!("{}.rs", decision.module), text);
        ops.push_str(&format!("pub use super::{}::*;\n", decision.module));
        modules.push(decision.module.clone());
    }
    files.insert("ops.rs".to_owned(), ops);
    modules.sort();
    files.insert("mod.rs".to_owned(), module_list(&modules));
    Ok(files)
}

fn module_list(modules: &[String]) -> String {
    let mut text =
        files::preamble("The contract as Rust: everything here follows from openapi/heliostat.yaml.");
    for module in modules {
        text.push_str(&format!("pub mod {module};\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = r##"
openapi: 3.0.3
info: {title: T, version: "1"}
tags: [{name: Mirrors, description: Mirrors.}]
paths:
  /mirroring/latest/servers/{serverId}/repos:
    get:
      operationId: listRepos
      tags: [Mirrors]
      summary: List repositories
      security: []
      parameters:
        - {name: serverId, in: path, required: true, schema: {type: string}}
        - {name: limit, in: query, schema: {type: integer, format: int32, default: 25}}
        - {name: filter, in: query, schema: {type: string}}
      responses:
        "200": {description: Ok, content: {application/json: {schema: {$ref: "#/components/schemas/PageOfRepo"}}}}
        "400": {description: Bad}
  /mirroring/latest/repos:
    get:
      operationId: listRepos_1
      x-same-as: listRepos
      tags: [Mirrors]
      summary: List repositories
      security: []
      parameters:
        - {name: limit, in: query, schema: {type: integer, format: int32, default: 25}}
        - {name: filter, in: query, schema: {type: string}}
      responses:
        "200": {description: Ok, content: {application/json: {schema: {$ref: "#/components/schemas/PageOfRepo"}}}}
  /mirroring/latest/events:
    post:
      operationId: onEvent
      tags: [Mirrors]
      summary: Take an event
      security: []
      parameters:
        - {name: sender, in: query, schema: {type: string}}
        - {name: X-Kind, in: header, description: What it is., schema: {type: string}}
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: "#/components/schemas/RestUnknownEntity"}
            x-events:
              repo:created: {$ref: "#/components/schemas/Repo"}
      responses:
        "204": {description: Ok}
components:
  schemas:
    PageOfRepo:
      type: object
      required: [values, size, limit, start, isLastPage]
      properties:
        values: {type: array, items: {$ref: "#/components/schemas/Repo"}}
        size: {type: integer, format: int32}
        limit: {type: integer, format: int32}
        start: {type: integer, format: int64}
        isLastPage: {type: boolean}
        nextPageStart: {type: integer, format: int64}
    Repo:
      type: object
      additionalProperties: false
      required: [name, note]
      properties:
        name: {type: string, x-names: {MainTrunk: The main one., SideTrunk: Another.}}
        note: {type: string, nullable: true}
    RestUnknownEntity: {type: object, additionalProperties: true}
"##;

    const SETTINGS: &str = r#"
[tags.Mirrors]
module = "mirrors"
role = "mirror"
reason = "a test"
[fields]
[secrets]
[security]
[names]
"Repo.name" = "RepoName"
[lenient]
"PageOfRepo.size" = "a test"
[calls]
listRepos = "a test"
[callbacks]
onEvent = "a test"
"#;

    fn generated() -> BTreeMap<String, String> {
        let contract = contract::read(CONTRACT).expect("the contract lies within the profile");
        let settings = Settings::parse(SETTINGS).expect("the settings can be read");
        generate(&contract, &settings).expect("everything is decided")
    }

    fn assert_has(file: &str, wanted: &[&str]) {
        let files = generated();
        for wanted in wanted {
            assert!(files[file].contains(wanted), "{file} lacks {wanted:?}:\n{}", files[file]);
        }
    }

    #[test]
    fn an_operation_has_a_request_an_answer_and_a_trait() {
        assert_has(
            "mirrors.rs",
            &[
                "pub struct ListReposRequest {\n    pub server_id: String,\n    pub limit: i32,\n    pub filter: Option<String>,\n}",
                "pub enum ListReposResponse {",
                "pub trait ListRepos: Handlers {",
                "request: ListReposRequest,",
                "pub trait MirrorsOperations:\n    ListRepos\n    + OnEvent\n    + ImpliedServerId\n",
                "fn list_repos(&self, call: Call, request: ListReposRequest) -> Answer<'_, ListReposResponse>;\n",
                "        ImpliedServerId::implied_server_id(self).map_err(Into::into)\n",
                "pub struct MirrorsRoutes(Arc<dyn AnyMirrors>);\n",
            ],
        );
    }

    #[test]
    fn a_parameter_is_read_where_it_stands() {
        assert_has(
            "mirrors.rs",
            &[
                "        server_id: Path<String>,\n",
                "        filter: Query<Option<String>>,\n",
                "        #[oai(name = \"X-Kind\")]\n        x_kind: Header<Option<String>>,\n",
            ],
        );
    }

    #[test]
    fn another_address_is_routed_to_the_original_and_has_no_trait() {
        assert_has(
            "mirrors.rs",
            &[
                "operation_id = \"listRepos_1\"",
                "            server_id: self.0.implied_server_id()?,\n",
                "        Ok(self.0.list_repos(call, request).await?.into())\n",
                "    ListRepos1Response(ListReposResponse) only [200]\n",
            ],
        );
        let files = generated();
        assert_eq!(files["mirrors.rs"].matches("pub trait ").count(), 4, "{}", files["mirrors.rs"]);
        assert!(files["table.rs"].contains("same_as: Some(\"listRepos\")"), "{}", files["table.rs"]);
    }

    #[test]
    fn lists_follow_from_the_contract() {
        assert_has("pages.rs", &["impl WirePage for PageOfRepo {\n    type Value = Repo;"]);
        assert_has("roles.rs", &["pub fn mirror_routes<H>(handlers: &Arc<H>) -> MirrorRoutes\n"]);
        assert_has("table.rs", &["folder: \"mirroring/servers\""]);
        assert_has("known_names.rs", &["pub enum RepoName {", "    Main,\n", "Self::Side => \"SideTrunk\""]);
        assert_has(
            "events.rs",
            &["pub enum EventKey {", "    RepoCreated(Box<Repo>),", "    Other(String),"],
        );
    }

    #[test]
    fn fields_that_are_there_without_a_value_and_fields_that_others_leave_out() {
        assert_has(
            "models.rs",
            &[
                "    pub name: String,\n    pub note: Option<String>,\n}",
                "    #[cfg_attr(feature = \"serde-schemas\", schema(required = true))]\n    #[serde(default)]\n    pub size: i32,\n    pub limit: i32,",
            ],
        );
    }

    #[test]
    fn what_may_have_no_further_fields_refuses_them() {
        assert_has("models.rs", &["#[serde(deny_unknown_fields)]\npub struct Repo {"]);
        assert!(!generated()["models.rs"].contains("#[serde(deny_unknown_fields)]\npub struct PageOfRepo {"));
    }

    #[test]
    fn a_call_says_where_it_goes_and_how_its_answer_is_read() {
        assert_has(
            "calls.rs",
            &[
                "impl RemoteCall for ListReposRequest {\n    type Answer = PageOfRepo;",
                "format!(\"/rest/mirroring/latest/servers/{}/repos\", encoded(&self.server_id))",
                ".with(\"limit\", Some(&self.limit))",
                ".with(\"filter\", self.filter.as_ref().map(|value| value as _))",
            ],
        );
    }

    #[test]
    fn a_callback_has_everything_but_the_path_and_the_bodies_that_it_may_carry() {
        assert_has(
            "callbacks.rs",
            &[
                "pub struct OnEventCallback {\n    pub sender: Option<String>,\n    /// What it is.\n    pub x_kind: Option<String>,\n}",
                "    const METHOD: &'static str = \"POST\";\n",
                "fn query(&self) -> Vec<(&'static str, &str)> {\n        let given = [self.sender.as_deref().map(|value| (\"sender\", value))];",
                "fn headers(&self) -> Vec<(&'static str, &str)> {\n        let given = [self.x_kind.as_deref().map(|value| (\"X-Kind\", value))];",
                "impl BodyOf<OnEventCallback> for RestUnknownEntity {}\n",
                "impl BodyOf<OnEventCallback> for Repo {}\n",
            ],
        );
    }

    fn refusal(settings: &str) -> String {
        let contract = contract::read(CONTRACT).expect("the contract lies within the profile");
        let generated = generate(&contract, &Settings::parse(settings).expect("the settings can be read"));
        generated.expect_err("is refused").to_string()
    }

    #[test]
    fn what_cannot_be_called_so_is_refused() {
        let refused = refusal(&SETTINGS.replace("listRepos = ", "listRepos_1 = "));
        assert!(refused.contains("only another address of listRepos"), "{refused}");
        let refused = refusal(&SETTINGS.replace("listRepos = ", "onEvent = "));
        assert!(refused.contains("calls do not send its header X-Kind"), "{refused}");
        let refused = refusal(&SETTINGS.replace("onEvent = ", "listRepos = "));
        assert!(refused.contains("listRepos is a callback"), "{refused}");
    }
}
