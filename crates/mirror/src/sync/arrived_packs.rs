//! Packs that came inside events and wait for the synchronisation that needs them. They only save a fetch, so what there is
//! no room for is let go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// Most that packs of all repositories take together while they wait.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// Most for one repository; with more, one fetch is cheaper.
const MAX_BYTES_OF_ONE: usize = 1024 * 1024;

/// What a pack costs besides its bytes.
const OVERHEAD_BYTES: usize = 128;

static WAITING_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Packs in the order in which they were pushed.
#[derive(Debug, Clone, Default)]
pub(crate) struct ArrivedPacks(Vec<Arc<Waiting>>);

/// One pack, which counts as waiting as long as it is referenced.
#[derive(Debug)]
struct Waiting {
    pack: Bytes,
    counted: usize,
}

impl Waiting {
    fn new(pack: Bytes) -> Option<Self> {
        let counted = pack.len() + OVERHEAD_BYTES;
        let before = WAITING_BYTES.fetch_add(counted, Ordering::Relaxed);
        let waiting = Self { pack, counted };
        (before + counted <= MAX_WAITING_BYTES).then_some(waiting)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING_BYTES.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

impl ArrivedPacks {
    /// Packs that have just arrived; `None` when there is no room for them.
    pub(crate) fn hold(packs: Vec<Bytes>) -> Option<Self> {
        let held: Option<Vec<_>> = packs.into_iter().map(|pack| Waiting::new(pack).map(Arc::new)).collect();
        held.map(Self).filter(Self::is_little)
    }

    /// These and then the later ones; `None` when that is too much.
    pub(super) fn followed_by(mut self, later: Self) -> Option<Self> {
        self.0.extend(later.0);
        Some(self).filter(Self::is_little)
    }

    /// The packs.
    pub(super) fn packs(&self) -> Vec<Bytes> {
        self.0.iter().map(|waiting| waiting.pack.clone()).collect()
    }

    fn is_little(&self) -> bool {
        self.0.iter().map(|waiting| waiting.counted).sum::<usize>() <= MAX_BYTES_OF_ONE
    }
}

impl PartialEq for ArrivedPacks {
    fn eq(&self, other: &Self) -> bool {
        self.packs() == other.packs()
    }
}

impl Eq for ArrivedPacks {}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(bytes: usize) -> Bytes {
        vec![0; bytes].into()
    }

    #[test]
    fn what_is_too_much_for_one_repository_is_let_go() {
        let hold = |bytes| ArrivedPacks::hold(vec![pack(bytes)]);
        let first = hold(MAX_BYTES_OF_ONE / 2).expect("little");
        assert!(first.clone().followed_by(hold(1_000).expect("little")).is_some());
        assert!(first.followed_by(hold(MAX_BYTES_OF_ONE / 2).expect("little")).is_none());
        assert!(hold(MAX_BYTES_OF_ONE).is_none());
        assert!(hold(MAX_WAITING_BYTES).is_none());
    }
}
