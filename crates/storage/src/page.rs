//! Pages of a list, in the stable order of the ids.

/// Which part of a list is wanted. The caller bounds `limit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// How many values to leave out.
    pub start: u64,
    /// How many values to return at most.
    pub limit: u64,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The values of this page.
    pub values: Vec<T>,
    /// How many values were left out before them.
    pub start: u64,
    /// How many values were asked for.
    pub limit: u64,
    /// Whether nothing follows.
    pub is_last: bool,
    /// Where the next page starts, if there is one.
    pub next_start: Option<u64>,
}

impl PageRequest {
    /// How many rows to leave out, in a number that the databases take.
    pub(crate) fn offset(self) -> u64 {
        self.start.min(i64::MAX as u64)
    }

    /// How many rows to ask for: one more than wanted, to learn whether any follows.
    pub(crate) fn rows(self) -> u64 {
        self.limit.saturating_add(1).min(i64::MAX as u64)
    }
}

impl<T> Page<T> {
    /// Cuts a page from values of which one more than the limit was asked for.
    pub(crate) fn cut(mut values: Vec<T>, request: PageRequest) -> Self {
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let is_last = values.len() <= limit;
        values.truncate(limit);
        let next_start = (!is_last).then(|| request.start.saturating_add(values.len() as u64));
        Self { values, start: request.start, limit: request.limit, is_last, next_start }
    }

    /// Cuts a page out of a whole list.
    pub fn of_all(values: Vec<T>, request: PageRequest) -> Self {
        let start = usize::try_from(request.start).unwrap_or(usize::MAX);
        let rows = usize::try_from(request.rows()).unwrap_or(usize::MAX);
        Self::cut(values.into_iter().skip(start).take(rows).collect(), request)
    }

    /// The same page of other values.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page {
            values: self.values.into_iter().map(convert).collect(),
            start: self.start,
            limit: self.limit,
            is_last: self.is_last,
            next_start: self.next_start,
        }
    }
}
