//! How pages call states: one word and one colour for each, whatever operation names it.
//!
//! Load balancers and scripts read the names of the contract, several of which mean the same to a reader.

/// The names of a state, how it is called, and how it is coloured.
struct StateWord {
    codes: &'static [&'static str],
    word: &'static str,
    mood: &'static str,
}

const GOOD: &str = "good";
const WAIT: &str = "wait";
const BAD: &str = "bad";

const fn word(codes: &'static [&'static str], word: &'static str, mood: &'static str) -> StateWord {
    StateWord { codes, word, mood }
}

const STATES: &[StateWord] = &[
    word(&["RUNNING"], "Running", GOOD),
    word(&["INSTALLED"], "Joined", GOOD),
    word(&["SYNCHRONIZED", "UP_TO_DATE", "IN_STEP", "AVAILABLE"], "Synchronized", GOOD),
    word(&["SYNCHRONIZING", "INITIALIZING", "INITIALISING", "NEW", "NOT_MIRRORED"], "Synchronizing", WAIT),
    word(&["UNVERIFIED", "UNKNOWN", "ORIGIN_AWAY"], "Unverified", WAIT),
    word(&["PENDING"], "Waiting for acceptance", WAIT),
    word(&["LAGGING", "BEHIND"], "Behind", BAD),
    word(
        &["FAILING", "ERROR_INITIALIZING", "ERROR_AVAILABLE", "INITIALISATION_FAILED", "OFFLINE", "ERROR"],
        "Failing",
        BAD,
    ),
    word(&["DISK_FULL"], "Disk full", BAD),
    word(&["DISK_READ_ONLY"], "Disk read-only", BAD),
    word(&["DISK_LOW"], "Disk nearly full", WAIT),
    word(&["UNREACHABLE"], "Unreachable", BAD),
    word(&["REMOVED"], "Removed", BAD),
    word(&["REJECTED"], "Rejected", BAD),
    word(&["DISABLED"], "Disabled", WAIT),
];

/// What a state is called; a state that has no word yet goes by its name.
pub(super) fn state_word(code: &str) -> &str {
    STATES.iter().find(|state| state.codes.contains(&code)).map_or(code, |state| state.word)
}

/// The same for scripts: an object with word and colour by name.
pub(super) fn states_for_scripts() -> String {
    let named = STATES.iter().flat_map(|state| state.codes.iter().map(move |code| (*code, state)));
    let entry = |(code, state): (&str, &StateWord)| {
        (code.to_owned(), serde_json::json!({ "word": state.word, "mood": state.mood }))
    };
    serde_json::Value::Object(named.map(entry).collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_one_word_in_pages_and_in_their_scripts() {
        assert_eq!(state_word("UP_TO_DATE"), "Synchronized");
        assert_eq!(state_word("IN_STEP"), state_word("SYNCHRONIZED"));
        assert_eq!(state_word("SOMETHING_ELSE"), "SOMETHING_ELSE");
        let scripts: serde_json::Value = serde_json::from_str(&states_for_scripts()).expect("is JSON");
        assert_eq!(scripts["LAGGING"], serde_json::json!({ "word": "Behind", "mood": "bad" }));
    }

    #[test]
    fn no_state_has_two_words() {
        let mut codes: Vec<_> = STATES.iter().flat_map(|state| state.codes).collect();
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
