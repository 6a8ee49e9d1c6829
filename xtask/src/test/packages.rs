//! The stage with what `cargo xtask dist` makes: the archive and the Debian package are made from the binary of the tests,
//! unpacked, and run from where they put it. The package is installed as well, and nothing of it on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::installed_package;
use crate::dist;
use crate::outcome::{Finding, Outcome};

/// What a package must bring, beside what each command has.
const IN_PACKAGE: [&str; 17] = [
    "etc/heliostat/mirror.toml",
    "etc/heliostat/upstream.toml",
    "usr/bin/heliostat",
    "usr/lib/systemd/system/heliostat-mirror.service",
    "usr/lib/systemd/system/heliostat-upstream.service",
    "usr/lib/sysusers.d/heliostat.conf",
    "usr/share/bash-completion/completions/heliostat",
    "usr/share/doc/heliostat/CHANGELOG.md",
    "usr/share/doc/heliostat/decisions/README.md",
    "usr/share/doc/heliostat/deploy/balancer/haproxy.cfg",
    "usr/share/doc/heliostat/deploy/balancer/nginx.conf",
    "usr/share/doc/heliostat/deploy/fail2ban/filter.d/heliostat.conf",
    "usr/share/doc/heliostat/deploy/grafana/heliostat.json",
    "usr/share/doc/heliostat/deploy/prometheus/heliostat.rules.yml",
    "usr/share/doc/heliostat/operating.md",
    "usr/share/man/man1/heliostat-mirror.1.gz",
    "usr/share/man/man1/heliostat.1.gz",
];
/// What of it dpkg asks about before it overwrites it, because an administrator may have changed it.
const SETTINGS: &str = "/etc/heliostat/mirror.toml\n/etc/heliostat/upstream.toml\n";

/// Makes them of this binary, and looks at each.
pub fn run(binary: &Path) -> anyhow::Result<Outcome> {
    if let not_made @ (Outcome::Stale(_) | Outcome::Broken(_)) = dist::run(&dist::Options::of_binary(binary))?
    {
        return Ok(not_made);
    }
    said(Command::new("sha256sum").args(["--check", "--strict", dist::CHECKSUMS]))?;
    let unpacked = tempfile::tempdir().context("cannot make a temporary folder")?;
    let (archive, package) = (unpacked.path().join("archive"), unpacked.path().join("package"));
    let mut findings = Vec::new();

    fs::create_dir(&archive)?;
    said(
        Command::new("tar").arg("--extract").arg("--file").arg(made("gz")?).arg("--directory").arg(&archive),
    )?;
    let inside: Vec<PathBuf> = fs::read_dir(&archive)?.flatten().map(|entry| entry.path()).collect();
    let [inside] = &inside[..] else { bail!("the archive has not one folder, but {inside:?}") };
    findings.extend(misses(inside, &["heliostat", "LICENSE", "docs/operating.md", "man/heliostat.1.gz"]));
    findings.extend(misses(inside, &["completions/heliostat.bash", "deploy/systemd/upstream.toml"]));
    findings.extend(runs(&inside.join("heliostat"))?);

    let deb = made("deb")?;
    said(Command::new("dpkg-deb").arg("--extract").arg(&deb).arg(&package))?;
    findings.extend(misses(&package, &IN_PACKAGE));
    findings.extend(runs(&package.join("usr/bin/heliostat"))?);
    let control = unpacked.path().join("control");
    said(Command::new("dpkg-deb").arg("--control").arg(&deb).arg(&control))?;
    findings.extend(misses(&control, &["postinst", "prerm", "postrm", "conffiles"]));
    let mut kept: Vec<String> =
        fs::read_to_string(control.join("conffiles"))?.lines().map(str::to_owned).collect();
    kept.sort();
    if kept.join("\n") != SETTINGS.trim_end() {
        let problem =
            format!("an upgrade asks before it overwrites {kept:?}, and should before:\n{SETTINGS}");
        findings.push(Finding { problem, remedy: "mend the assets in crates/cli/Cargo.toml".into() });
    }
    for script in ["postinst", "prerm", "postrm"] {
        said(Command::new("sh").arg("-n").arg(control.join(script)))?;
    }
    findings.extend(installed_package::findings(&deb)?);
    Ok(Outcome::of_findings(
        findings,
        "the archive and the Debian package have what they should, and it runs",
    ))
}

/// The one file of a kind among what was made.
fn made(extension: &str) -> anyhow::Result<PathBuf> {
    let mut files = fs::read_dir(dist::folder())?.flatten().map(|entry| entry.path());
    let file = files.find(|path| path.extension().is_some_and(|end| end == extension));
    file.with_context(|| format!("no .{extension} was made"))
}

fn misses(folder: &Path, names: &[&str]) -> Vec<Finding> {
    let missing = names.iter().filter(|name| !folder.join(name).is_file());
    let finding = |name: &&str| Finding {
        problem: format!("{name} is not there"),
        remedy: "add it to xtask/src/dist, or to the assets in crates/cli/Cargo.toml".into(),
    };
    missing.map(finding).collect()
}

fn runs(program: &Path) -> anyhow::Result<Option<Finding>> {
    let version = said(Command::new(program).arg("--version"))?;
    let expected = format!("heliostat {}", env!("CARGO_PKG_VERSION"));
    let problem = format!("{} says {version:?} and should say {expected:?}", program.display());
    let remedy = "look at what was wrapped up".to_owned();
    Ok((!version.starts_with(&expected)).then_some(Finding { problem, remedy }))
}

/// What a program says that must succeed.
fn said(command: &mut Command) -> anyhow::Result<String> {
    command.current_dir(dist::folder());
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
