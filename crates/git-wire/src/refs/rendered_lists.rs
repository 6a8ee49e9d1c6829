//! Lists of references as clients see them, kept because most clients ask for the same few.

use bytes::Bytes;
use parking_lot::Mutex;

use crate::refs::{LegacyVersion, LsRefs};

/// How many lists are kept of one snapshot.
const MAX_LISTS: usize = 8;

/// One of the forms in which references are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListForm {
    /// The answer to a command of version 2.
    LsRefs(LsRefs),
    /// The whole advertisement of an older version.
    Legacy(LegacyVersion),
}

/// Lists of one snapshot, which does not change. Bounded in number and in bytes.
#[derive(Debug, Default)]
pub(crate) struct RenderedLists {
    /// The one used last comes last.
    lists: Mutex<Vec<(ListForm, Bytes)>>,
    limit_bytes: u64,
}

impl RenderedLists {
    /// No list yet; together they take at most so many bytes.
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self { lists: Mutex::default(), limit_bytes }
    }

    /// Most that the lists take together.
    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// The list of this form. Those who ask while it is being made wait for it: it takes milliseconds, and a list of
    /// its own for each of them would take memory that is not counted.
    pub(crate) fn get_or_make(&self, form: &ListForm, make: impl FnOnce() -> Bytes) -> Bytes {
        let mut lists = self.lists.lock();
        if let Some(index) = lists.iter().position(|(kept, _)| kept == form) {
            lists[index..].rotate_left(1);
            return lists[lists.len() - 1].1.clone();
        }
        let list = make();
        let size = |(form, list): &(ListForm, Bytes)| form.memory_bytes() + list.len() as u64;
        let new = (form.clone(), list.clone());
        if size(&new) <= self.limit_bytes {
            lists.push(new);
        }
        while lists.len() > MAX_LISTS || lists.iter().map(size).sum::<u64>() > self.limit_bytes {
            lists.remove(0);
        }
        list
    }
}

impl ListForm {
    fn memory_bytes(&self) -> u64 {
        match self {
            Self::LsRefs(request) => request.memory_bytes(),
            Self::Legacy(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(prefix: &str) -> ListForm {
        let argument = format!("ref-prefix {prefix}");
        ListForm::LsRefs(LsRefs::parse([argument.as_bytes()]).expect("valid"))
    }

    #[test]
    fn the_same_list_is_made_once() {
        let lists = RenderedLists::new(1000);
        let first = lists.get_or_make(&form("a"), || Bytes::from_static(b"list"));
        let second = lists.get_or_make(&form("a"), || panic!("it is there"));
        assert_eq!(first.as_ptr(), second.as_ptr());
    }

    #[test]
    fn the_list_that_was_used_least_lately_goes() {
        let lists = RenderedLists::new(2200);
        let list = || Bytes::from(vec![b'x'; 1000]);
        lists.get_or_make(&form("a"), list);
        lists.get_or_make(&form("b"), list);
        lists.get_or_make(&form("a"), || panic!("it is there"));
        lists.get_or_make(&form("c"), list);
        lists.get_or_make(&form("a"), || panic!("it is there"));
        let mut was_made = false;
        lists.get_or_make(&form("b"), || {
            was_made = true;
            list()
        });
        assert!(was_made);
        // One that does not fit at all throws nothing out.
        lists.get_or_make(&form("d"), || Bytes::from(vec![b'x'; 3000]));
        lists.get_or_make(&form("b"), || panic!("it is there"));
    }
}
