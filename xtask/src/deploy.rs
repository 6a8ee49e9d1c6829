//! What stands in `deploy/`, judged by those who will read it: systemd, and linters and schemas of container images, Compose
//! and Kubernetes. No container engine is needed, and so no image is built.
//!
//! That every setting named there is one of `heliostat`, the tests of `crates/cli` see to.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::gate_program::Gate;
use crate::outcome::{Finding, Outcome};
use crate::{debian, workspace};

const DOCKERFILE: &str = "deploy/docker/Dockerfile";
const COMPOSE_FILE: &str = "deploy/docker/compose.yaml";
const MANIFESTS: &str = "deploy/kubernetes";
/// Lists the manifests, and is none itself.
const KUSTOMIZATION: &str = "deploy/kubernetes/kustomization.yaml";
const MANIFEST_FILES: [&str; 4] = [
    "deploy/kubernetes/namespace.yaml",
    "deploy/kubernetes/configuration.yaml",
    "deploy/kubernetes/upstream.yaml",
    "deploy/kubernetes/mirror.yaml",
];
const UNITS: [&str; 2] = ["heliostat-upstream.service", "heliostat-mirror.service"];
/// What a unit may expose at most, of 100, as `systemd-analyze security` counts.
const MAX_EXPOSURE: &str = "20";
/// Where the units expect the program.
const INSTALLED_PROGRAM: &str = "/usr/bin/heliostat";

/// Judges everything in that folder.
pub fn run() -> anyhow::Result<Outcome> {
    let gates: [fn() -> anyhow::Result<Outcome>; 5] =
        [image, compose, manifests, manifests_are_listed, units];
    for gate in gates {
        let outcome = gate()?;
        if !matches!(outcome, Outcome::Good(_)) {
            return Ok(outcome);
        }
    }
    Ok(Outcome::Good("what is in deploy/ is understood by those who read it".into()))
}

fn image() -> anyhow::Result<Outcome> {
    let gate = Gate {
        program: "hadolint",
        arguments: &["--no-color", DOCKERFILE],
        planted: &[(DOCKERFILE, "FROM debian\nCMD [\"true\"]\n")],
        complaint: "DL3006",
        problem: "the Dockerfile can be better",
        remedy: "mend it; what is right goes below `# hadolint ignore=` with a reason",
        good: "the Dockerfile is as it should be",
    };
    gate.run()
}

fn compose() -> anyhow::Result<Outcome> {
    let gate = Gate {
        program: "check-jsonschema",
        arguments: &["--builtin-schema", "vendor.compose-spec", COMPOSE_FILE],
        planted: &[(COMPOSE_FILE, "services: {planted: {imag: heliostat}}\n")],
        complaint: "'imag' was unexpected",
        problem: "the Compose file is not what its specification says",
        remedy: "mend it",
        good: "the Compose file is what its specification says",
    };
    gate.run()
}

fn manifests() -> anyhow::Result<Outcome> {
    let planted = MANIFEST_FILES
        .map(|file| (file, "apiVersion: v1\nkind: Service\nmetadata: {name: planted}\nspec: {port: [1]}\n"));
    let arguments = [&["--strict", "--no-warn"][..], &MANIFEST_FILES].concat();
    let gate = Gate {
        program: "kubernetes-validate",
        arguments: &arguments,
        planted: &planted,
        complaint: "'port' was unexpected",
        problem: "Kubernetes would refuse a manifest",
        remedy: "mend it",
        good: "Kubernetes takes the manifests",
    };
    gate.run()
}

/// A manifest that is not listed is neither checked nor applied.
fn manifests_are_listed() -> anyhow::Result<Outcome> {
    let path = workspace::root().join(KUSTOMIZATION);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut findings = Vec::new();
    let folder = workspace::root().join(MANIFESTS);
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let file = format!("{MANIFESTS}/{name}");
        if file == KUSTOMIZATION {
            continue;
        }
        if !text.contains(&format!("  - {name}\n")) {
            let problem = format!("{KUSTOMIZATION} does not apply {name}");
            findings.push(Finding { problem, remedy: "list it there".into() });
        }
        if !MANIFEST_FILES.contains(&file.as_str()) {
            let problem = format!("nothing checks {file}");
            findings.push(Finding { problem, remedy: "list it in xtask/src/deploy.rs".into() });
        }
    }
    Ok(Outcome::of_findings(findings, "every manifest is applied and checked"))
}

/// systemd understands each line, finds the program, and counts little that the service could do to the machine.
fn units() -> anyhow::Result<Outcome> {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        debian::install("systemd")?;
    }
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let mut findings = Vec::new();
    for unit in UNITS {
        let source = workspace::root().join("deploy/systemd").join(unit);
        let text =
            fs::read_to_string(&source).with_context(|| format!("cannot read {}", source.display()))?;
        if !text.contains(&format!("ExecStart={INSTALLED_PROGRAM} ")) {
            let problem = format!("{unit} does not start {INSTALLED_PROGRAM}, where the package puts it");
            findings.push(Finding { problem, remedy: "let it do so".into() });
        }
        // Checked where nothing is installed: this program exists, as that one will.
        let present = std::env::current_exe().context("this program has no path")?;
        let copy = folder.path().join(unit);
        fs::write(&copy, text.replace(INSTALLED_PROGRAM, &present.to_string_lossy()))?;
        for arguments in [
            &["verify", "--man=no"][..],
            &["security", "--offline=true", "--no-pager", "--threshold", MAX_EXPOSURE],
        ] {
            findings.extend(complaint_of_systemd(arguments, &copy)?);
        }
    }
    let planted = folder.path().join("planted.service");
    fs::write(&planted, "[Service]\nExecStart=/bin/true\nWatchdogSecs=60\n")?;
    if complaint_of_systemd(&["verify", "--man=no"], &planted)?.is_none() {
        let problem = "systemd-analyze does not find a planted fault".to_owned();
        findings.push(Finding { problem, remedy: "look at what this version of it prints".into() });
    }
    Ok(Outcome::of_findings(findings, "systemd understands the units"))
}

/// What `systemd-analyze` says against a unit. `verify` succeeds in spite of words that systemd does not know.
fn complaint_of_systemd(arguments: &[&str], unit: &Path) -> anyhow::Result<Option<Finding>> {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).arg(unit);
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.success() && errors.trim().is_empty() {
        return Ok(None);
    }
    let problem = format!("{command:?}:\n{}{errors}", String::from_utf8_lossy(&output.stdout));
    Ok(Some(Finding { problem, remedy: "mend the unit in deploy/systemd".into() }))
}
