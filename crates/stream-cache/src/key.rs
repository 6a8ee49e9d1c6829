//! What an answer is the answer to.

use std::path::PathBuf;

/// Names one answer. The maker of keys makes sure that two requests with the same key may get the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey {
    /// The number of the group in its store.
    pub group: u64,
    /// A hash of everything that the bytes depend on, and of nothing else.
    pub digest: [u8; 32],
}

impl CacheKey {
    /// Where its entry lies, below the folder of entries.
    pub(crate) fn path(&self) -> PathBuf {
        [folder_of(self.group), hex::encode(self.digest)].iter().collect()
    }

    /// The key whose entry lies at `folder`/`file`, if there is one.
    pub(crate) fn of_path(folder: &str, file: &str) -> Option<Self> {
        let group = u64::from_str_radix(folder, 16).ok()?;
        let mut digest = [0; 32];
        hex::decode_to_slice(file, &mut digest).ok()?;
        let key = Self { group, digest };
        (folder == folder_of(group) && file == hex::encode(digest)).then_some(key)
    }
}

/// The name of the folder that holds the entries of one group.
pub(crate) fn folder_of(group: u64) -> String {
    format!("{group:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_key() {
        let key = CacheKey { group: 0xab, digest: [7; 32] };
        let path = key.path();
        let (folder, file) = path.to_str().and_then(|path| path.split_once('/')).expect("two names");
        assert_eq!(CacheKey::of_path(folder, file), Some(key));
        assert_eq!(CacheKey::of_path(folder, &file.to_uppercase().replace("07", "0A")), None);
        assert_eq!(CacheKey::of_path("ab", file), None);
        assert_eq!(CacheKey::of_path(folder, "lost+found"), None);
    }
}
