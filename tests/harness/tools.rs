//! Other people's programs: run with the pinned tools, their output kept beside other artefacts of the run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How much of a failed program's output is shown.
const SHOWN_BYTES: usize = 16 * 1024;

/// A command of one of the pinned programs; `cargo xtask test --stage outside` installs them.
pub fn tool(program: &str) -> Command {
    let Some(path) = std::env::var_os("HELIOSTAT_TOOLS_PATH") else {
        panic!("{program} is not installed: run these tests by `cargo xtask test --stage outside`");
    };
    let mut command = Command::new(program);
    command.env("PATH", path);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    command
}

/// Where a run keeps what people may want to look at afterwards.
pub fn artefacts(name: &str) -> PathBuf {
    let root = std::env::var_os("HELIOSTAT_TEST_ARTEFACTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-artefacts"),
        PathBuf::from,
    );
    let folder = root.join(name);
    fs::create_dir_all(&folder).expect("the folder of artefacts can be made");
    folder
}

/// Runs a program to its end, its output in `<artefacts>/<name>.log`; panics with the end of it if it fails.
///
/// It blocks: call it through `tokio::task::spawn_blocking` when the test itself answers requests.
pub fn must_succeed(name: &str, mut command: Command) -> String {
    let path = artefacts("logs").join(format!("{name}.log"));
    let log = File::create(&path).expect("a log can be made");
    let both = log.try_clone().expect("a log can be shared");
    let status =
        command.stdout(log).stderr(both).status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let output = String::from_utf8_lossy(&fs::read(&path).expect("the log is there")).into_owned();
    let from = output.ceil_char_boundary(output.len().saturating_sub(SHOWN_BYTES));
    assert!(
        status.success(),
        "{command:?} failed with {status}; {} ends:\n{}",
        path.display(),
        &output[from..]
    );
    output
}
