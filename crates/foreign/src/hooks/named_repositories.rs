//! Which repositories a delivery is about: read from the few fields that say so, in the shape that each provider publishes.
//!
//! What an event says has happened is not read. Events that cannot have changed references, or where a repository is, name
//! none.

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde::Deserialize;
use url::form_urlencoded;

use crate::RepositoryPath;
use crate::provider::{Provider, bitbucket_name};

/// Most repositories that one delivery names; only those of a script name more than two.
const MAX_REPOSITORIES: usize = 100;
/// The field that holds the JSON where a webhook sends forms, as those of GitHub do unless they are told otherwise.
const FORM_FIELD: &str = "payload";
const FORM: &str = "application/x-www-form-urlencoded";

/// Events of GitHub, Gitea and Forgejo that tell of references, or of where a repository is.
const GITHUB_EVENTS: [&str; 7] =
    ["push", "create", "delete", "repository", "public", "pull_request", "pull_request_sync"];
/// Events of GitLab's webhooks.
const GITLAB_EVENTS: [&str; 5] =
    ["Push Hook", "Tag Push Hook", "Merge Request Hook", "Project Hook", "Release Hook"];
/// What GitLab's system hooks call them in the body.
const GITLAB_SYSTEM_EVENTS: [&str; 9] = [
    "push",
    "tag_push",
    "repository_update",
    "merge_request",
    "project_create",
    "project_destroy",
    "project_rename",
    "project_transfer",
    "project_update",
];
const GITLAB_SYSTEM_HOOK: &str = "System Hook";
/// How the names of Bitbucket's events begin, in Data Center and in the cloud.
const BITBUCKET_EVENTS: [&str; 4] = ["repo:", "pr:", "pullrequest:", "mirror:repo_synchronized"];

/// A body that is not what the provider publishes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the body is no JSON as {0} sends it: {1}")]
    Json(Provider, String),
    #[error("the body is a form without the field \"payload\"")]
    Form,
    #[error("the body names no repository: a field \"repository\" such as \"acme/tool\" is missing")]
    Nameless,
    #[error("the body names more than {MAX_REPOSITORIES} repositories")]
    TooMany,
    #[error("{0}")]
    Path(String),
}

/// The repositories to look at; none if the event is about something else. `projects_below` is what stands before project
/// and repository in the addresses of a Bitbucket Data Center.
pub(super) fn named_repositories(
    provider: Provider,
    headers: &HeaderMap,
    body: &[u8],
    projects_below: &str,
) -> Result<Vec<RepositoryPath>, Unreadable> {
    let event = event_of(provider, headers);
    let names = match provider {
        Provider::GitHub | Provider::Gitea | Provider::Forgejo => {
            if !GITHUB_EVENTS.contains(&event) {
                return Ok(Vec::new());
            }
            let form = is_form(headers).then(|| payload_of_form(body)).transpose()?;
            let body = form.as_ref().map_or(body, String::as_bytes);
            let named = read::<GitHubBody>(provider, body)?.repository;
            vec![named.ok_or(Unreadable::Nameless)?.full_name]
        }
        Provider::GitLab => {
            if event != GITLAB_SYSTEM_HOOK && !GITLAB_EVENTS.contains(&event) {
                return Ok(Vec::new());
            }
            let body = read::<GitLabBody>(provider, body)?;
            let concerns_us = event != GITLAB_SYSTEM_HOOK
                || [body.event_name.as_deref(), body.object_kind.as_deref()]
                    .into_iter()
                    .flatten()
                    .any(|name| GITLAB_SYSTEM_EVENTS.contains(&name));
            if !concerns_us {
                return Ok(Vec::new());
            }
            let now = body.project.map(|project| project.path_with_namespace).or(body.path_with_namespace);
            let now = now.ok_or(Unreadable::Nameless)?;
            [Some(now), body.old_path_with_namespace].into_iter().flatten().collect()
        }
        Provider::Bitbucket => {
            if !BITBUCKET_EVENTS.iter().any(|beginning| event.starts_with(beginning)) {
                return Ok(Vec::new());
            }
            let body = read::<BitbucketBody>(provider, body)?;
            let pulled = body.pull_request.and_then(|request| request.to_ref?.repository);
            let modified = [body.old, body.new];
            let all = [body.repository, pulled].into_iter().chain(modified).flatten();
            let names: Vec<String> = all.filter_map(|named| named.name(projects_below)).collect();
            if names.is_empty() {
                return Err(Unreadable::Nameless);
            }
            names
        }
        Provider::Generic => {
            let body = read::<GenericBody>(provider, body)?;
            let names: Vec<String> = body.repository.into_iter().chain(body.repositories).collect();
            if names.is_empty() {
                return Err(Unreadable::Nameless);
            }
            names
        }
    };
    if names.len() > MAX_REPOSITORIES {
        return Err(Unreadable::TooMany);
    }
    names.iter().map(|name| path_of(name)).collect()
}

/// What the provider calls the event; empty if it does not say.
fn event_of(provider: Provider, headers: &HeaderMap) -> &str {
    let names: &[&str] = match provider {
        Provider::GitHub => &["x-github-event"],
        Provider::GitLab => &["x-gitlab-event"],
        Provider::Gitea | Provider::Forgejo => &["x-forgejo-event", "x-gitea-event", "x-github-event"],
        Provider::Bitbucket => &["x-event-key"],
        Provider::Generic => &[],
    };
    let found = names.iter().find_map(|name| headers.get(*name)?.to_str().ok());
    found.map_or("", str::trim)
}

fn is_form(headers: &HeaderMap) -> bool {
    let found = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    found.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with(FORM))
}

fn payload_of_form(body: &[u8]) -> Result<String, Unreadable> {
    let field = form_urlencoded::parse(body).find(|(name, _)| name == FORM_FIELD);
    field.map(|(_, value)| value.into_owned()).ok_or(Unreadable::Form)
}

fn read<'a, T: Deserialize<'a>>(provider: Provider, body: &'a [u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body).map_err(|error| Unreadable::Json(provider, error.to_string()))
}

/// The address of a repository that goes by a name such as `acme/tool`, with or without `.git`.
fn path_of(name: &str) -> Result<RepositoryPath, Unreadable> {
    let dotted = format!("{}.git", name.trim_end_matches('/').trim_end_matches(".git"));
    RepositoryPath::parse(&dotted).map_err(|error| Unreadable::Path(error.to_string()))
}

#[derive(Deserialize)]
struct GitHubBody {
    repository: Option<FullName>,
}

#[derive(Deserialize)]
struct FullName {
    full_name: String,
}

#[derive(Deserialize)]
struct GitLabBody {
    event_name: Option<String>,
    object_kind: Option<String>,
    project: Option<GitLabProject>,
    path_with_namespace: Option<String>,
    old_path_with_namespace: Option<String>,
}

#[derive(Deserialize)]
struct GitLabProject {
    path_with_namespace: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BitbucketBody {
    repository: Option<BitbucketRepository>,
    old: Option<BitbucketRepository>,
    new: Option<BitbucketRepository>,
    pull_request: Option<BitbucketPullRequest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BitbucketPullRequest {
    to_ref: Option<BitbucketRef>,
}

#[derive(Deserialize)]
struct BitbucketRef {
    repository: Option<BitbucketRepository>,
}

/// In the cloud it has a full name, in Data Center a project and a slug.
#[derive(Deserialize)]
struct BitbucketRepository {
    full_name: Option<String>,
    slug: Option<String>,
    project: Option<BitbucketProject>,
}

#[derive(Deserialize)]
struct BitbucketProject {
    key: String,
}

impl BitbucketRepository {
    fn name(self, projects_below: &str) -> Option<String> {
        self.full_name.or_else(|| Some(bitbucket_name(projects_below, &self.project?.key, &self.slug?)))
    }
}

#[derive(Deserialize)]
struct GenericBody {
    repository: Option<String>,
    #[serde(default)]
    repositories: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::signature::tests::headers;

    fn named(provider: Provider, pairs: &[(&str, &str)], body: &str) -> Result<Vec<String>, Unreadable> {
        let found = named_repositories(provider, &headers(pairs), body.as_bytes(), "scm/")?;
        Ok(found.iter().map(ToString::to_string).collect())
    }

    fn paths(paths: &[&str]) -> Result<Vec<String>, Unreadable> {
        Ok(paths.iter().map(|path| (*path).to_owned()).collect())
    }

    #[test]
    fn github_and_what_follows_it_name_the_full_name() {
        let body = r#"{"ref": "refs/heads/main", "before": "0", "after": "1", "commits": [{"id": "1"}],
            "repository": {"id": 1, "name": "tool", "full_name": "Acme/tool", "private": true}}"#;
        for (provider, header) in [
            (Provider::GitHub, "X-GitHub-Event"),
            (Provider::Gitea, "X-Gitea-Event"),
            (Provider::Forgejo, "X-Forgejo-Event"),
            (Provider::Forgejo, "X-Gitea-Event"),
        ] {
            assert_eq!(named(provider, &[(header, "push")], body), paths(&["/Acme/tool.git"]), "{provider}");
            for other in ["ping", "issues", "star", "installation"] {
                assert_eq!(named(provider, &[(header, other)], body), paths(&[]), "{provider}");
            }
            let refused = named(provider, &[(header, "push")], r#"{"repository": null}"#);
            assert_eq!(refused, Err(Unreadable::Nameless));
            let hostile = r#"{"repository": {"full_name": "acme/../../etc"}}"#;
            assert!(matches!(named(provider, &[(header, "push")], hostile), Err(Unreadable::Path(_))));
            let cut = &body[..body.len() - 1];
            assert!(matches!(named(provider, &[(header, "push")], cut), Err(Unreadable::Json(..))));
        }
    }

    #[test]
    fn github_sends_forms_too() {
        let form = [("x-github-event", "push"), ("content-type", "application/x-www-form-urlencoded")];
        let body = "payload=%7B%22repository%22%3A%7B%22full_name%22%3A%22acme%2Ftool%22%7D%7D";
        assert_eq!(named(Provider::GitHub, &form, body), paths(&["/acme/tool.git"]));
        assert_eq!(named(Provider::GitHub, &form, "data=1"), Err(Unreadable::Form));
    }

    #[test]
    fn gitlab_names_the_path_with_its_groups() {
        let hook = |event| [("X-Gitlab-Event", event)];
        let push = r#"{"object_kind": "push", "event_name": "push", "project": {"id": 15, "name": "Tool",
            "path_with_namespace": "acme/deep/tool", "default_branch": "main"}, "total_commits_count": 4}"#;
        for event in ["Push Hook", "Tag Push Hook", "Merge Request Hook", "System Hook"] {
            assert_eq!(
                named(Provider::GitLab, &hook(event), push),
                paths(&["/acme/deep/tool.git"]),
                "{event}"
            );
        }
        assert_eq!(named(Provider::GitLab, &hook("Note Hook"), push), paths(&[]));
        let renamed = r#"{"event_name": "project_rename", "path_with_namespace": "acme/new",
            "old_path_with_namespace": "acme/old"}"#;
        let both = paths(&["/acme/new.git", "/acme/old.git"]);
        assert_eq!(named(Provider::GitLab, &hook("System Hook"), renamed), both);
        let other = r#"{"event_name": "user_create", "name": "Ada"}"#;
        assert_eq!(named(Provider::GitLab, &hook("System Hook"), other), paths(&[]));
    }

    #[test]
    fn bitbucket_names_project_and_slug_or_the_full_name() {
        let repository = r#"{"slug": "tool", "id": 84, "scmId": "git", "project": {"key": "PRJ", "id": 84}}"#;
        let cases: [(&str, String, &[&str]); 5] = [
            ("repo:refs_changed", format!(r#"{{"repository": {repository}}}"#), &["/scm/prj/tool.git"]),
            (
                "pr:from_ref_updated",
                format!(r#"{{"pullRequest": {{"id": 1, "toRef": {{"repository": {repository}}}}}}}"#),
                &["/scm/prj/tool.git"],
            ),
            (
                "repo:modified",
                format!(r#"{{"old": {}, "new": {repository}}}"#, repository.replace("tool", "old")),
                &["/scm/prj/old.git", "/scm/prj/tool.git"],
            ),
            (
                "repo:push",
                r#"{"repository": {"full_name": "acme/tool", "type": "repository"}}"#.to_owned(),
                &["/acme/tool.git"],
            ),
            ("diagnostics:ping", r#"{"test": true}"#.to_owned(), &[]),
        ];
        for (event, body, expected) in cases {
            let found = named(Provider::Bitbucket, &[("X-Event-Key", event)], &body);
            assert_eq!(found, paths(expected), "{event}");
        }
        let nameless = named(Provider::Bitbucket, &[("X-Event-Key", "repo:refs_changed")], "{}");
        assert_eq!(nameless, Err(Unreadable::Nameless));
    }

    #[test]
    fn scripts_name_what_they_like() {
        let named = |body: &str| named(Provider::Generic, &[], body);
        assert_eq!(named(r#"{"repository": "/acme/tool.git"}"#), paths(&["/acme/tool.git"]));
        assert_eq!(named(r#"{"repositories": ["a/b", "c"]}"#), paths(&["/a/b.git", "/c.git"]));
        assert_eq!(named("{}"), Err(Unreadable::Nameless));
        assert!(matches!(named(r#"{"repository": 7}"#), Err(Unreadable::Json(..))));
        let many = serde_json::json!({"repositories": vec!["a/b"; MAX_REPOSITORIES + 1]}).to_string();
        assert_eq!(named(&many), Err(Unreadable::TooMany));
    }
}
