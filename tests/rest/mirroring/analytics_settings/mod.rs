//! The analytics settings.

#[expect(clippy::module_inception, reason = "the contract has an operation with the name of its resource")]
mod analytics_settings;
