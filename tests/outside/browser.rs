//! A headless Chromium that visits pages by a script; its pictures are kept beside other artefacts of the run.

use std::path::Path;

use crate::harness::{ADMIN_PASSWORD, Server, artefacts, must_succeed, tool};

/// Runs a script of this folder against a server; panics with the script's complaint.
///
/// The script finds the server's address, the administrator's password and the further facts in its environment.
pub fn visit(name: &str, script: &str, server: &Server, facts: &[(&str, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("outside").join(script);
    let mut command = tool("node");
    command.arg(path);
    command.env("HELIOSTAT_VISIT", name).env("HELIOSTAT_SCREENSHOTS", artefacts("screenshots"));
    command.env("HELIOSTAT_BASE_URL", server.base()).env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD);
    command.envs(facts.iter().copied());
    must_succeed(&format!("visit-{name}"), command);
}
