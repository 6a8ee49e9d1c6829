//! A server's process as the kernel sees it: its children, its open files, its memory.

use std::fs;

use crate::harness::Server;

/// Processes that the server has started and that still run.
pub fn children_of(server: &Server) -> usize {
    let parent = process_id(server);
    let processes = fs::read_dir("/proc").expect("there is /proc").flatten();
    let stats = processes.filter_map(|process| fs::read_to_string(process.path().join("stat")).ok());
    // The name in the second field is in parentheses and may hold anything; the parent is the second one after it.
    stats
        .filter(|stat| {
            stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)) == Some(&parent)
        })
        .count()
}

/// Files and connections that it has open.
pub fn open_files_of(server: &Server) -> usize {
    fs::read_dir(format!("/proc/{}/fd", process_id(server))).expect("the server runs").count()
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

fn process_id(server: &Server) -> String {
    server.process_id().expect("the server runs").to_string()
}
