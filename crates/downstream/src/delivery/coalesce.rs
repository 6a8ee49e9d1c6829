//! Several pushes to one repository become one event when a mirror is behind.
//!
//! Events keep their order: only neighbours among the events of one repository are merged, so nothing that
//! happened between two pushes (a rename, a deletion) is overtaken.

use heliostat_storage::{Generation, OutboxEvent, OutboxEventId, RepositoryId};
use serde_json::{Map, Value, json};

use super::events::{MAX_CHANGES_PER_EVENT, REFS_CHANGED, is_read_by_mirrors, name_no_changes};

/// One event to post to a mirror, and the stored events that it settles.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MergedEvent {
    pub(super) repository_id: Option<RepositoryId>,
    pub(super) event_key: String,
    pub(super) body: Value,
    pub(super) settles: Vec<OutboxEventId>,
}

impl MergedEvent {
    /// The state of refs that it tells of, if it does.
    pub(super) fn leads_to(&self) -> Option<(RepositoryId, Generation)> {
        let generation = self.body["generation"].as_i64().filter(|_| self.event_key == REFS_CHANGED)?;
        Some((self.repository_id?, Generation(generation)))
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
    /// The latest event, without its changes.
    latest: MergedEvent,
    from_generation: Value,
    /// What has changed, by reference; `None` when that is not known, or too much.
    changes: Option<Map<String, Value>>,
}

impl Coalescing {
    /// Takes in the next event.
    pub(super) fn push(&mut self, event: OutboxEvent) {
        let OutboxEvent { id, repository_id, event_key, body, .. } = event;
        let event = MergedEvent { repository_id, event_key, body, settles: vec![id] };
        if event.event_key != REFS_CHANGED {
            self.end_run();
            self.ready.push(event);
            return;
        }
        match &mut self.run {
            Some(run) => run.continue_with(event),
            None => self.run = Some(Run::begun_with(event)),
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

impl Run {
    fn begun_with(event: MergedEvent) -> Self {
        let from_generation = event.body["fromGeneration"].clone();
        let mut run = Self { latest: event, from_generation, changes: Some(Map::new()) };
        run.take_changes();
        run
    }

    /// The later event, reaching back to where the earlier ones began.
    fn continue_with(&mut self, later: MergedEvent) {
        self.latest.body = later.body;
        self.latest.settles.extend(later.settles);
        self.take_changes();
    }

    fn take_changes(&mut self) {
        let later = self.latest.body["changes"].take();
        let is_known = self.latest.body["refLimitExceeded"] != true;
        self.changes = self.changes.take().filter(|_| is_known).and_then(|mut changes| {
            take_in(&mut changes, later);
            (changes.len() <= MAX_CHANGES_PER_EVENT).then_some(changes)
        });
    }

    fn end(self) -> MergedEvent {
        let Self { mut latest, from_generation, changes } = self;
        latest.body["fromGeneration"] = from_generation;
        let is_known = changes.is_some();
        latest.body["changes"] = Value::Array(listed(changes.unwrap_or_default()));
        if !is_known || !is_read_by_mirrors(&latest.body) {
            name_no_changes(&mut latest.body);
        }
        latest
    }
}

/// What several lists of changes, given in order, come to in the end: a ref that is again what it was has not
/// changed.
pub fn net_changes(lists: Vec<Value>) -> Vec<Value> {
    let mut merged = Map::new();
    lists.into_iter().for_each(|list| take_in(&mut merged, list));
    merged.retain(|_, change| change["fromHash"] != change["toHash"]);
    listed(merged)
}

/// Adds later changes to earlier ones.
fn take_in(merged: &mut Map<String, Value>, later: Value) {
    for mut change in items(later) {
        let name = change["refId"].as_str().unwrap_or_default().to_owned();
        if let Some(before) = merged.get_mut(&name) {
            change["fromHash"] = before["fromHash"].take();
            change["type"] = json!(kind(&change));
        }
        merged.insert(name, change);
    }
}

fn listed(changes: Map<String, Value>) -> Vec<Value> {
    changes.into_iter().map(|(_, change)| change).collect()
}

fn items(changes: Value) -> Vec<Value> {
    match changes {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

/// What has become of the ref. One that came and went is a deletion, in case the mirror saw it in between.
fn kind(change: &Value) -> &'static str {
    let absent =
        |field: &str| change[field].as_str().is_none_or(|hash| hash.bytes().all(|byte| byte == b'0'));
    if absent("toHash") {
        "DELETE"
    } else if absent("fromHash") {
        "ADD"
    } else {
        "UPDATE"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let changes: Vec<Value> = changes
            .iter()
            .map(|(name, from, to)| {
                let mut change = json!({ "refId": name, "fromHash": from, "toHash": to });
                change["type"] = json!(kind(&change));
                change
            })
            .collect();
        let body = json!({ "fromGeneration": id - 1, "generation": id, "contentHash": format!("hash{id}"), "changes": changes });
        event(id, REFS_CHANGED, body)
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
        let changes = delivery.body["changes"].as_array().expect("changes are a list");
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
        assert_eq!((&delivery.body["fromGeneration"], &delivery.body["generation"]), (&json!(0), &json!(3)));
        assert_eq!(delivery.body["contentHash"], "hash3");
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
        let net = net_changes(lists.map(|event| event.body["changes"].clone()).to_vec());
        let names: Vec<_> =
            net.iter().map(|change| (change["refId"].clone(), change["type"].clone())).collect();
        assert_eq!(names, [(json!("c"), json!("UPDATE")), (json!("d"), json!("ADD"))]);
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
    fn an_exceeded_limit_stays_exceeded() {
        let mut first = push(1, &[]);
        first.body["refLimitExceeded"] = json!(true);
        let deliveries = coalesce([first, push(2, &[("a", ZERO, "1")])]);
        assert_eq!(deliveries[0].body["refLimitExceeded"], true);
        assert_eq!(deliveries[0].body["changes"], json!([]));

        let names: Vec<String> = (0..=MAX_CHANGES_PER_EVENT).map(|number| format!("r{number}")).collect();
        let many: Vec<(&str, &str, &str)> = names.iter().map(|name| (name.as_str(), ZERO, "1")).collect();
        let (one, rest) = many.split_at(1);
        let merged = coalesce([push(1, one), push(2, rest)]);
        assert_eq!(merged[0].body["refLimitExceeded"], true);

        let long = ["a", "b"].map(|name| name.repeat(600_000));
        let merged =
            coalesce([push(1, &[(long[0].as_str(), ZERO, "1")]), push(2, &[(long[1].as_str(), ZERO, "1")])]);
        assert_eq!(merged[0].body["refLimitExceeded"], true, "together they are longer than what is read");
        assert_eq!(merged[0].body["changes"], json!([]));
    }
}
