//! What the user's configuration of git has already, read once: what is added must not be there twice, and what is taken away
//! must be there.

use std::path::Path;

use super::rewrites::{Rewrite, Setting};
use crate::local_git::UserGit;

/// Matches the names of all settings that [`Setting`] knows, as git lists them.
const SECTIONS: &str = r"^(url|credential)\.";

/// Settings of git with their values, in their order; none if it was not asked.
#[derive(Debug, Default)]
pub struct Configured {
    settings: Vec<Setting>,
}

impl Configured {
    /// Asks git. A configuration that git cannot read is an error, and one that is not there is empty.
    pub async fn read(git: &UserGit) -> anyhow::Result<Self> {
        let question = ["config", "--global", "--null", "--get-regexp", SECTIONS];
        let listed = git.find_settings(Path::new("."), &question).await?;
        Ok(Self::parse(&listed.unwrap_or_default()))
    }

    /// Git ends each setting with a NUL, and its name with a line break if a value follows.
    fn parse(listed: &str) -> Self {
        let lines = listed.split('\0').filter_map(|setting| setting.split_once('\n'));
        let settings = lines.map(|(key, value)| Setting { key: key.to_owned(), value: value.to_owned() });
        Self { settings: settings.collect() }
    }

    /// Whether this setting is there.
    pub fn has(&self, setting: &Setting) -> bool {
        let key = as_listed(&setting.key);
        self.settings.iter().any(|there| there.key == key && there.value == setting.value)
    }

    /// All that git reads from elsewhere.
    pub fn rewrites(&self) -> impl Iterator<Item = Rewrite> {
        self.settings.iter().filter_map(|Setting { key, value }| {
            let to = key.strip_prefix("url.")?.strip_suffix(".insteadof")?;
            Some(Rewrite { from: value.clone(), to: to.to_owned() })
        })
    }
}

/// The name of a setting as git lists it: the last part in lower case, and the address before it as it was written.
fn as_listed(key: &str) -> String {
    match key.rsplit_once('.') {
        Some((place, name)) => format!("{place}.{}", name.to_ascii_lowercase()),
        None => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_lists_is_found_by_the_names_that_are_written() {
        let configured = Configured::parse(
            "url.http://m/Team/.insteadof\nhttps://a.b/\0credential.helper\0url.https://a.b/.pushinsteadof\nhttps://a.b/\0",
        );
        let rewrite = |to: &str| Rewrite { from: "https://a.b/".to_owned(), to: to.to_owned() };
        assert_eq!(configured.rewrites().collect::<Vec<_>>(), [rewrite("http://m/Team/")]);
        assert!(Setting::of(&rewrite("http://m/Team/")).iter().all(|setting| configured.has(setting)));
        let [read, push] = Setting::of(&rewrite("http://m/team/"));
        assert!(
            !configured.has(&read) && configured.has(&push),
            "addresses differ by the case of their letters"
        );
        assert_eq!(Configured::parse("").rewrites().count(), 0);
    }
}
