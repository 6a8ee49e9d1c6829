//! What was acknowledged, to be compared with what is there.
//!
//! A fact has a name and a value, or is not there at all. From the moment a change is asked for until it is
//! acknowledged, either value is right; one that failed leaves it open until the value is read.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// Facts and what each may be.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<BTreeMap<String, Vec<Option<String>>>>);

impl Ledger {
    /// A change is about to be asked for. What no entry is known of was not there.
    pub fn asked(&self, fact: &str, value: Option<&str>) {
        let mut facts = self.0.lock();
        facts.entry(fact.to_owned()).or_insert_with(|| vec![None]).push(value.map(str::to_owned));
    }

    /// It was acknowledged.
    pub fn acknowledged(&self, fact: &str, value: Option<&str>) {
        self.0.lock().insert(fact.to_owned(), vec![value.map(str::to_owned)]);
    }

    /// Facts that are there for certain and whose names begin like this: the rest of their names.
    pub fn certain(&self, start: &str) -> Vec<String> {
        let facts = self.0.lock();
        let certain = facts.iter().filter(|(_, values)| values.iter().all(Option::is_some));
        certain.filter_map(|(fact, _)| fact.strip_prefix(start).map(str::to_owned)).collect()
    }

    /// What was lost, changed or came back in what is there now; from here on, what is there is right.
    pub fn compare(&self, actual: &BTreeMap<String, String>) -> Vec<String> {
        let mut facts = self.0.lock();
        let mut faults = Vec::new();
        for (fact, values) in facts.iter_mut() {
            let found = actual.get(fact).cloned();
            if !values.contains(&found) {
                faults.push(format!("{fact}: {found:?} instead of one of {values:?}"));
            }
            *values = vec![found];
        }
        faults
    }
}
