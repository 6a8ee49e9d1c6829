//! The same work for many numbers, a few at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

/// Does the work for every number below the count, at most `width` at once; the first failure ends it.
pub fn side_by_side<T: Send>(
    width: usize,
    count: usize,
    work: impl Fn(usize) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(count));
    let failure = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..width.min(count) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    match work(number) {
                        Ok(result) => results.lock().push((number, result)),
                        Err(error) => {
                            next.store(count, Ordering::Relaxed);
                            failure.lock().get_or_insert(error.context(format!("number {number}")));
                        }
                    }
                }
            });
        }
    });
    if let Some(error) = failure.into_inner() {
        return Err(error);
    }
    let mut results = results.into_inner();
    results.sort_by_key(|(number, _)| *number);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn results_are_in_order() {
        let squares = side_by_side(4, 100, |number| Ok(number * number)).expect("nothing fails");
        assert_eq!(squares, (0..100).map(|number| number * number).collect::<Vec<_>>());
        assert!(side_by_side(4, 0, Ok).expect("nothing fails").is_empty());
    }

    #[test]
    fn the_first_failure_ends_it() {
        let done = AtomicUsize::new(0);
        let error = side_by_side(1, 100, |number| {
            if number == 3 {
                bail!("no");
            }
            done.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        assert_eq!(error.expect_err("one fails").to_string(), "number 3");
        assert_eq!(done.into_inner(), 3);
    }
}
