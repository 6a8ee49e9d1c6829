//! What this project depends on: where it comes from, under which licence, and whether anything uses it.

use std::fs;
use std::path::PathBuf;

use crate::gate_program::Gate;
use crate::outcome::Outcome;

const MANIFEST: &str = "[package]\nname = \"planted\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";
const UNKNOWN_LICENCE: &str =
    "[package]\nname = \"planted\"\nversion = \"1.0.0\"\nedition = \"2024\"\nlicense = \"GPL-3.0-only\"\n";

/// Both questions.
pub fn run() -> anyhow::Result<Outcome> {
    match allowed()? {
        Outcome::Good(done) => println!("{done}"),
        bad => return Ok(bad),
    }
    used()
}

/// Licences, sources and bans as `deny.toml` has them, and advisories where their database is on this machine.
fn allowed() -> anyhow::Result<Outcome> {
    let advisories = has_advisories().then_some("advisories");
    let checks: Vec<&str> = ["bans", "licenses", "sources"].into_iter().chain(advisories).collect();
    let arguments = ["check", "--hide-inclusion-graph"];
    let gate = Gate {
        program: "cargo-deny",
        arguments: &[&arguments, checks.as_slice()].concat(),
        planted: &[
            ("Cargo.toml", UNKNOWN_LICENCE),
            ("src/lib.rs", ""),
            ("deny.toml", include_str!("../../deny.toml")),
        ],
        complaint: "GPL-3.0-only",
        problem: "a dependency may not be used",
        remedy: "take another one, or allow it in deny.toml with a reason",
        good: match advisories {
            Some(_) => "every dependency may be used, and no advisory is known",
            None => {
                "every dependency may be used; no database of advisories is here: `cargo deny fetch db` gets it"
            }
        },
    };
    gate.run()
}

/// Every dependency and every file is used.
fn used() -> anyhow::Result<Outcome> {
    let gate = Gate {
        program: "cargo-shear",
        arguments: &["--deny-warnings", "--color", "never"],
        planted: &[
            ("Cargo.toml", &format!("{MANIFEST}[dependencies]\nunused = {{ path = \"unused\" }}\n")),
            ("src/lib.rs", ""),
            ("unused/Cargo.toml", &MANIFEST.replace("planted", "unused")),
            ("unused/src/lib.rs", ""),
        ],
        complaint: "unused dependency `unused`",
        problem: "a dependency or a file is used nowhere",
        remedy: "delete it; what is used in a way that cannot be seen goes into [package.metadata.cargo-shear] with \
                 a reason",
        good: "every dependency and every file is used",
    };
    gate.run()
}

fn has_advisories() -> bool {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let databases = home.and_then(|home| fs::read_dir(home.join("advisory-dbs")).ok());
    databases.into_iter().flatten().flatten().any(|database| database.path().join("crates").is_dir())
}
