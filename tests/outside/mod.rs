//! Heliostat as strangers see it: other people's programs against live servers.
//!
//! All of them are ignored in ordinary runs, because they need pinned tools: `cargo xtask test --stage outside`.

mod schemathesis;
mod served_document;
