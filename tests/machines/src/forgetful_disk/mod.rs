//! A disk that forgets: a FUSE file system in memory that loses what was not synced when its power goes.
//!
//! `tree` holds what is on it and says what a cut leaves; `file_system` answers the kernel; `stop_moment` says when a
//! machine stops. It can also refuse to open a file for a while, as a disk does that has a passing fault, and have no
//! room for bytes or for names.

mod file_system;
mod stop_moment;
mod tree;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use fuser::{BackgroundSession, Config, Errno, MountOption};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rustix::mount::{UnmountFlags, unmount};
use tempfile::TempDir;

use file_system::{Mounted, State};
use tree::Tree;

pub use file_system::Shortage;
pub use stop_moment::StopMoment;

/// Threads that answer the kernel.
const THREADS: usize = 2;

/// A mounted disk. Servers on it must have ended before it is dropped.
#[derive(Debug)]
pub struct ForgetfulDisk {
    state: Arc<Mutex<State>>,
    session: Option<BackgroundSession>,
    folder: TempDir,
}

impl ForgetfulDisk {
    /// An empty one; `None`, and a line that says so, where this machine does not let users mount FUSE file systems.
    pub fn new() -> Option<Self> {
        let folder =
            tempfile::Builder::new().prefix("heliostat-disk-").tempdir().expect("a folder can be made");
        let state =
            State { tree: Tree::new(), cuts: 0, faults: BTreeMap::new(), next_stop: None, shortage: None };
        let mut disk = Self { state: Arc::new(Mutex::new(state)), session: None, folder };
        match disk.mount() {
            Ok(()) => Some(disk),
            Err(error) => {
                eprintln!(
                    "skipped: no FUSE file system can be mounted here ({error}); it takes /dev/fuse and root"
                );
                None
            }
        }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The power goes now: nothing that was started before can read or write any more.
    pub fn cut_power(&self, chance: &mut StdRng) {
        self.state.lock().cut(chance);
    }

    /// The power goes after so many changes from now.
    pub fn cut_power_after(&self, changes: u64, chance: StdRng) {
        self.stop_at(StopMoment::after_changes(changes).without_power(chance));
    }

    /// The machine stops at this moment: nothing that was started before can read or write any more.
    pub fn stop_at(&self, moment: StopMoment) {
        self.state.lock().next_stop = Some(moment);
    }

    /// The machine goes on although a moment to stop was chosen; whether it had stopped before.
    pub fn stop_no_more(&self) -> bool {
        self.state.lock().next_stop.take().is_none()
    }

    /// There is no room for bytes or for names from now on.
    pub fn fill(&self, shortage: Shortage) {
        self.state.lock().shortage = Some(shortage);
    }

    /// There is room again.
    pub fn make_room(&self) {
        self.state.lock().shortage = None;
    }

    /// How many times the power has gone, or the machine has stopped at a chosen moment.
    pub fn cuts(&self) -> u64 {
        self.state.lock().cuts
    }

    /// The power is back, and what used the disk has been killed: it is mounted again.
    pub fn restore_power(&mut self) {
        self.unmount().expect("the disk can be unmounted");
        self.mount().expect("the disk can be mounted again");
    }

    /// Opening this file or folder fails from now on. What is open stays open.
    pub fn fail(&self, path: &Path, error: Errno) {
        let number = std::fs::metadata(path).expect("the file is there").ino();
        self.state.lock().faults.insert(number, error);
    }

    /// Everything can be opened again.
    pub fn stop_failing(&self) {
        self.state.lock().faults.clear();
    }

    fn mount(&mut self) -> io::Result<()> {
        let mut config = Config::default();
        config.mount_options =
            vec![MountOption::FSName("heliostat-forgetful".into()), MountOption::NoDev, MountOption::NoSuid];
        config.n_threads = Some(THREADS);
        let mounted = Mounted::new(self.state.clone());
        self.session = Some(fuser::spawn_mount(mounted, self.folder.path(), &config)?);
        Ok(())
    }

    /// Killed processes may take a moment to let go, and one that was just started may have been missed: it is taken out of
    /// sight at once, and ends for all of them. By the kernel's call, because the program asks the disk, which may have no
    /// power.
    fn unmount(&mut self) -> io::Result<()> {
        let Some(session) = self.session.take() else { return Ok(()) };
        unmount(self.path(), UnmountFlags::DETACH | UnmountFlags::FORCE)?;
        match session.join() {
            // What the kernel says, instead of an end, to a thread that was reading when it closed the connection.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => Ok(()),
            end => end,
        }
    }
}

impl Drop for ForgetfulDisk {
    fn drop(&mut self) {
        // A panic here would end all other tests, too.
        if let Err(error) = self.unmount() {
            eprintln!("the disk at {} cannot be unmounted: {error}", self.path().display());
        }
    }
}
