//! The spelling of everything that people read, code included: `typos` knows how words are usually misspelt.

use crate::gate_program::Gate;
use crate::outcome::Outcome;

/// Checks all files that git does not ignore.
pub fn run() -> anyhow::Result<Outcome> {
    let gate = Gate {
        program: "typos",
        arguments: &["--format", "brief", "--color", "never"],
        // In two parts, for this file is checked too.
        planted: &[("planted.md", concat!("The mirror rec", "ieves a push.\n"))],
        complaint: "should be `receives`",
        problem: "words are misspelt",
        remedy: "mend them; a word that is right goes into typos.toml with a reason",
        good: "every word is spelt as it should be",
    };
    gate.run()
}
