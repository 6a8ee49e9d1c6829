//! What the repositories of one store share in order to answer readers.

/// What an operator decides about serving.
#[derive(Debug, Clone, Default)]
pub struct ServingOptions {}

/// Shared by all repositories of a store. It knows nobody's name and nothing of HTTP.
#[derive(Debug, Default)]
pub struct ServingEngine {}

impl ServingEngine {
    /// An engine with these options.
    pub fn new(_options: &ServingOptions) -> Self {
        Self {}
    }
}
