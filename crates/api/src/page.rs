//! What all pages of the contract have in common.

/// Where a page lies among all values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageBounds {
    /// How many values are on it.
    pub size: i32,
    /// How many there could be.
    pub limit: i32,
    /// Where it starts.
    pub start: i64,
    /// Whether nothing comes after it.
    pub is_last_page: bool,
    /// Where the next one starts, if there is one.
    pub next_page_start: Option<i64>,
}

/// A schema that is a page.
pub trait WirePage {
    /// What is on it.
    type Value;

    /// The page with these values.
    fn of(bounds: PageBounds, values: Vec<Self::Value>) -> Self;
}
