//! The benchmarks: a file each, and families that share what they do.

mod b01_hot_full_clones;
mod b02_hot_shallow_clones;
mod b03_shallow_burst;
mod b04_shallow_burst_by_git;
mod b05_full_burst;
mod b06_cold_burst;
mod b07_memory_of_clones;
mod b08_small_listings;
mod b09_many_refs;
mod b10_one_commit_fetch;
mod b11_unchanged_sweep;
mod b12_follow_push;
mod b14_content_hash;
mod b15_far_upstream;
mod b16_first_after_push;
mod b17_first_synchronisation;
mod b18_large_repository;
mod b19_rest_requests;
mod b20_all_hashes;
mod b21_durable_pushes;
mod b24_foreign_mirror;
mod bursts;
mod hostile_clients;
mod hot_clones;
mod import_and_mirror;
mod memory_of_roles;
mod one_ref_of_many;
mod tls_hot_clones;

use anyhow::bail;

use crate::peers;
use crate::results::report::Report;
use crate::run::Run;

/// A benchmark.
pub struct Benchmark {
    /// As it is asked for.
    pub name: &'static str,
    /// One line for the list.
    pub summary: &'static str,
    /// Measures.
    pub run: fn(&Run) -> anyhow::Result<Report>,
}

/// All of them, in the order in which they run.
const BENCHMARKS: &[Benchmark] = &[
    Benchmark { name: "B1", summary: b01_hot_full_clones::SUMMARY, run: b01_hot_full_clones::run },
    Benchmark { name: "B2", summary: b02_hot_shallow_clones::SUMMARY, run: b02_hot_shallow_clones::run },
    Benchmark { name: "B3", summary: b03_shallow_burst::SUMMARY, run: b03_shallow_burst::run },
    Benchmark { name: "B4", summary: b04_shallow_burst_by_git::SUMMARY, run: b04_shallow_burst_by_git::run },
    Benchmark { name: "B5", summary: b05_full_burst::SUMMARY, run: b05_full_burst::run },
    Benchmark { name: "B6", summary: b06_cold_burst::SUMMARY, run: b06_cold_burst::run },
    Benchmark { name: "B7", summary: b07_memory_of_clones::SUMMARY, run: b07_memory_of_clones::run },
    Benchmark { name: "B8", summary: b08_small_listings::SUMMARY, run: b08_small_listings::run },
    Benchmark { name: "B9", summary: b09_many_refs::SUMMARY, run: b09_many_refs::run },
    Benchmark { name: "B10", summary: b10_one_commit_fetch::SUMMARY, run: b10_one_commit_fetch::run },
    Benchmark { name: "B11", summary: b11_unchanged_sweep::SUMMARY, run: b11_unchanged_sweep::run },
    Benchmark { name: "B12", summary: b12_follow_push::SUMMARY, run: b12_follow_push::run },
    Benchmark {
        name: "B13",
        summary: one_ref_of_many::SUMMARY_OF_200_000,
        run: one_ref_of_many::run_200_000,
    },
    Benchmark { name: "B14", summary: b14_content_hash::SUMMARY, run: b14_content_hash::run },
    Benchmark { name: "B15", summary: b15_far_upstream::SUMMARY, run: b15_far_upstream::run },
    Benchmark { name: "B16", summary: b16_first_after_push::SUMMARY, run: b16_first_after_push::run },
    Benchmark {
        name: "B17",
        summary: b17_first_synchronisation::SUMMARY,
        run: b17_first_synchronisation::run,
    },
    Benchmark { name: "B18", summary: b18_large_repository::SUMMARY, run: b18_large_repository::run },
    Benchmark { name: "B19", summary: b19_rest_requests::SUMMARY, run: b19_rest_requests::run },
    Benchmark { name: "B20", summary: b20_all_hashes::SUMMARY, run: b20_all_hashes::run },
    Benchmark { name: "B21", summary: b21_durable_pushes::SUMMARY, run: b21_durable_pushes::run },
    Benchmark { name: "B24", summary: b24_foreign_mirror::SUMMARY, run: b24_foreign_mirror::run },
    Benchmark {
        name: "B27",
        summary: one_ref_of_many::SUMMARY_OF_600_000,
        run: one_ref_of_many::run_600_000,
    },
    Benchmark { name: "IMPORT", summary: import_and_mirror::SUMMARY, run: import_and_mirror::run },
    Benchmark { name: "HOSTILE", summary: hostile_clients::SUMMARY, run: hostile_clients::run },
    Benchmark { name: "TLS", summary: tls_hot_clones::SUMMARY, run: tls_hot_clones::run },
    Benchmark { name: "MEM", summary: memory_of_roles::SUMMARY, run: memory_of_roles::run },
];

/// The named ones in the order of the list.
pub fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Benchmark>> {
    let is_known = |name: &String| name == "all" || BENCHMARKS.iter().any(|known| is_name_of(name, known));
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        bail!("there is no benchmark {unknown:?}; `cargo xtask bench` lists them");
    }
    let is_chosen =
        |benchmark: &&Benchmark| names.iter().any(|name| name == "all" || is_name_of(name, benchmark));
    Ok(BENCHMARKS.iter().filter(is_chosen).collect())
}

fn is_name_of(name: &str, benchmark: &Benchmark) -> bool {
    name.eq_ignore_ascii_case(benchmark.name)
}

/// What there is, a line each, and which peers are missing.
pub fn listing() -> String {
    let lines = BENCHMARKS.iter().map(|benchmark| format!("{:<7} {}", benchmark.name, benchmark.summary));
    let absent = peers::missing().into_iter().map(|missing| format!("left out: {missing} (--install-peers)"));
    lines.chain(absent).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(asked: &[&str]) -> Vec<&'static str> {
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        chosen(&asked).expect("they are known").iter().map(|benchmark| benchmark.name).collect()
    }

    #[test]
    fn benchmarks_are_chosen_by_name() {
        assert!(names(&[]).is_empty());
        assert_eq!(names(&["b19", "B12"]), ["B12", "B19"]);
        assert_eq!(names(&["all"]).len(), BENCHMARKS.len());
        assert!(chosen(&["B99".to_owned()]).is_err());
    }

    #[test]
    fn every_benchmark_has_one_line() {
        let listing = listing();
        let lines = listing.lines().filter(|line| !line.starts_with("left out: "));
        assert_eq!(lines.count(), BENCHMARKS.len());
    }
}
