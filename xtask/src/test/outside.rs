//! The stage with other people's programs: linters read the contract, clients and tools talk to live servers.
//!
//! The tests themselves stand in `tests/outside`; they are ignored in ordinary runs, because they need the pinned
//! tools that this stage installs.

use std::path::Path;
use std::process::Command;
use std::thread::{self, JoinHandle};

use super::{built_binary, carry_out, system};
use crate::tools::Tools;
use crate::{debian, workspace};

/// Servers that stand in front of `git http-backend` and of mirrors: where they are, and in which packages they come.
const WEB_SERVERS: [(&str, &str); 4] = [
    ("/usr/sbin/nginx", "nginx-light"),
    ("/usr/sbin/fcgiwrap", "fcgiwrap"),
    ("/usr/sbin/apache2", "apache2-bin"),
    ("/usr/sbin/haproxy", "haproxy"),
];

/// The checker of Prometheus, for metrics and alert rules.
const PROMTOOL: (&str, &str) = ("/usr/bin/promtool", "prometheus");

/// The program that tries filters of fail2ban.
const FAIL2BAN: (&str, &str) = ("/usr/bin/fail2ban-regex", "fail2ban");

/// A forge behind a web server, without pages.
const GITOLITE: (&str, &str) = ("/usr/bin/gitolite", "gitolite3");

/// A server of SSH.
const SSHD: (&str, &str) = ("/usr/sbin/sshd", "openssh-server");

/// The tools, which are installed beside the first stages: those keep one core busy.
#[derive(Default)]
pub struct Preparation {
    begun: Option<JoinHandle<anyhow::Result<Tools>>>,
}

impl Preparation {
    /// Begins to install what is missing.
    pub fn begin(&mut self) {
        self.begun.get_or_insert_with(|| thread::spawn(Tools::install_for_tests));
    }

    fn end(&mut self) -> anyhow::Result<Tools> {
        self.begin();
        let begun = self.begun.take().expect("it has begun");
        begun.join().expect("installing does not panic")
    }
}

impl Drop for Preparation {
    /// A folder that is half full is not left to the next run while something still writes into it.
    fn drop(&mut self) {
        if let Some(begun) = self.begun.take() {
            drop(begun.join());
        }
    }
}

/// Has the tools installed, lints the contract, runs the tests.
pub fn run(preparation: &mut Preparation) -> anyhow::Result<()> {
    let tools = preparation.end()?;
    lint(&tools)?;
    for (program, package) in WEB_SERVERS.into_iter().chain([PROMTOOL, FAIL2BAN, GITOLITE, SSHD]) {
        if !Path::new(program).is_file() {
            debian::install(package)?;
        }
    }
    let mut tests = Command::new(env!("CARGO"));
    tests.args(system::ALONE).args(["--", "--ignored", "outside::"]);
    tests.env(system::THREADS_VARIABLE, system::at_a_time());
    tools.tell_tests(&mut tests)?;
    tests.env("HELIOSTAT_TEST_DATABASE", "sqlite").env("HELIOSTAT_TEST_BINARY", built_binary()?);
    tests.env("HELIOSTAT_TEST_XTASK", std::env::current_exe()?);
    // Kept from run to run, for it holds the compiled standard library.
    tests.env("GOCACHE", workspace::target().join("go-cache"));
    tests.env("HELIOSTAT_TEST_ARTEFACTS", workspace::target().join("test-artefacts"));
    carry_out(&mut tests)
}

/// Zero errors and zero warnings, by three readers of OpenAPI.
fn lint(tools: &Tools) -> anyhow::Result<()> {
    let contract = workspace::contract_path();
    let openapi = workspace::root().join("openapi");
    carry_out(tools.command("openapi-spec-validator").arg(&contract))?;
    let redocly = openapi.join("redocly.yaml");
    carry_out(
        tools
            .command("redocly")
            .args(["lint", "--max-problems", "1000", "--config"])
            .arg(redocly)
            .arg(&contract),
    )?;
    let spectral = openapi.join("spectral.yaml");
    carry_out(
        tools
            .command("spectral")
            .args(["lint", "--fail-severity", "hint", "--ruleset"])
            .arg(spectral)
            .arg(&contract),
    )
}
