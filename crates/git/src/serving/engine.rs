//! What the repositories of one store share in order to answer readers.

use std::path::PathBuf;

use crate::serving::ServingCounters;

/// Most bytes of stored answers, unless set otherwise: 10 GiB.
pub const DEFAULT_CACHE_BYTES: u64 = 10 * 1024 * 1024 * 1024;
/// Most bytes of references kept in memory, unless set otherwise: 256 MiB.
pub const DEFAULT_REF_MEMORY_BYTES: u64 = 256 * 1024 * 1024;

/// What an operator decides about serving.
#[derive(Debug, Clone)]
pub struct ServingOptions {
    /// Where answers are stored; `None` stores none.
    pub cache_folder: Option<PathBuf>,
    /// Most bytes that stored answers take on disk, over all repositories.
    pub cache_bytes: u64,
    /// Most bytes of references kept in memory, over all repositories.
    pub ref_memory_bytes: u64,
    /// How many answers are computed at once; others wait for their turn.
    pub computations: usize,
}

impl Default for ServingOptions {
    /// Nothing is stored, references are remembered, and each core computes one answer.
    fn default() -> Self {
        Self {
            cache_folder: None,
            cache_bytes: DEFAULT_CACHE_BYTES,
            ref_memory_bytes: DEFAULT_REF_MEMORY_BYTES,
            computations: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// Shared by all repositories of a store. It knows nobody's name and nothing of HTTP.
#[derive(Debug, Default)]
pub struct ServingEngine {}

impl ServingEngine {
    /// An engine with these options.
    pub fn new(_options: &ServingOptions) -> Self {
        Self {}
    }

    /// What it has done so far.
    pub fn counters(&self) -> ServingCounters {
        ServingCounters::default()
    }
}
