//! The bodies of events as webhooks receive them, in the well-known shapes.
//!
//! Unlike mirrors, webhooks belong to people: what only mirrors need is left out, and each delivery tells of one
//! event, never of several merged into one.

use heliostat_api::AddonEventKey;
use heliostat_downstream::{EventContext, REFS_CHANGED, SyncType, wire};
use heliostat_storage::{Audience, MirrorServer, NewEvent, Repository};
use serde_json::{Value, json};

/// Event of a mirror that serves what it did not serve before.
pub(crate) const MIRROR_SYNCHRONIZED: &str = "mirror:repo_synchronized";
/// Event of changed metadata.
const REPOSITORY_MODIFIED: &str = AddonEventKey::RepoModified.as_str();
/// Event of a test; a webhook cannot ask for it.
pub(crate) const PING: &str = "diagnostics:ping";

/// An event that would name more changes than this names none, and says so.
pub(crate) const MAX_CHANGES_PER_WEBHOOK_EVENT: usize = 1_000;

/// What a webhook can ask for: the well-known catalogue. Clients register with a list for any server of the kind;
/// what this server does not have (pull requests, comments, forks) never happens here.
pub(crate) const KNOWN_EVENTS: [&str; 22] = [
    REFS_CHANGED,
    MIRROR_SYNCHRONIZED,
    REPOSITORY_MODIFIED,
    "repo:forked",
    "repo:comment:added",
    "repo:comment:edited",
    "repo:comment:deleted",
    "repo:secret_detected",
    "pr:opened",
    "pr:from_ref_updated",
    "pr:modified",
    "pr:reviewer:updated",
    "pr:reviewer:approved",
    "pr:reviewer:unapproved",
    "pr:reviewer:needs_work",
    "pr:reviewer:changes_requested",
    "pr:merged",
    "pr:declined",
    "pr:deleted",
    "pr:comment:added",
    "pr:comment:edited",
    "pr:comment:deleted",
];

/// Makes the events that go to webhooks.
#[derive(Clone, Copy)]
pub(crate) struct WebhookEvents<'a>(pub(crate) EventContext<'a>);

impl WebhookEvents<'_> {
    /// Refs of a repository have changed; `None` if it is not known which, or if they are too many to name.
    pub(crate) fn pushed(&self, repository: &Repository, changes: Option<Value>) -> NewEvent {
        let mut body = self.0.body(REFS_CHANGED);
        body["repository"] = json!(self.0.public_repository(repository));
        set_changes(&mut body, changes);
        self.webhook_event(repository, body)
    }

    /// What is known of a repository besides its refs has changed.
    pub(crate) fn modified(&self, old: &Repository, new: &Repository) -> NewEvent {
        let mut body = self.0.body(REPOSITORY_MODIFIED);
        body["old"] = json!(self.0.public_repository(old));
        body["new"] = json!(self.0.public_repository(new));
        self.webhook_event(new, body)
    }

    /// A mirror serves what it did not serve before; `None` if it is not known what, or if it is too much to name.
    pub(crate) fn mirror_synchronized(
        &self,
        mirror: &MirrorServer,
        repository: &Repository,
        sync_type: SyncType,
        changes: Option<Value>,
    ) -> NewEvent {
        let mut body = self.0.body(MIRROR_SYNCHRONIZED);
        body["mirrorServer"] = json!({ "id": mirror.id, "name": mirror.name });
        // Beside the well-known fields: who builds from the mirror needs nothing else to know where.
        let at_mirror = wire::repository(mirror.base_url.trim_end_matches('/'), repository);
        body["cloneUrls"] = json!(at_mirror.links.clone);
        body["syncType"] = json!(sync_type.as_str());
        body["refLimitExceeded"] = json!(changes.is_none());
        body["repository"] = json!(self.0.public_repository(repository));
        set_changes(&mut body, changes);
        self.webhook_event(repository, body)
    }

    /// A webhook is tried out.
    pub(crate) fn ping(&self, repository: &Repository) -> Value {
        let mut body = self.0.body(PING);
        body["test"] = json!(true);
        body["repository"] = json!(self.0.public_repository(repository));
        body
    }

    fn webhook_event(&self, repository: &Repository, body: Value) -> NewEvent {
        NewEvent {
            audience: Audience::Webhooks,
            event_key: body["eventKey"].as_str().unwrap_or_default().to_owned(),
            repository_id: Some(repository.id),
            body,
            created_at: self.0.now_ms,
        }
    }
}

fn set_changes(body: &mut Value, changes: Option<Value>) {
    if changes.is_none() {
        body["refLimitExceeded"] = json!(true);
    }
    body["changes"] = changes.unwrap_or_else(|| json!([]));
}

#[cfg(test)]
mod tests {
    use heliostat_downstream::fixture;
    use url::Url;

    use super::*;

    #[test]
    fn a_mirrors_event_has_the_well_known_shape() {
        let url = Url::parse("https://git.example.com/context").expect("a valid URL");
        let events = WebhookEvents(EventContext {
            base: url.as_str().trim_end_matches('/'),
            now_ms: 1_795_342_500_000,
            actor: None,
        });
        let changes = json!([{ "refId": "refs/heads/main" }]);
        let (mirror, repository) = (fixture::mirror(), fixture::repository());
        let sync_type = SyncType::Incremental;
        let event = events.mirror_synchronized(&mirror, &repository, sync_type, Some(changes.clone()));
        assert_eq!((event.audience, event.repository_id), (Audience::Webhooks, Some(repository.id)));
        assert_eq!(event.event_key, "mirror:repo_synchronized");
        let body = event.body;
        assert_eq!(
            (&body["eventKey"], &body["date"]),
            (&json!(event.event_key), &json!("2026-11-22T10:15:00+0000"))
        );
        assert_eq!(body["mirrorServer"], json!({ "id": "B0F5-CS21-45C2-CCK3", "name": "Mirror" }));
        assert_eq!((&body["syncType"], &body["refLimitExceeded"]), (&json!("INCREMENTAL"), &json!(false)));
        assert_eq!(body["changes"], changes);
        let clone = "https://git.example.com/context/scm/app/engine.git";
        assert_eq!(body["repository"]["links"]["clone"][0]["href"], clone);
        let at_mirror = "https://mirror.example.com/eu/scm/app/engine.git";
        assert_eq!(body["cloneUrls"], json!([{ "name": "http", "href": at_mirror }]));
        assert!(body["repository"].get("properties").is_none(), "{body}");
        assert!(body.get("actor").is_none() && body.get("generation").is_none(), "{body}");

        let unknown = events.mirror_synchronized(&mirror, &repository, SyncType::Snapshot, None).body;
        assert_eq!((&unknown["refLimitExceeded"], &unknown["changes"]), (&json!(true), &json!([])));
    }

    #[test]
    fn a_push_says_when_it_does_not_name_its_changes() {
        let url = Url::parse("https://git.example.com").expect("a valid URL");
        let events =
            WebhookEvents(EventContext { base: url.as_str().trim_end_matches('/'), now_ms: 0, actor: None });
        let named = events.pushed(&fixture::repository(), Some(json!([]))).body;
        assert!(named.get("refLimitExceeded").is_none() && named.get("contentHash").is_none(), "{named}");
        assert_eq!(events.pushed(&fixture::repository(), None).body["refLimitExceeded"], true);
    }
}
