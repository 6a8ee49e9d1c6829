//! What the repositories of one store share in order to answer readers.

use crate::ref_cache::{DEFAULT_REF_MEMORY_BYTES, RefCache};

/// What an operator decides about serving.
#[derive(Debug, Clone)]
pub struct ServingOptions {
    /// Most memory that references of repositories take, together with the lists made of them.
    pub ref_memory_bytes: u64,
}

/// Shared by all repositories of a store. It knows nobody's name and nothing of HTTP.
#[derive(Debug, Default)]
pub struct ServingEngine {
    refs: RefCache,
}

impl Default for ServingOptions {
    fn default() -> Self {
        Self { ref_memory_bytes: DEFAULT_REF_MEMORY_BYTES }
    }
}

impl ServingEngine {
    /// An engine with these options.
    pub fn new(options: &ServingOptions) -> Self {
        Self { refs: RefCache::new(options.ref_memory_bytes) }
    }

    /// The references that are in memory.
    pub(crate) fn refs(&self) -> &RefCache {
        &self.refs
    }
}
