//! Python, by openapi-python-client.
//!
//! It is chosen before openapi-generator, which can do Python as well, because its clients are typed throughout,
//! documented errors included, work both blocking and asynchronously, and bring `httpx` and `attrs` alone. What
//! openapi-generator makes of the contract is tested all the same.

use std::fs;

use anyhow::Context;

use super::{Order, generate};

/// Names, instead of those that would be derived from the title of the contract.
const SETTINGS: &str = "project_name_override: heliostat-client\npackage_name_override: heliostat_client\n";

/// What users do with it.
pub const NEXT_STEPS: &str = r#"Install it:  pip install DIR
Use it:      from heliostat_client import AuthenticatedClient
             from heliostat_client.api.projects import get_projects
             client = AuthenticatedClient(base_url="http://127.0.0.1:7990/rest", token="<an access token>")
             print(get_projects.sync(client=client))"#;

/// Makes the client.
pub fn make(order: &Order<'_>) -> anyhow::Result<()> {
    let home = tempfile::tempdir().context("cannot make a temporary folder")?;
    let settings = home.path().join("settings.yaml");
    fs::write(&settings, SETTINGS)?;
    let mut command = order.tools.command("openapi-python-client");
    command.args(["generate", "--overwrite", "--fail-on-warning", "--config"]).arg(&settings);
    command.arg("--path").arg(order.document.file()).arg("--output-path").arg(order.workshop);
    generate(&mut command, |line| line.to_ascii_uppercase().contains("WARNING"))
}
