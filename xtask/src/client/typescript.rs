//! TypeScript, by openapi-typescript: types of the contract alone, and openapi-fetch, which makes calls of them.
//!
//! Around the types stand three small files that make a package of them; they lie in the folder `typescript` as they
//! are, but for two versions.

use std::fs;

use anyhow::Context;
use serde_json::Value;

use super::{Order, generate};
use crate::workspace;

const PACKAGE: &str = include_str!("typescript/package.json");
const COMPILER_SETTINGS: &str = include_str!("typescript/tsconfig.json");
const INDEX: &str = include_str!("typescript/index.ts");

/// What users do with it.
pub const NEXT_STEPS: &str = r#"Build it:    cd DIR && npm install && npx tsc
Install it:  npm install DIR
Use it:      import { createHeliostatClient } from "heliostat-client";
             const client = createHeliostatClient("http://127.0.0.1:7990", { token: "<an access token>" });
             const { data, error } = await client.GET("/api/latest/projects");"#;

/// Makes the client.
pub fn make(order: &Order<'_>) -> anyhow::Result<()> {
    let source = order.workshop.join("src");
    fs::create_dir(&source)?;
    fs::write(source.join("index.ts"), INDEX)?;
    fs::write(order.workshop.join("tsconfig.json"), COMPILER_SETTINGS)?;
    fs::write(order.workshop.join("package.json"), package(order.document.version())?)?;
    let mut command = order.tools.command("openapi-typescript");
    // The document first: after some flags it would be taken for their value.
    command.arg(order.document.file()).arg("--output").arg(source.join("schema.ts"));
    // Each schema is a type of its own name, too.
    command.args(["--root-types", "--root-types-no-schema-prefix", "--root-types-keep-casing"]);
    generate(&mut command, |line| line.contains('⚠') || line.to_ascii_lowercase().contains("warning"))
}

/// The package's description, with the versions with which it is tested.
fn package(version: &str) -> anyhow::Result<String> {
    let pinned = workspace::outside_folder().join("package.json");
    let pinned = fs::read_to_string(&pinned).with_context(|| format!("cannot read {}", pinned.display()))?;
    let pinned: Value = serde_json::from_str(&pinned).context("the list of Node's tools is not JSON")?;
    let mut package: Value =
        serde_json::from_str(PACKAGE).context("the package's description is not JSON")?;
    package["version"] = version.into();
    for (group, name) in [("dependencies", "openapi-fetch"), ("devDependencies", "typescript")] {
        package[group][name] = pinned["devDependencies"][name].clone();
    }
    Ok(format!("{package:#}\n"))
}
