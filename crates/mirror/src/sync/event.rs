//! The events that an upstream posts, checked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use heliostat_api::AddonEvent;
use heliostat_api::models::{
    EnrichedRepository, RestProject, RestRefChange, RestRefsChangedEvent, RestRepositoryEvent,
};
use heliostat_git::{RefName, RefStep};
use heliostat_storage::Generation;

use super::arrived_packs::ArrivedPacks;
use super::pending_changes::AnnouncedChange;
use crate::upstream_link::{UnfitValue, UpstreamProject, UpstreamRepository};

/// How many ref changes of one event are looked at; with more, the repository is compared as a whole.
const MAX_CHANGES_READ: usize = 10_000;

/// What an upstream has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UpstreamEvent {
    /// Refs of a repository have changed.
    RefsChanged { repository: Box<UpstreamRepository>, change: AnnouncedChange },
    /// A repository is new, or its name, place, visibility or default branch has changed.
    RepositoryDescribed { repository: Box<UpstreamRepository> },
    /// A repository is gone.
    RepositoryDeleted { external_id: String, identity: Option<String> },
    /// A project has another name, key or visibility.
    ProjectDescribed { project: UpstreamProject },
    /// A project is gone, with everything in it.
    ProjectDeleted { project_id: String },
    /// What a user may do has changed; `None` when it may be any user.
    PermissionsChanged { user: Option<String> },
    /// Something that does not concern a mirror.
    Other { key: String },
}

impl TryFrom<AddonEvent> for UpstreamEvent {
    type Error = UnfitValue;

    /// Checks an event; the error names the field that is wrong.
    fn try_from(event: AddonEvent) -> Result<Self, UnfitValue> {
        match event {
            AddonEvent::RepoRefsChanged(event) => refs_changed(*event),
            AddonEvent::RepoCreated(event)
            | AddonEvent::RepoModified(event)
            | AddonEvent::RepoDefaultBranchModified(event) => {
                Ok(Self::RepositoryDescribed { repository: Box::new(described(*event)?) })
            }
            AddonEvent::RepoDeleted(event) => {
                let repository = event.repository;
                let external_id = repository.id.to_string();
                Ok(Self::RepositoryDeleted { external_id, identity: repository.properties.identity })
            }
            // It has no repositories yet. Those that are here with its id were in another project, of which an upstream that
            // was restored from a backup knows nothing.
            AddonEvent::ProjectCreated(_) => Ok(Self::Other { key: "project:created".to_owned() }),
            AddonEvent::ProjectModified(event) => {
                Ok(Self::ProjectDescribed { project: project(event.project)? })
            }
            AddonEvent::ProjectDeleted(event) => {
                Ok(Self::ProjectDeleted { project_id: event.project.id.to_string() })
            }
            AddonEvent::HeliostatPermissionsChanged(event) => {
                Ok(Self::PermissionsChanged { user: event.user })
            }
            AddonEvent::Other(key) => Ok(Self::Other { key }),
        }
    }
}

fn refs_changed(event: RestRefsChangedEvent) -> Result<UpstreamEvent, UnfitValue> {
    let from_generation = event.from_generation;
    let changes = event.changes.unwrap_or_default();
    let repository = newest(event.repository, event.generation, event.content_hash, event.metadata_hash)?;
    let to = repository.generation;
    let from = match from_generation {
        Some(from) => UnfitValue::check_generation("fromGeneration", from)?,
        None => Generation(to.0.saturating_sub(1)),
    };
    let packs = event.packs.map(read_packs).transpose()?.and_then(ArrivedPacks::hold);
    let change = AnnouncedChange { from, to, refs: read_changes(&changes)?, packs };
    Ok(UpstreamEvent::RefsChanged { repository: Box::new(repository), change })
}

fn described(event: RestRepositoryEvent) -> Result<UpstreamRepository, UnfitValue> {
    newest(event.repository, event.generation, event.content_hash, event.metadata_hash)
}

fn project(project: RestProject) -> Result<UpstreamProject, UnfitValue> {
    UpstreamProject::try_from(project).map_err(|unfit| unfit.within("project"))
}

/// The repository of an event. What stands beside it, at the top, is more recent than its properties.
fn newest(
    repository: EnrichedRepository,
    generation: Option<i64>,
    content_hash: Option<String>,
    metadata_hash: Option<String>,
) -> Result<UpstreamRepository, UnfitValue> {
    let mut repository =
        UpstreamRepository::try_from(repository).map_err(|unfit| unfit.within("repository"))?;
    if let Some(generation) = generation {
        repository.generation = UnfitValue::check_generation("generation", generation)?;
    }
    if let Some(hash) = content_hash {
        repository.content_hash = UnfitValue::check_content_hash("contentHash", hash)?;
    }
    if let Some(hash) = metadata_hash {
        repository.metadata_hash = UnfitValue::check_line("metadataHash", hash)?;
    }
    Ok(repository)
}

/// `None` stands for changes too many to follow one by one.
fn read_changes(changes: &[RestRefChange]) -> Result<Option<Vec<(RefName, RefStep)>>, UnfitValue> {
    if changes.is_empty() || changes.len() > MAX_CHANGES_READ {
        return Ok(None);
    }
    let read = changes.iter().enumerate().map(|(position, change)| {
        let field = |name: &str| format!("changes[{position}].{name}");
        let name = UnfitValue::check_ref_name(&field("refId"), &change.ref_id)?;
        let from = UnfitValue::check_object_id(&field("fromHash"), &change.from_hash)?;
        let to = UnfitValue::check_object_id(&field("toHash"), &change.to_hash)?;
        Ok((name, RefStep::between(from, to)))
    });
    read.collect::<Result<_, _>>().map(Some)
}

/// The body of an event is short, and so are these.
fn read_packs(packs: Vec<String>) -> Result<Vec<Bytes>, UnfitValue> {
    let read = packs.into_iter().enumerate().map(|(position, pack)| {
        let unfit = |_| UnfitValue::new(&format!("packs[{position}]"), "base64 is expected");
        STANDARD.decode(pack).map(Bytes::from).map_err(unfit)
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::sync::pending_changes::tests::step;

    fn refs_changed() -> Value {
        json!({
            "eventKey": "repo:refs_changed",
            "generation": 8,
            "contentHash": "ab".repeat(32),
            "repository": {
                "id": 42, "slug": "engine", "name": "Engine", "public": false, "hierarchyId": "e3c939f9ef4a7fae272e",
                "scmId": "git", "state": "AVAILABLE", "statusMessage": "Available", "forkable": true,
                "archived": false, "scope": "REPOSITORY", "links": { "clone": [], "self": [] },
                "project": {
                    "id": 3, "key": "APP", "name": "App", "public": true, "type": "NORMAL", "scope": "PROJECT",
                    "links": { "self": [] }
                },
                "properties": {
                    "generation": 7, "defaultBranchId": "refs/heads/main", "contentHash": "cd".repeat(32),
                    "metadataHash": "ef".repeat(32)
                }
            },
            "changes": [change("refs/heads/main", "UPDATE", '2'), change("refs/heads/old", "DELETE", '0')]
        })
    }

    fn change(name: &str, kind: &str, to: char) -> Value {
        json!({
            "ref": { "id": name, "displayId": name, "type": "BRANCH" }, "refId": name, "type": kind,
            "fromHash": "1".repeat(40), "toHash": to.to_string().repeat(40)
        })
    }

    /// Reads an event, or names the field at fault.
    fn read(event: Value) -> Result<UpstreamEvent, String> {
        let event = serde_json::from_value(event).expect("an object");
        let event = AddonEvent::read(event).map_err(|invalid| invalid.context)?;
        UpstreamEvent::try_from(event).map_err(|unfit| unfit.field)
    }

    #[test]
    fn a_push_is_read() {
        let event = read(refs_changed()).expect("a well-formed event");
        let UpstreamEvent::RefsChanged { repository, change } = event else {
            panic!("not a change of refs: {event:?}");
        };
        assert_eq!((repository.external_id.as_str(), repository.project.key.as_str()), ("42", "APP"));
        assert_eq!((change.from, change.to), (Generation(7), Generation(8)));
        let steps: Vec<RefStep> =
            change.refs.expect("named refs").into_iter().map(|(_, step)| step).collect();
        assert_eq!(steps, [step("12"), step("1 ")]);
        assert_eq!(repository.content_hash.as_str(), "ab".repeat(32));
    }

    #[test]
    fn a_malformed_event_names_the_field() {
        type Mistake = fn(&mut Value);
        let mistakes: [(&str, Mistake); 7] = [
            ("packs[1]", |event| event["packs"] = json!(["UEFDSw==", "not base64"])),
            ("generation", |event| event["generation"] = json!("eight")),
            ("contentHash", |event| event["contentHash"] = json!("abc")),
            ("repository.id", |event| event["repository"]["id"] = json!(null)),
            ("repository.project.key", |event| {
                event["repository"]["project"]["key"] = json!("../etc");
            }),
            ("changes[1].fromHash", |event| {
                event["changes"][1]["fromHash"] = json!("1".repeat(39));
            }),
            ("changes[1].type", |event| {
                event["changes"][1]["type"] = json!("RENAME");
            }),
        ];
        for (field, make_mistake) in mistakes {
            let mut event = refs_changed();
            make_mistake(&mut event);
            assert_eq!(read(event).expect_err("malformed"), field);
        }
    }

    #[test]
    fn an_unknown_event_is_ignored() {
        let event = json!({ "eventKey": "pr:opened" });
        assert_eq!(read(event), Ok(UpstreamEvent::Other { key: "pr:opened".to_owned() }));
        assert!(read(json!({})).is_err());
    }

    #[test]
    fn a_revocation_names_one_user_or_all() {
        let all = json!({ "eventKey": "heliostat:permissions_changed", "user": null });
        assert_eq!(read(all), Ok(UpstreamEvent::PermissionsChanged { user: None }));
    }
}
