//! What an upstream holds, in numbers.

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpstreamHoldings {
    /// Projects.
    pub projects: u64,
    /// Repositories.
    pub repositories: u64,
    /// Users, those that may not sign in included.
    pub users: u64,
    /// Webhooks, those that are switched off included.
    pub webhooks: u64,
}

/// Events that no webhook has taken in yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitingForWebhooks {
    /// How many.
    pub events: u64,
    /// Webhooks that did not take the last event that they were sent.
    pub failing_webhooks: u64,
    /// When the oldest of the events was recorded, in epoch milliseconds.
    pub oldest_at: Option<i64>,
}
