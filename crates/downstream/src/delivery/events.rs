//! The bodies of events as mirrors receive them.
//!
//! They have the shape of the well-known webhooks, with `generation`, `contentHash` and `metadataHash` added
//! at the top, and the repository in the enriched form that `GET /repos` shows.

use heliostat_api::callbacks::OnAddonEventCallback;
use heliostat_api::models::{
    EnrichedRepository, RefChangeType, RefType, RestEventActor, RestMinimalRef, RestPermissionsChangedEvent,
    RestProjectEvent, RestRefChange, RestRefsChangedEvent, RestRepository, RestRepositoryEvent, UserType,
};
use heliostat_api::{AddonEventKey, BodyOf, MAX_JSON_BODY_BYTES};
use heliostat_auth::UserIdentity;
use heliostat_git::{RefChange, RefChangeKind, RefName};
use heliostat_storage::{Audience, Generation, NewEvent, Project, Repository, RepositoryId};
use serde_json::{Value, json};

use super::date::event_date;
use super::metadata_hash::metadata_hash;
use crate::wire;

/// Event of changed refs; the only one that is coalesced.
pub const REFS_CHANGED: &str = AddonEventKey::RepoRefsChanged.as_str();

/// An event that names more changes than this carries none, and the mirror compares the whole ref set. The same goes for
/// one that is longer than a mirror reads.
pub const MAX_CHANGES_PER_EVENT: usize = 1_000;

/// Whether an event is no longer than what a mirror reads.
pub(super) fn is_read_by_mirrors(event: &RestRefsChangedEvent) -> bool {
    let text = serde_json::to_vec(event).expect("models of the contract always serialise");
    text.len() <= MAX_JSON_BODY_BYTES
}

/// Takes the list of changes out of an event, with what they need, and says so in it.
pub(super) fn name_no_changes(event: &mut RestRefsChangedEvent) {
    event.packs = None;
    event.changes = Some(Vec::new());
    event.ref_limit_exceeded = Some(true);
}

/// Whether an event lists what has changed.
pub(super) fn names_changes(event: &RestRefsChangedEvent) -> bool {
    event.changes.as_ref().is_some_and(|changes| !changes.is_empty())
}

/// Who did it, when, and under which base URL: what all events of one request have in common.
#[derive(Clone, Copy)]
pub struct EventContext<'a> {
    /// The base URL that clients and mirrors see, without a slash at its end.
    pub base: &'a str,
    /// Epoch milliseconds.
    pub now_ms: i64,
    /// The user who did it, if it was one.
    pub actor: Option<&'a UserIdentity>,
}

impl EventContext<'_> {
    /// Refs of `repository`, given in its state after the change, have changed since generation `from`.
    pub fn refs_changed(&self, repository: &Repository, from: Generation, changes: &[RefChange]) -> NewEvent {
        let named = Some(changes).filter(|changes| changes.len() <= MAX_CHANGES_PER_EVENT);
        self.refs_changed_to(repository, from, named)
    }

    /// Refs of `repository` have changed since generation `from`, but it is not known which, or they are too
    /// many to name.
    pub fn some_refs_changed(&self, repository: &Repository, from: Generation) -> NewEvent {
        self.refs_changed_to(repository, from, None)
    }

    fn refs_changed_to(
        &self,
        subject: &Repository,
        from: Generation,
        changes: Option<&[RefChange]>,
    ) -> NewEvent {
        let repository = self.enriched(subject);
        let mut body = RestRefsChangedEvent {
            event_key: REFS_CHANGED.to_owned(),
            date: Some(self.date()),
            actor: self.actor(),
            generation: Some(repository.properties.generation),
            content_hash: Some(repository.properties.content_hash.clone()),
            metadata_hash: Some(repository.properties.metadata_hash.clone()),
            repository,
            from_generation: Some(from.0),
            changes: Some(changes.unwrap_or_default().iter().map(change).collect()),
            ref_limit_exceeded: changes.is_none().then_some(true),
            // What small pushes have brought is put in when the event is sent.
            packs: None,
        };
        if !is_read_by_mirrors(&body) {
            name_no_changes(&mut body);
        }
        self.event(AddonEventKey::RepoRefsChanged, Some(subject.id), &body)
    }

    /// Something else happened to a repository, given in its state after it.
    pub fn repository(&self, key: AddonEventKey, subject: &Repository) -> NewEvent {
        let repository = self.enriched(subject);
        let body = RestRepositoryEvent {
            event_key: key.as_str().to_owned(),
            date: Some(self.date()),
            actor: self.actor(),
            generation: Some(repository.properties.generation),
            content_hash: Some(repository.properties.content_hash.clone()),
            metadata_hash: Some(repository.properties.metadata_hash.clone()),
            repository,
        };
        self.event(key, Some(subject.id), &body)
    }

    /// Something happened to a project, given in its state after it.
    pub fn project(&self, key: AddonEventKey, subject: &Project) -> NewEvent {
        let body = RestProjectEvent {
            event_key: key.as_str().to_owned(),
            date: Some(self.date()),
            actor: self.actor(),
            project: wire::project(self.base, subject),
        };
        self.event(key, None, &body)
    }

    /// What a user may do has changed; `None` when it may concern any user.
    pub fn permissions_changed(&self, user: Option<&str>) -> NewEvent {
        let key = AddonEventKey::HeliostatPermissionsChanged;
        let body = RestPermissionsChangedEvent {
            event_key: key.as_str().to_owned(),
            date: Some(self.date()),
            actor: self.actor(),
            user: user.map(str::to_owned),
        };
        self.event(key, None, &body)
    }

    fn event(
        &self,
        key: AddonEventKey,
        repository_id: Option<RepositoryId>,
        body: &impl BodyOf<OnAddonEventCallback>,
    ) -> NewEvent {
        NewEvent {
            audience: Audience::Mirrors,
            event_key: key.as_str().to_owned(),
            repository_id,
            body: serde_json::to_value(body).expect("models of the contract always serialise"),
            created_at: self.now_ms,
        }
    }

    /// The repository with the hash of its metadata as it is now, not as it was stored last.
    fn enriched(&self, subject: &Repository) -> EnrichedRepository {
        let mut enriched = wire::enriched_repository(self.base, subject, true);
        enriched.properties.metadata_hash = metadata_hash(subject);
        enriched
    }

    /// A repository as webhooks show it: without what only mirrors compare. Its links lead to this server, wherever else it
    /// is served.
    pub fn public_repository(&self, subject: &Repository) -> RestRepository {
        wire::repository(self.base, subject)
    }

    /// What the bodies of all events have in common.
    pub fn body(&self, event_key: &str) -> Value {
        let mut body = json!({ "eventKey": event_key, "date": self.date() });
        if let Some(actor) = self.actor() {
            body["actor"] = json!(actor);
        }
        body
    }

    fn date(&self) -> String {
        event_date(self.now_ms)
    }

    fn actor(&self) -> Option<RestEventActor> {
        self.actor.map(|actor| RestEventActor {
            id: actor.id,
            name: actor.name.clone(),
            slug: actor.slug.clone(),
            display_name: actor.display_name.clone(),
            active: true,
            kind: UserType::Normal,
        })
    }
}

/// Changed refs as events show them.
pub fn wire_changes(changes: impl IntoIterator<Item = RefChange>) -> Vec<RestRefChange> {
    changes.into_iter().map(|changed| change(&changed)).collect()
}

fn change(change: &RefChange) -> RestRefChange {
    RestRefChange {
        reference: RestMinimalRef {
            id: change.name.to_string(),
            display_id: change.name.short().to_owned(),
            kind: ref_type(&change.name),
        },
        ref_id: change.name.to_string(),
        from_hash: change.from.to_string(),
        to_hash: change.to.to_string(),
        kind: match change.kind() {
            RefChangeKind::Add => RefChangeType::Add,
            RefChangeKind::Update => RefChangeType::Update,
            RefChangeKind::Delete => RefChangeType::Delete,
        },
    }
}

fn ref_type(name: &RefName) -> RefType {
    if name.is_tag() { RefType::Tag } else { RefType::Branch }
}

#[cfg(test)]
mod tests {
    use heliostat_git::ObjectId;
    use url::Url;

    use super::*;
    use crate::fixture;

    fn base_url() -> Url {
        Url::parse("https://git.example.com/bitbucket/").expect("a valid URL")
    }

    fn changes(count: usize) -> Vec<RefChange> {
        let object = ObjectId::parse("1".repeat(40)).expect("hex digits");
        (0..count)
            .map(|number| RefChange {
                name: RefName::parse(format!("refs/heads/b{number}")).expect("a valid name"),
                from: ObjectId::zero(object.format()),
                to: object.clone(),
            })
            .collect()
    }

    #[test]
    fn a_push_carries_what_a_mirror_needs() {
        let url = base_url();
        let context =
            EventContext { base: url.as_str().trim_end_matches('/'), now_ms: 1_795_342_500_000, actor: None };
        let event = context.refs_changed(&fixture::repository(), Generation(6), &changes(1));
        assert_eq!(event.repository_id, Some(fixture::repository().id));
        let body = event.body;
        assert_eq!(body["eventKey"], "repo:refs_changed");
        assert_eq!(body["date"], "2026-11-22T10:15:00+0000");
        assert_eq!((&body["fromGeneration"], &body["generation"]), (&json!(6), &json!(7)));
        assert_eq!(body["contentHash"], body["repository"]["properties"]["contentHash"]);
        assert_eq!(body["repository"]["id"], 42);
        assert_eq!(body["repository"]["project"]["key"], "APP");
        assert_eq!(
            body["repository"]["links"]["clone"][0]["href"],
            "https://git.example.com/bitbucket/scm/app/engine.git"
        );
        assert_eq!(
            body["changes"],
            json!([{
                "ref": { "id": "refs/heads/b0", "displayId": "b0", "type": "BRANCH" },
                "refId": "refs/heads/b0",
                "fromHash": "0".repeat(40),
                "toHash": "1".repeat(40),
                "type": "ADD",
            }])
        );
    }

    #[test]
    fn too_many_changes_are_left_out() {
        let url = base_url();
        let context = EventContext { base: url.as_str().trim_end_matches('/'), now_ms: 0, actor: None };
        let event =
            context.refs_changed(&fixture::repository(), Generation(6), &changes(MAX_CHANGES_PER_EVENT + 1));
        assert_eq!(event.body["changes"], json!([]));
        assert_eq!(event.body["refLimitExceeded"], json!(true));

        let mut long = changes(MAX_CHANGES_PER_EVENT);
        for change in &mut long {
            let name = format!("{}/{}", change.name, "n".repeat(300));
            change.name = RefName::parse(name).expect("a valid name");
        }
        let event = context.refs_changed(&fixture::repository(), Generation(6), &long);
        assert_eq!(event.body["changes"], json!([]), "an event is not longer than what a mirror reads");
        assert_eq!(event.body["refLimitExceeded"], json!(true));
    }
}
