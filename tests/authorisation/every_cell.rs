//! Every request of the matrix, made by every caller.

use std::collections::BTreeSet;

use heliostat_api::Role;
use reqwest::Method;
use serde_json::Value;

use super::callers::Caller;
use super::matrix::{Matrix, Outcome, Row};
use super::mirror::MirrorScene;
use super::origin_mirror::OriginMirrorScene;
use super::scene::{Samples, Scene};
use super::upstream::UpstreamScene;
use crate::harness::{Client, Promised, unique};

/// Who shows a wrong password: those may be told to wait instead of being told that it is wrong.
const GUESSERS: [&str; 2] = ["a wrong password", "a deleted user"];
/// These ask at the addresses of both versions of the API, which must not differ.
const ASK_BOTH_VERSIONS: [&str; 3] = ["anonymous", "a licensed user", "a forged JWT"];
const LATEST: &str = "/latest/";
const FIRST_VERSION: &str = "/1.0/";
const UNAUTHORIZED: u16 = 401;
const TOO_MANY_REQUESTS: u16 = 429;

#[tokio::test]
async fn an_upstream_answers_every_caller_as_the_matrix_says() {
    let (matrix, upstream) = (Matrix::of(Role::Upstream), UpstreamScene::start().await);
    let mut faults = Vec::new();
    for asked in every_request(&matrix, Role::Upstream) {
        for (caller, outcome) in callers_of(&matrix, &upstream.scene, asked.row) {
            let mut samples = upstream.scene.samples.clone();
            if let Some(kind) = asked.row.fresh.as_ref().filter(|_| outcome == Outcome::Passes) {
                samples.extend(upstream.fresh(kind).await);
            }
            faults.extend(
                Cell { scene: &upstream.scene, matrix: &matrix, asked, caller, outcome }
                    .faults(&samples)
                    .await,
            );
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn a_mirror_answers_every_caller_as_the_matrix_says() {
    let (matrix, mirror) = (Matrix::of(Role::Mirror), MirrorScene::start().await);
    let mut faults = Vec::new();
    for asked in every_request(&matrix, Role::Mirror) {
        for (caller, outcome) in callers_of(&matrix, &mirror.scene, asked.row) {
            let cell = Cell { scene: &mirror.scene, matrix: &matrix, asked, caller, outcome };
            faults.extend(cell.faults(&mirror.scene.samples).await);
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn a_mirror_of_another_server_answers_every_caller_as_the_matrix_says() {
    let (matrix, mirror) = (Matrix::of(Role::OriginMirror), OriginMirrorScene::start().await);
    let mut faults = Vec::new();
    for asked in every_request(&matrix, Role::OriginMirror) {
        for (caller, outcome) in callers_of(&matrix, &mirror.scene, asked.row) {
            let cell = Cell { scene: &mirror.scene, matrix: &matrix, asked, caller, outcome };
            faults.extend(cell.faults(&mirror.scene.samples).await);
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// A row of the matrix; a door is none of the operations.
#[derive(Clone, Copy)]
struct Asked<'a> {
    name: &'a str,
    row: &'a Row,
    operation: Option<Promised>,
}

/// The operations in the order of the contract, then the doors.
fn every_request(matrix: &Matrix, role: Role) -> impl Iterator<Item = Asked<'_>> {
    let operations = Promised::of_role(role).map(|operation| Asked {
        name: operation.id(),
        row: &matrix.operations[operation.id()],
        operation: Some(operation),
    });
    operations.chain(matrix.doors.iter().map(|(name, row)| Asked { name, row, operation: None }))
}

/// Those whom the row's rule names; fails unless they are those who are there.
fn callers_of<'a>(matrix: &'a Matrix, scene: &Scene, row: &Row) -> Vec<(&'a str, Outcome)> {
    let named = matrix.rule(&row.rule);
    let (there, in_rule): (BTreeSet<&str>, BTreeSet<&str>) =
        (scene.callers.keys().map(String::as_str).collect(), named.keys().copied().collect());
    assert_eq!(there, in_rule, "the rule {:?} does not name those who call", row.rule);
    named.into_iter().collect()
}

/// One request by one caller.
struct Cell<'a> {
    scene: &'a Scene,
    matrix: &'a Matrix,
    asked: Asked<'a>,
    caller: &'a str,
    outcome: Outcome,
}

/// A request that is ready to be signed.
#[derive(Clone)]
struct Request {
    method: Method,
    path: String,
    body: Option<(String, String)>,
}

impl Cell<'_> {
    /// Makes the request; says what is wrong with the answer.
    async fn faults(&self, samples: &Samples) -> Vec<String> {
        let request = self.request(samples);
        let mut faults = self.faults_of(&request).await;
        // What was refused has changed nothing, and can be asked at another address, too.
        let first_version = Request { path: request.path.replace(LATEST, FIRST_VERSION), ..request.clone() };
        if self.outcome != Outcome::Passes
            && ASK_BOTH_VERSIONS.contains(&self.caller)
            && request.path != first_version.path
        {
            faults.extend(self.faults_of(&first_version).await);
        }
        faults
    }

    async fn faults_of(&self, request: &Request) -> Vec<String> {
        let Self { scene, asked, caller, outcome, .. } = self;
        let sender: &Caller = &scene.callers[*caller];
        let (identity, path) = sender.credentials(request.method.as_str(), &request.path);
        let client = Client::new(&scene.address, identity).with_header("git-protocol", "version=2");
        let body = request.body.as_ref().map(|(body, media_type)| (body.as_bytes(), media_type.as_str()));
        let answer = client.send_raw(request.method.clone(), &path, body).await;
        let mut faults = Vec::new();
        if !self.expects(answer.status) {
            faults.push(format!("expected {outcome:?} and got {}: {}", answer.status, answer.text));
        }
        let text = answer.text.to_lowercase();
        let told = |name: &&String| text.contains(&name.to_lowercase());
        if !self.matrix.who_may_know_the_names().contains(caller) {
            let sent = format!("{path} {:?}", request.body).to_lowercase();
            let leaked = scene.private_names.iter().filter(|name| !sent.contains(&name.to_lowercase()));
            faults.extend(leaked.filter(told).map(|name| format!("learns {name:?}: {}", answer.text)));
        }
        let finds = scene.private_names.iter().any(|name| told(&name));
        if asked.row.shows
            && *outcome == Outcome::Passes
            && finds != self.matrix.who_finds_it_in_lists().contains(caller)
        {
            faults.push(format!("finds what is private: {finds}"));
        }
        let named = |fault: String| format!("{} at {path} by {caller}: {fault}", asked.name);
        faults.into_iter().map(named).collect()
    }

    fn expects(&self, status: u16) -> bool {
        match self.outcome {
            Outcome::Passes => self.asked.row.answer.has(status),
            Outcome::Refused(UNAUTHORIZED) if GUESSERS.contains(&self.caller) => {
                matches!(status, UNAUTHORIZED | TOO_MANY_REQUESTS)
            }
            Outcome::Refused(refused) => status == refused,
        }
    }

    fn request(&self, samples: &Samples) -> Request {
        let Asked { name, row, operation } = self.asked;
        let Some(operation) = operation else {
            let at = filled(row.at.as_deref().unwrap_or_else(|| panic!("{name:?} has no address")), samples);
            let (method, path) = at.split_once(' ').expect("method and path");
            let service = path.rsplit('/').next().unwrap_or_default();
            let media_type = format!("application/x-{service}-request");
            let body = row.text.clone().map(|text| (text, media_type));
            return Request { method: method.parse().expect("is a method"), path: path.to_owned(), body };
        };
        let mut path = operation.address(|parameter| match row.with.get(parameter) {
            Some(value) => filled(value, samples),
            None => sample(parameter, samples).to_owned(),
        });
        if let Some(query) = &row.query {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(query);
        }
        let body = || match &row.body {
            Some(body) => Some(filled_in(body, samples)),
            None => operation.example_body(),
        };
        let body = operation.has_body().then(body).flatten();
        let body = body.map(|body| (body.to_string(), "application/json".to_owned()));
        Request { method: operation.method(), path, body }
    }
}

fn sample<'a>(name: &str, samples: &'a Samples) -> &'a str {
    samples.get(name).unwrap_or_else(|| {
        panic!("tests/authorisation has no sample for {name}: add one to the scene of the role")
    })
}

/// A text of the matrix with samples in place of what stands in braces.
fn filled(template: &str, samples: &Samples) -> String {
    let Some((before, rest)) = template.split_once('{') else { return template.to_owned() };
    let (name, after) = rest.split_once('}').expect("a brace is closed");
    let value = if name == "unique" { unique() } else { sample(name, samples).to_owned() };
    format!("{before}{value}{}", filled(after, samples))
}

fn filled_in(body: &Value, samples: &Samples) -> Value {
    match body {
        Value::String(text) => Value::String(filled(text, samples)),
        Value::Array(values) => values.iter().map(|value| filled_in(value, samples)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), filled_in(value, samples)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}
