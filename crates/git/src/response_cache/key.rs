//! What an answer is the answer to.

use std::path::PathBuf;

/// Names one answer. Whoever makes keys makes sure that two requests with the same key may get the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey {
    /// The number of the repository in its store.
    pub repository: u64,
    /// A hash of everything that the bytes depend on, and of nothing else.
    pub meaning: [u8; 32],
}

impl CacheKey {
    /// Where its entry lies, below the folder of entries.
    pub(super) fn path(&self) -> PathBuf {
        [folder_of(self.repository), hex::encode(self.meaning)].iter().collect()
    }

    /// The key whose entry lies at `folder`/`file`, if there is one.
    pub(super) fn of_path(folder: &str, file: &str) -> Option<Self> {
        let repository = u64::from_str_radix(folder, 16).ok()?;
        let mut meaning = [0; 32];
        hex::decode_to_slice(file, &mut meaning).ok()?;
        let key = Self { repository, meaning };
        (folder == folder_of(repository) && file == hex::encode(meaning)).then_some(key)
    }
}

/// The name of the folder that holds the entries of one repository.
pub(super) fn folder_of(repository: u64) -> String {
    format!("{repository:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_key() {
        let key = CacheKey { repository: 0xab, meaning: [7; 32] };
        let path = key.path();
        let (folder, file) = path.to_str().and_then(|path| path.split_once('/')).expect("two names");
        assert_eq!(CacheKey::of_path(folder, file), Some(key));
        assert_eq!(CacheKey::of_path(folder, &file.to_uppercase().replace("07", "0A")), None);
        assert_eq!(CacheKey::of_path("ab", file), None);
        assert_eq!(CacheKey::of_path(folder, "lost+found"), None);
    }
}
