//! `cargo xtask fuzz`: looks, for a while, for bytes that break what `tests/fuzz` says must hold.
//!
//! The code under test is instrumented by flags that the stable compiler takes, and linked with LLVM's fuzzer, which is
//! built from the source in its crate; so nothing but a C++ compiler is needed. What is found is kept below
//! `target/test-artefacts/fuzz`; a finding that is mended goes into the corpus of its target.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::{self, available_parallelism};

use anyhow::{Context, bail};
use clap::Args;

use crate::outcome::{Finding, Outcome};
use crate::{debian, workspace};

/// How long each target is tried when nothing else is said.
pub const DEFAULT_SECONDS: u32 = 20;

/// Most memory that one input may take, and most time.
const MEMORY_LIMIT_MIB: u32 = 1024;
const INPUT_TIME_LIMIT_SECONDS: u32 = 10;

/// Longest input that is tried. Requests of interest are far shorter, and length slows the search down.
const MAX_INPUT_BYTES: u32 = 4096;

/// Counts how often each edge is taken, and shows the fuzzer what is compared with what.
const INSTRUMENTATION: &str = "--cfg fuzzing -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks \
     -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// For how long, and what.
#[derive(Args)]
pub struct Options {
    /// Seconds for each target.
    #[arg(long, default_value_t = DEFAULT_SECONDS)]
    seconds: u32,
    /// Try this target only; may be repeated.
    #[arg(long = "target")]
    targets: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { seconds: DEFAULT_SECONDS, targets: Vec::new() }
    }
}

/// Builds the targets and tries each.
pub fn run(options: &Options) -> anyhow::Result<Outcome> {
    if Command::new("c++").arg("--version").output().is_err() {
        debian::install("g++")?;
    }
    let all = targets()?;
    if let Some(unknown) = options.targets.iter().find(|name| !all.contains(name)) {
        bail!("there is no target {unknown:?}; there are {}", all.join(", "));
    }
    let folder = workspace::target().join("fuzz");
    let binaries = build(&folder)?;
    let artefacts = workspace::target().join("test-artefacts/fuzz");
    fs::create_dir_all(&artefacts).with_context(|| format!("cannot create {}", artefacts.display()))?;
    let chosen = all.iter().filter(|name| options.targets.is_empty() || options.targets.contains(name));
    let chosen: Vec<&String> = chosen.collect();
    let mut findings = Vec::new();
    // A target keeps one core busy.
    for together in chosen.chunks(available_parallelism().map_or(1, NonZero::get)) {
        let tried =
            try_together(together, |target| tried(target, options.seconds, &binaries, &folder, &artefacts));
        for (target, tried) in together.iter().zip(tried) {
            let output = match tried {
                Ok(output) => output,
                // What the others have found is told all the same.
                Err(error) => {
                    let remedy = format!("see why it does not run, and try it by `--target {target}`");
                    findings.push(Finding { problem: format!("{error:#}"), remedy });
                    continue;
                }
            };
            println!("{target}: tried for {} s", options.seconds);
            for said in [&output.stdout, &output.stderr] {
                print!("{}", String::from_utf8_lossy(said));
            }
            if !output.status.success() {
                let problem =
                    format!("{target}: an input breaks what must hold; its bytes and the report are above");
                let remedy = format!("mend it and keep the input in tests/fuzz/corpus/{target}");
                findings.push(Finding { problem, remedy });
            }
        }
    }
    Ok(Outcome::of_findings(findings, "what must hold for any bytes did hold"))
}

/// Each target has a corpus.
fn targets() -> anyhow::Result<Vec<String>> {
    let folder = corpus_folder();
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let names = entries.map(|entry| anyhow::Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<anyhow::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

fn corpus_folder() -> PathBuf {
    workspace::root().join("tests/fuzz/corpus")
}

/// A target folder of its own: instrumented code must not be mixed with other code. The triple is named because the
/// flags would otherwise reach build scripts too.
fn build(folder: &Path) -> anyhow::Result<PathBuf> {
    let host = host()?;
    let arguments = ["build", "--release", "--package", "heliostat-fuzz", "--features", "fuzzer", "--bins"];
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).args(["--target", &host]).arg("--target-dir").arg(folder);
    let status = cargo.current_dir(workspace::root()).env("RUSTFLAGS", INSTRUMENTATION).status();
    if !status.context("cannot run cargo")?.success() {
        bail!("the fuzzing targets do not build");
    }
    Ok(folder.join(host).join("release"))
}

fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    let output = String::from_utf8(output.stdout).context("rustc says something that is not text")?;
    let host = output.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say for which machine it compiles")
}

/// What comes of each target, all of which are tried at the same time.
fn try_together<T: Send>(targets: &[&String], try_one: impl Fn(&str) -> T + Sync) -> Vec<T> {
    let try_one = &try_one;
    thread::scope(|scope| {
        let begun: Vec<_> = targets.iter().map(|target| scope.spawn(move || try_one(target))).collect();
        begun.into_iter().map(|one| one.join().expect("trying a target does not panic")).collect()
    })
}

/// What the fuzzer says of a target, and how it ends.
fn tried(
    target: &str,
    seconds: u32,
    binaries: &Path,
    folder: &Path,
    artefacts: &Path,
) -> anyhow::Result<Output> {
    // What is found on the way is remembered here; the committed corpus stays as it is.
    let found = folder.join("corpus").join(target);
    fs::create_dir_all(&found).with_context(|| format!("cannot create {}", found.display()))?;
    Command::new(binaries.join(target))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={INPUT_TIME_LIMIT_SECONDS}"))
        .arg(format!("-rss_limit_mb={MEMORY_LIMIT_MIB}"))
        .arg(format!("-max_len={MAX_INPUT_BYTES}"))
        .arg(format!("-artifact_prefix={}/{target}-", artefacts.display()))
        .arg("-verbosity=0")
        .arg(found)
        .arg(corpus_folder().join(target))
        .output()
        .with_context(|| format!("cannot run the target {target}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn targets_are_tried_at_the_same_time_and_told_in_their_order() {
        let names = ["packet_lines".to_owned(), "request_v2".to_owned()];
        let all_there = Barrier::new(names.len());
        let tried = try_together(&names.each_ref(), |target| {
            all_there.wait();
            target.to_owned()
        });
        assert_eq!(tried, names);
    }
}
