//! A server's process as the kernel sees it: its children, its open files, its memory.

use std::fs;
use std::path::PathBuf;

use crate::harness::Server;

/// Processes that the server has started and that still run.
pub fn children_of(server: &Server) -> usize {
    children(server).len()
}

/// Those of them that write an answer for a client, and not a pack for the server itself.
pub fn answers_written_by(server: &Server) -> usize {
    let writes_answer = |id: &String| {
        let arguments = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let mut arguments = arguments.split(|byte| *byte == 0);
        arguments.any(|argument| argument == b"upload-pack" || argument == b"--stdout")
    };
    children(server).iter().filter(|id| writes_answer(id)).count()
}

/// Files and connections that it has open.
pub fn open_files_of(server: &Server) -> usize {
    fs::read_dir(format!("/proc/{}/fd", process_id(server))).expect("the server runs").count()
}

/// How long the files without a name among them are together: they hold what has arrived of long requests.
pub fn nameless_bytes_of(server: &Server) -> u64 {
    let open = fs::read_dir(format!("/proc/{}/fd", process_id(server))).expect("the server runs").flatten();
    // The kernel says so behind the name that they never had, or no longer have.
    let is_nameless = |place: &PathBuf| {
        fs::read_link(place).is_ok_and(|target| target.to_string_lossy().ends_with(" (deleted)"))
    };
    let files = open.map(|file| file.path()).filter(is_nameless);
    files.filter_map(|file| fs::metadata(file).ok()).map(|metadata| metadata.len()).sum()
}

/// The most memory that it has had since [`forget_peak_of`].
pub fn peak_memory_bytes_of(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process_id(server))).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("is a number");
    kibibytes * 1024
}

/// Lets the peak begin at what it has now.
pub fn forget_peak_of(server: &Server) {
    // Documented in proc(5): 5 resets the peak resident set size.
    fs::write(format!("/proc/{}/clear_refs", process_id(server)), "5").expect("the peak can be reset");
}

/// The ids of those that it has started and that still run.
fn children(server: &Server) -> Vec<String> {
    let parent = process_id(server);
    let processes = fs::read_dir("/proc").expect("there is /proc").flatten();
    // The name in the second field is in parentheses and may hold anything; the parent is the second one after it.
    let is_child =
        |stat: &str| stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)) == Some(&parent);
    let children = processes
        .filter(|process| fs::read_to_string(process.path().join("stat")).is_ok_and(|stat| is_child(&stat)));
    children.filter_map(|process| process.file_name().into_string().ok()).collect()
}

fn process_id(server: &Server) -> String {
    server.process_id().expect("the server runs").to_string()
}
