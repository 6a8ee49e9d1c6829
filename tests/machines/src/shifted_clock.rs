//! The time of day of one process, changed while it runs: a few lines of C that are loaded before its libraries.
//!
//! A time namespace shifts only clocks that give no dates, and root alone can set the machine's clock, for
//! everything on it.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

const SOURCE: &str = include_str!("shift_clock.c");

/// A clock for one or more processes. Those that clean the environment of their children leave them the true time.
#[derive(Debug)]
pub struct ShiftedClock {
    library: PathBuf,
    shift: PathBuf,
    _folder: TempDir,
}

impl ShiftedClock {
    /// One that is right; `None`, and a line that says so, without a C compiler.
    pub fn new() -> Option<Self> {
        let folder =
            tempfile::Builder::new().prefix("heliostat-clock-").tempdir().expect("a folder can be made");
        let [source, library, shift] =
            ["shift_clock.c", "shift_clock.so", "shift"].map(|name| folder.path().join(name));
        fs::write(&source, SOURCE).expect("a file can be written");
        fs::write(&shift, 0_i64.to_ne_bytes()).expect("a file can be written");
        let compiled =
            Command::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]).args([&library, &source]).output();
        match compiled {
            Ok(output) if output.status.success() => Some(Self { library, shift, _folder: folder }),
            Ok(output) => panic!("shift_clock.c: {}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => {
                eprintln!("skipped: no C compiler to shift clocks with ({error})");
                None
            }
        }
    }

    /// What a process must find in its environment.
    pub fn environment(&self) -> [(String, String); 2] {
        [("LD_PRELOAD", &self.library), ("TEST_CLOCK_SHIFT", &self.shift)]
            .map(|(name, path)| (name.to_owned(), path.display().to_string()))
    }

    /// The clock jumps: it is so many seconds ahead of the true time from now on, or behind it.
    pub fn shift(&self, seconds: i64) {
        let file = fs::File::options().write(true).open(&self.shift).expect("the file is there");
        file.write_all_at(&seconds.to_ne_bytes(), 0).expect("a file can be written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_jumps_while_its_process_runs_and_goes_back() {
        let Some(clock) = ShiftedClock::new() else { return };
        let now = || {
            let date =
                Command::new("date").arg("+%s").envs(clock.environment()).output().expect("date can be run");
            String::from_utf8_lossy(&date.stdout).trim().parse::<i64>().expect("date prints a number")
        };
        let before = now();
        clock.shift(100_000);
        assert!((99_000..101_000).contains(&(now() - before)));
        clock.shift(-100_000);
        assert!((99_000..101_000).contains(&(before - now())));
    }
}
