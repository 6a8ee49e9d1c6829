//! Which statuses of which operations this run has seen, for the gate that no promised status goes untested.
//!
//! `HELIOSTAT_TEST_STATUSES` names a folder; each process appends to a file of its own there, a line for each
//! operation and status. Without the variable nothing is written.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use heliostat_contract::exchange as contract;
use parking_lot::Mutex;

const FOLDER_VARIABLE: &str = "HELIOSTAT_TEST_STATUSES";

/// Notes an answer to a request for this path below the base URL.
pub fn note(method: &str, path: &str, status: u16) {
    static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let Some(folder) = std::env::var_os(FOLDER_VARIABLE) else { return };
    let mut seen = SEEN.lock();
    for operation in contract::operations_answering(method, path) {
        let id = operation["operationId"].as_str().expect("an operation has an id");
        let line = format!("{id} {status}\n");
        if seen.insert(line.clone()) {
            let path = PathBuf::from(&folder).join(std::process::id().to_string());
            let file = File::options().create(true).append(true).open(&path);
            let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
            written.unwrap_or_else(|error| panic!("cannot append to {}: {error}", path.display()));
        }
    }
}
