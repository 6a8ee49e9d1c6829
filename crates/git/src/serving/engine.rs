//! What the repositories of one store share in order to answer readers.

use crate::upkeep::Upkeep;

/// What an operator decides about serving.
#[derive(Debug, Clone, Default)]
pub struct ServingOptions {}

/// Shared by all repositories of a store. It knows nobody's name and nothing of HTTP.
#[derive(Debug, Default)]
pub struct ServingEngine {
    upkeep: Upkeep,
}

impl ServingEngine {
    /// An engine with these options.
    pub fn new(_options: &ServingOptions) -> Self {
        Self::default()
    }

    /// What keeps the repositories fast, and what it has done.
    pub fn upkeep(&self) -> &Upkeep {
        &self.upkeep
    }
}
