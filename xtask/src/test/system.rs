//! The whole-system tests, in two lanes that run beside each other.
//!
//! Tests run in the order of their names, a few at a time, and wait for servers more than they compute. Were they in one
//! lane, those that take minutes would come last and be waited for with idle cores. So they have a lane of their own, which
//! begins at once, and both lanes together run more tests at a time than there are cores.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::available_parallelism;

use anyhow::{Context, bail};

use super::{carry_out, shown};
use crate::workspace;

/// The arguments of cargo for the whole-system tests alone.
pub const ALONE: [&str; 4] = ["test", "--workspace", "--test", "system"];

/// The variable that tells a program of tests how many of them to run at a time.
pub const THREADS_VARIABLE: &str = "RUST_TEST_THREADS";

/// Modules with tests that take minutes: of every caller of every operation, of very many references, and those that cut
/// power, spoil answers or damage files many times over. There are enough of them for both lanes to end together.
const LONG: [&str; 7] = [
    "authorisation::every_cell::",
    "origin::very_many_references::",
    "trust::damage::",
    "trust::faulty_line::",
    "trust::first_requests::",
    "trust::full_disk::",
    "trust::power_cuts::",
];

/// How many tests are run at a time in each lane.
#[derive(Debug, PartialEq, Eq)]
struct Threads {
    others: usize,
    long: usize,
}

impl Threads {
    /// Two cores are kept busy by about six tests. More cores get fewer for each, because all tests share one PostgreSQL.
    fn of_cores(cores: usize) -> Self {
        Threads { others: cores + 2, long: (cores / 2).max(2) }
    }
}

/// How many tests are run at a time where there is one lane.
pub fn at_a_time() -> String {
    threads().others.to_string()
}

fn threads() -> Threads {
    Threads::of_cores(available_parallelism().map_or(1, NonZero::get))
}

/// Runs tests in both lanes: those that cargo is told to run, and the long whole-system ones beside them; none of modules
/// that are left out. Both lanes come to their end, also when the other fails.
pub fn run(selection: &[&str], left_out: &[&str], environment: &[(&str, &OsStr)]) -> anyhow::Result<()> {
    let cargo = |arguments: &[&str], threads: usize| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(arguments).envs(environment.iter().copied());
        cargo.env(THREADS_VARIABLE, threads.to_string());
        cargo
    };
    let threads = threads();
    carry_out(&mut cargo(&[selection, &["--no-run"]].concat(), threads.others))?;
    let long = Lane::start(&mut cargo(&long(left_out), threads.long))?;
    let others = carry_out(&mut cargo(&others(selection, left_out), threads.others));
    let long = long.end();
    let failures: Vec<String> =
        [others, long].into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    if !failures.is_empty() {
        bail!("{}", failures.join("; "));
    }
    Ok(())
}

/// What cargo is told for the lane of long tests.
fn long<'a>(left_out: &[&'a str]) -> Vec<&'a str> {
    let skipped = left_out.iter().copied().flat_map(|module| ["--skip", module]);
    ALONE.into_iter().chain(["--"]).chain(LONG).chain(skipped).collect()
}

/// What cargo is told for the lane of all others. A program of tests that fails keeps no other from being run.
fn others<'a>(selection: &[&'a str], left_out: &[&'a str]) -> Vec<&'a str> {
    let skipped = LONG.into_iter().chain(left_out.iter().copied()).flat_map(|module| ["--skip", module]);
    selection.iter().copied().chain(["--no-fail-fast", "--"]).chain(skipped).collect()
}

/// A command that runs beside others. What it prints goes into a file meanwhile, and is shown in one piece at its end.
struct Lane {
    shown: String,
    process: Child,
    output: PathBuf,
}

impl Lane {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let shown = shown(command);
        let folder = workspace::target().join("test-artefacts");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let output = folder.join("long-tests.log");
        println!("-- beside what follows, into {}: {shown}", output.display());
        let file = File::create(&output).with_context(|| format!("cannot write {}", output.display()))?;
        command.current_dir(workspace::root()).stdin(Stdio::null());
        command.stdout(file.try_clone()?).stderr(file);
        let process = command.spawn().with_context(|| format!("cannot run {shown}"))?;
        Ok(Lane { shown, process, output })
    }

    fn end(mut self) -> anyhow::Result<()> {
        let status = self.process.wait().with_context(|| format!("cannot wait for {}", self.shown))?;
        println!("-- what was beside it: {}", self.shown);
        let output =
            fs::read(&self.output).with_context(|| format!("cannot read {}", self.output.display()))?;
        println!("{}", String::from_utf8_lossy(&output).trim_end());
        if !status.success() {
            bail!("`{}` failed", self.shown);
        }
        Ok(())
    }
}

/// Whether there is such a module of whole-system tests: what skips nothing would go unnoticed.
#[cfg(test)]
pub fn is_there(module: &str) -> bool {
    let path = workspace::root().join("tests").join(module.trim_end_matches("::").replace("::", "/"));
    path.is_dir() || path.with_extension("rs").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_lane_skips_the_other_runs() {
        let selection = ["test", "--workspace", "--tests"];
        let (long, others) = (long(&["git::clones::"]), others(&selection, &["git::clones::"]));
        assert_eq!(long[..4], ALONE);
        assert_eq!(others[..3], selection);
        let (skips, rest): (Vec<_>, Vec<_>) = others[5..].chunks(2).partition(|pair| pair[0] == "--skip");
        assert!(rest.is_empty(), "{rest:?}");
        for module in LONG {
            assert!(long.contains(&module), "{module}");
            assert!(skips.iter().any(|pair| pair[1] == module), "{module}");
        }
        assert_eq!(long[long.len() - 2..], ["--skip", "git::clones::"]);
        assert_eq!(others[others.len() - 2..], ["--skip", "git::clones::"]);
    }

    #[test]
    fn more_tests_than_cores_run_at_a_time() {
        assert_eq!(Threads::of_cores(1), Threads { others: 3, long: 2 });
        assert_eq!(Threads::of_cores(2), Threads { others: 4, long: 2 });
        assert_eq!(Threads::of_cores(16), Threads { others: 18, long: 8 });
    }

    #[test]
    fn modules_that_are_named_are_there() {
        for module in LONG {
            assert!(is_there(module), "{module} is nowhere in tests/");
        }
        assert!(!is_there("trust::nothing::"));
    }
}
