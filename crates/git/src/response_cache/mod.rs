//! Answers to fetches, computed once for all who ask and kept as the bytes that clients see.

mod reader;

pub use reader::{EntryReader, Piece};
