//! Several pushes to one repository become one event when a mirror is behind.
//!
//! Events keep their order: only neighbours among the events of one repository are merged, so nothing that
//! happened between two pushes (a rename, a deletion) is overtaken.

use std::collections::BTreeMap;

use heliostat_api::BodyOf;
use heliostat_api::callbacks::OnAddonEventCallback;
use heliostat_api::models::{RefChangeType, RestRefChange, RestRefsChangedEvent};
use heliostat_storage::{Generation, OutboxEvent, OutboxEventId, RepositoryId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::events::{MAX_CHANGES_PER_EVENT, REFS_CHANGED, is_read_by_mirrors, name_no_changes};

/// One event to post to a mirror, and the stored events that it settles.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MergedEvent {
    pub(super) repository_id: Option<RepositoryId>,
    pub(super) event_key: String,
    pub(super) body: EventBody,
    pub(super) settles: Vec<OutboxEventId>,
}

/// What a mirror is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum EventBody {
    /// Refs have changed: the only event that is worked on before it is sent.
    RefsChanged(Box<RestRefsChangedEvent>),
    /// Anything else, as it was stored.
    AsStored(Value),
}

/// What is stored had such a type when it was made.
impl BodyOf<OnAddonEventCallback> for EventBody {}

impl MergedEvent {
    /// The state of refs that it tells of, if it does.
    pub(super) fn leads_to(&self) -> Option<(RepositoryId, Generation)> {
        match &self.body {
            EventBody::RefsChanged(event) => Some((self.repository_id?, Generation(event.generation?))),
            EventBody::AsStored(_) => None,
        }
    }
}

/// Events of one repository on their way to a mirror, in order.
#[derive(Debug, Default)]
pub(super) struct Coalescing {
    ready: Vec<MergedEvent>,
    run: Option<Run>,
}

/// Neighbouring pushes, gathered. The lists of all changes are merged once, however many pushes there are.
#[derive(Debug)]
struct Run {
    repository_id: Option<RepositoryId>,
    settles: Vec<OutboxEventId>,
    /// The latest event, without its changes.
    latest: Box<RestRefsChangedEvent>,
    from_generation: Option<i64>,
    /// What has changed; `None` when that is not known, or too much.
    changes: Option<Changes>,
}

/// What has become of refs, by their names.
type Changes = BTreeMap<String, RestRefChange>;

impl Coalescing {
    /// Takes in the next event.
    pub(super) fn push(&mut self, event: OutboxEvent) {
        let OutboxEvent { id, repository_id, event_key, body, .. } = event;
        let read = if event_key == REFS_CHANGED { refs_changed(&body) } else { None };
        let Some(event) = read else {
            self.end_run();
            let body = EventBody::AsStored(body);
            self.ready.push(MergedEvent { repository_id, event_key, body, settles: vec![id] });
            return;
        };
        match &mut self.run {
            Some(run) => run.continue_with(id, event),
            None => self.run = Some(Run::begun_with(id, repository_id, event)),
        }
    }

    /// How many deliveries there are by now.
    pub(super) fn len(&self) -> usize {
        self.ready.len() + usize::from(self.run.is_some())
    }

    /// As few deliveries as possible.
    pub(super) fn finish(mut self) -> Vec<MergedEvent> {
        self.end_run();
        self.ready
    }

    fn end_run(&mut self) {
        self.ready.extend(self.run.take().map(Run::end));
    }
}

/// A stored event of changed refs. One that another version has stored in a form that is not known is sent as it is.
fn refs_changed(stored: &Value) -> Option<Box<RestRefsChangedEvent>> {
    match RestRefsChangedEvent::deserialize(stored) {
        Ok(event) => Some(Box::new(event)),
        Err(error) => {
            tracing::warn!(error = %error, "a stored event is not of this version; sending it as it is");
            None
        }
    }
}

impl Run {
    fn begun_with(
        id: OutboxEventId,
        repository_id: Option<RepositoryId>,
        event: Box<RestRefsChangedEvent>,
    ) -> Self {
        let from_generation = event.from_generation;
        let changes = Some(Changes::new());
        let mut run = Self { repository_id, settles: vec![id], latest: event, from_generation, changes };
        run.take_changes();
        run
    }

    /// The later event, reaching back to where the earlier ones began.
    fn continue_with(&mut self, id: OutboxEventId, later: Box<RestRefsChangedEvent>) {
        self.latest = later;
        self.settles.push(id);
        self.take_changes();
    }

    fn take_changes(&mut self) {
        let later = self.latest.changes.take().unwrap_or_default();
        let is_known = self.latest.ref_limit_exceeded != Some(true);
        self.changes = self.changes.take().filter(|_| is_known).and_then(|mut changes| {
            take_in(&mut changes, later);
            (changes.len() <= MAX_CHANGES_PER_EVENT).then_some(changes)
        });
    }

    fn end(self) -> MergedEvent {
        let Self { repository_id, settles, mut latest, from_generation, changes } = self;
        latest.from_generation = from_generation;
        let is_known = changes.is_some();
        latest.changes = Some(listed(changes.unwrap_or_default()));
        if !is_known || !is_read_by_mirrors(&latest) {
            name_no_changes(&mut latest);
        }
        let body = EventBody::RefsChanged(latest);
        MergedEvent { repository_id, event_key: REFS_CHANGED.to_owned(), body, settles }
    }
}

/// What several stored lists of changes, given in order, come to in the end: a ref that is again what it was has not
/// changed. `None` if one of them cannot be read, because another version has stored it.
pub fn net_changes(lists: Vec<Value>) -> Option<Vec<RestRefChange>> {
    let mut merged = Changes::new();
    for list in lists {
        take_in(&mut merged, serde_json::from_value(list).ok()?);
    }
    merged.retain(|_, change| change.from_hash != change.to_hash);
    Some(listed(merged))
}

/// Adds later changes to earlier ones.
fn take_in(merged: &mut Changes, later: Vec<RestRefChange>) {
    for mut change in later {
        if let Some(before) = merged.remove(&change.ref_id) {
            change.from_hash = before.from_hash;
            change.kind = kind(&change);
        }
        merged.insert(change.ref_id.clone(), change);
    }
}

fn listed(changes: Changes) -> Vec<RestRefChange> {
    changes.into_values().collect()
}

/// What has become of the ref. One that came and went is a deletion, in case the mirror saw it in between.
fn kind(change: &RestRefChange) -> RefChangeType {
    let is_absent = |hash: &str| hash.bytes().all(|byte| byte == b'0');
    if is_absent(&change.to_hash) {
        RefChangeType::Delete
    } else if is_absent(&change.from_hash) {
        RefChangeType::Add
    } else {
        RefChangeType::Update
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixture;

    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn event(id: i64, event_key: &str, body: Value) -> OutboxEvent {
        OutboxEvent {
            id: OutboxEventId(id),
            mirror_id: "B0F5-CS21-45C2-CCK3".into(),
            repository_id: Some(RepositoryId(1)),
            event_key: event_key.to_owned(),
            body,
            created_at: 0,
            attempts: 0,
        }
    }

    fn push(id: i64, changes: &[(&str, &str, &str)]) -> OutboxEvent {
        let changes = changes.iter().map(|(name, from, to)| {
            let mut change = fixture::ref_change(name, from, to);
            change.kind = kind(&change);
            change
        });
        event(id, REFS_CHANGED, json!(fixture::refs_changed(id - 1, id, changes.collect())))
    }

    /// What is sent.
    fn sent(delivery: &MergedEvent) -> Value {
        json!(delivery.body)
    }

    fn coalesce(events: impl IntoIterator<Item = OutboxEvent>) -> Vec<MergedEvent> {
        let mut coalescing = Coalescing::default();
        events.into_iter().for_each(|event| coalescing.push(event));
        let expected = coalescing.len();
        let merged = coalescing.finish();
        assert_eq!(merged.len(), expected);
        merged
    }

    fn summary(delivery: &MergedEvent) -> Vec<String> {
        let sent = sent(delivery);
        let changes = sent["changes"].as_array().expect("changes are a list");
        changes
            .iter()
            .map(|change| {
                let text = |field: &str| change[field].as_str().unwrap_or("?").to_owned();
                format!("{} {} {}..{}", text("type"), text("refId"), text("fromHash"), text("toHash"))
            })
            .collect()
    }

    #[test]
    fn neighbouring_pushes_become_one() {
        let deliveries = coalesce([
            push(1, &[("a", ZERO, "1"), ("b", "7", "8")]),
            push(2, &[("a", "1", "2"), ("c", ZERO, "3")]),
            push(3, &[("c", "3", ZERO), ("b", "8", ZERO)]),
        ]);
        assert_eq!(deliveries.len(), 1);
        let delivery = &deliveries[0];
        assert_eq!(delivery.settles, [OutboxEventId(1), OutboxEventId(2), OutboxEventId(3)]);
        assert_eq!(delivery.leads_to(), Some((RepositoryId(1), Generation(3))));
        let body = sent(delivery);
        assert_eq!((&body["fromGeneration"], &body["generation"]), (&json!(0), &json!(3)));
        assert_eq!(body["contentHash"], "hash3");
        let expected =
            [format!("ADD a {ZERO}..2"), format!("DELETE b 7..{ZERO}"), format!("DELETE c {ZERO}..{ZERO}")];
        assert_eq!(summary(delivery), expected);
    }

    #[test]
    fn what_came_and_went_is_no_change_in_the_end() {
        let lists = [
            push(1, &[("a", "1", "2"), ("b", ZERO, "5"), ("c", "7", ZERO)]),
            push(2, &[("a", "2", "1"), ("b", "5", ZERO), ("c", ZERO, "8"), ("d", ZERO, "9")]),
        ];
        let net =
            net_changes(lists.map(|event| event.body["changes"].clone()).to_vec()).expect("can be read");
        let names: Vec<_> = net.iter().map(|change| (change.ref_id.as_str(), change.kind)).collect();
        assert_eq!(names, [("c", RefChangeType::Update), ("d", RefChangeType::Add)]);
        assert_eq!(net_changes(vec![json!([{ "refId": "c" }])]), None, "it is not known what has changed");
    }

    #[test]
    fn nothing_overtakes_another_kind_of_event() {
        let keys: Vec<String> = coalesce([
            push(1, &[("a", ZERO, "1")]),
            event(2, "repo:modified", json!({})),
            push(3, &[("a", "1", "2")]),
            push(4, &[("a", "2", "3")]),
            event(5, "repo:deleted", json!({})),
        ])
        .into_iter()
        .map(|delivery| delivery.event_key)
        .collect();
        assert_eq!(keys, [REFS_CHANGED, "repo:modified", REFS_CHANGED, "repo:deleted"]);
    }

    #[test]
    fn what_another_version_has_stored_is_sent_as_it_is() {
        let unknown = json!({ "generation": 2, "changes": "many" });
        let deliveries =
            coalesce([push(1, &[("a", ZERO, "1")]), event(2, REFS_CHANGED, unknown.clone()), push(3, &[])]);
        let bodies: Vec<Value> = deliveries.iter().map(sent).collect();
        assert_eq!((bodies.len(), &bodies[1]), (3, &unknown));
        assert_eq!((&bodies[0]["generation"], &bodies[2]["generation"]), (&json!(1), &json!(3)));
        assert_eq!(deliveries[1].leads_to(), None);
    }

    #[test]
    fn an_exceeded_limit_stays_exceeded() {
        let mut first = push(1, &[]);
        first.body["refLimitExceeded"] = json!(true);
        let merged = sent(&coalesce([first, push(2, &[("a", ZERO, "1")])])[0]);
        assert_eq!((&merged["refLimitExceeded"], &merged["changes"]), (&json!(true), &json!([])));

        let names: Vec<String> = (0..=MAX_CHANGES_PER_EVENT).map(|number| format!("r{number}")).collect();
        let many: Vec<(&str, &str, &str)> = names.iter().map(|name| (name.as_str(), ZERO, "1")).collect();
        let (one, rest) = many.split_at(1);
        let merged = sent(&coalesce([push(1, one), push(2, rest)])[0]);
        assert_eq!(merged["refLimitExceeded"], true);

        // A change names its ref three times.
        let long = ["a", "b"].map(|name| name.repeat(200_000));
        let [one, other] =
            [(1, &long[0]), (2, &long[1])].map(|(id, name)| push(id, &[(name.as_str(), ZERO, "1")]));
        assert!(sent(&coalesce([one.clone()])[0]).get("refLimitExceeded").is_none());
        let merged = sent(&coalesce([one, other])[0]);
        assert_eq!(merged["refLimitExceeded"], true, "together they are longer than what is read");
        assert_eq!(merged["changes"], json!([]));
    }
}
