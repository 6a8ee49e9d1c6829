//! The events that an upstream posts, read and checked.

use heliostat_storage::Generation;
use serde_json::Value;

use super::pending_changes::{AnnouncedChange, RefFate};
use crate::upstream_link::{
    Field, FieldError, UpstreamProject, UpstreamRepository, read_content_hash, read_generation, read_ref_name,
};

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
    RepositoryDeleted { external_id: String },
    /// A project has another name, key or visibility.
    ProjectDescribed { project: UpstreamProject },
    /// A project is gone, with everything in it.
    ProjectDeleted { project_id: String },
    /// What a user may do has changed; `None` when it may be any user.
    PermissionsChanged { user: Option<String> },
    /// Something that does not concern a mirror.
    Other { key: String },
}

impl UpstreamEvent {
    /// Reads an event; the error names the field that is wrong.
    pub(crate) fn read(body: &Value) -> Result<Self, FieldError> {
        let event = Field::root(body);
        event.object()?;
        match event.member("eventKey").text()? {
            "repo:refs_changed" => read_refs_changed(&event),
            "repo:created" | "repo:modified" | "repo:default_branch_modified" => {
                Ok(Self::RepositoryDescribed { repository: Box::new(read_repository(&event)?) })
            }
            "repo:deleted" => {
                let external_id = event.member("repository").member("id").id()?;
                Ok(Self::RepositoryDeleted { external_id })
            }
            "project:created" | "project:modified" => {
                Ok(Self::ProjectDescribed { project: UpstreamProject::read(&event.member("project"))? })
            }
            "project:deleted" => {
                Ok(Self::ProjectDeleted { project_id: event.member("project").member("id").id()? })
            }
            "heliostat:permissions_changed" => {
                let user = event.member("user").optional().map(|user| user.text()).transpose()?;
                Ok(Self::PermissionsChanged { user: user.map(str::to_owned) })
            }
            other => Ok(Self::Other { key: other.to_owned() }),
        }
    }
}

fn read_refs_changed(event: &Field<'_>) -> Result<UpstreamEvent, FieldError> {
    let repository = read_repository(event)?;
    let to =
        repository.generation.ok_or_else(|| event.member("generation").wrong("an integer is expected"))?;
    let from =
        read_generation(&event.member("fromGeneration"))?.unwrap_or(Generation(to.0.saturating_sub(1)));
    let refs =
        event.member("changes").optional().map(|changes| read_changes(&changes)).transpose()?.flatten();
    Ok(UpstreamEvent::RefsChanged {
        repository: Box::new(repository),
        change: AnnouncedChange { from, to, refs },
    })
}

/// The repository of an event. What stands beside it, at the top, is more recent than its properties.
fn read_repository(event: &Field<'_>) -> Result<UpstreamRepository, FieldError> {
    let mut repository = UpstreamRepository::read(&event.member("repository"))?;
    if let Some(generation) = read_generation(&event.member("generation"))? {
        repository.generation = Some(generation);
    }
    if let Some(content_hash) = read_content_hash(&event.member("contentHash"))? {
        repository.content_hash = Some(content_hash);
    }
    if let Some(hash) = event.member("metadataHash").optional() {
        repository.metadata_hash = Some(hash.text()?.to_owned());
    }
    Ok(repository)
}

/// `None` stands for changes too many to follow one by one.
fn read_changes(changes: &Field<'_>) -> Result<Option<Vec<(heliostat_git::RefName, RefFate)>>, FieldError> {
    let mut refs = Vec::new();
    for change in changes.items()? {
        if refs.len() == MAX_CHANGES_READ {
            return Ok(None);
        }
        let name = match change.member("refId").optional() {
            Some(name) => read_ref_name(&name)?,
            None => read_ref_name(&change.member("ref").member("id"))?,
        };
        let fate = match change.member("type").text()? {
            "ADD" | "UPDATE" => RefFate::Updated,
            "DELETE" => RefFate::Deleted,
            _ => return Err(change.member("type").wrong("ADD, UPDATE or DELETE is expected")),
        };
        refs.push((name, fate));
    }
    Ok(if refs.is_empty() { None } else { Some(refs) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refs_changed() -> Value {
        json!({
            "eventKey": "repo:refs_changed",
            "generation": 8,
            "contentHash": "ab".repeat(32),
            "repository": {
                "id": 42, "slug": "engine", "name": "Engine", "public": false,
                "project": { "id": 3, "key": "APP", "name": "App", "public": true },
                "properties": { "generation": 7, "defaultBranchId": "refs/heads/main" }
            },
            "changes": [
                { "refId": "refs/heads/main", "type": "UPDATE" },
                { "ref": { "id": "refs/heads/old" }, "type": "DELETE" }
            ]
        })
    }

    #[test]
    fn a_push_is_read() {
        let event = UpstreamEvent::read(&refs_changed()).expect("a well-formed event");
        let UpstreamEvent::RefsChanged { repository, change } = event else {
            panic!("not a change of refs: {event:?}");
        };
        assert_eq!((repository.external_id.as_str(), repository.project.key.as_str()), ("42", "APP"));
        assert_eq!((change.from, change.to), (Generation(7), Generation(8)));
        let fates: Vec<RefFate> = change.refs.expect("named refs").iter().map(|(_, fate)| *fate).collect();
        assert_eq!(fates, [RefFate::Updated, RefFate::Deleted]);
        assert!(repository.content_hash.is_some());
    }

    #[test]
    fn a_malformed_event_names_the_field() {
        type Mistake = fn(&mut Value);
        let mistakes: [(&str, Mistake); 5] = [
            ("generation", |event| event["generation"] = json!("eight")),
            ("contentHash", |event| event["contentHash"] = json!("abc")),
            ("repository.id", |event| event["repository"]["id"] = json!(null)),
            ("repository.project.key", |event| {
                event["repository"]["project"]["key"] = json!("../etc");
            }),
            ("changes[1].type", |event| {
                event["changes"][1]["type"] = json!("RENAME");
            }),
        ];
        for (field, make_mistake) in mistakes {
            let mut event = refs_changed();
            make_mistake(&mut event);
            assert_eq!(UpstreamEvent::read(&event).expect_err("malformed").path, field);
        }
    }

    #[test]
    fn an_unknown_event_is_ignored() {
        let event = json!({ "eventKey": "pr:opened" });
        assert_eq!(UpstreamEvent::read(&event), Ok(UpstreamEvent::Other { key: "pr:opened".to_owned() }));
        assert!(UpstreamEvent::read(&json!([])).is_err());
    }

    #[test]
    fn a_revocation_names_one_user_or_all() {
        let all = json!({ "eventKey": "heliostat:permissions_changed", "user": null });
        assert_eq!(UpstreamEvent::read(&all), Ok(UpstreamEvent::PermissionsChanged { user: None }));
    }
}
