//! Which keys, names and slugs are acceptable, and how a slug follows from a name.

use heliostat_downstream::{MAX_LONG_NAME_LENGTH, one_line};
use heliostat_refusal::Refusal;

/// Longest project key, in characters.
pub(crate) const MAX_PROJECT_KEY_LENGTH: usize = 128;
/// Longest name of a project or repository, in characters.
pub(crate) const MAX_NAME_LENGTH: usize = 128;
/// Longest description, in characters.
pub(crate) const MAX_DESCRIPTION_LENGTH: usize = 4_096;

/// Slugs that would be read as something else in a URL or by git.
const RESERVED_SLUGS: [&str; 8] =
    [".", "..", "info", "objects", "git-upload-pack", "git-receive-pack", "repos", "settings"];

/// The slug that no user gets: below `/users/` it is the address of one's own password.
const RESERVED_USER_SLUG: &str = "credentials";

/// A project key as it is stored: upper case, starting with a letter.
pub(crate) fn project_key(text: &str) -> Result<String, Refusal> {
    let key = text.trim().to_ascii_uppercase();
    let valid = key.starts_with(|first: char| first.is_ascii_uppercase())
        && key.len() <= MAX_PROJECT_KEY_LENGTH
        && key
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"_-".contains(&byte));
    if valid {
        return Ok(key);
    }
    Err(Refusal::invalid(
        "key",
        format!(
            "A project key starts with a letter, consists of letters, digits, underscores and hyphens, \
             and has at most {MAX_PROJECT_KEY_LENGTH} characters."
        ),
    ))
}

/// A project's name: any text of one line that is not empty and does not look like a personal project.
pub(crate) fn project_name(text: &str) -> Result<String, Refusal> {
    let name = one_line("name", text, MAX_NAME_LENGTH)?;
    if name.starts_with('~') {
        return Err(Refusal::invalid("name", "A project name does not start with a tilde."));
    }
    Ok(name)
}

/// A repository's name and the slug that follows from it.
pub(crate) fn repository_name(text: &str) -> Result<(String, String), Refusal> {
    let name = one_line("name", text, MAX_NAME_LENGTH)?;
    if !name.starts_with(char::is_alphanumeric) {
        return Err(Refusal::invalid("name", "A repository name starts with a letter or a digit."));
    }
    if !name.chars().all(|character| character.is_alphanumeric() || " -_.".contains(character)) {
        return Err(Refusal::invalid(
            "name",
            "A repository name consists of letters, digits, spaces, hyphens, underscores and periods.",
        ));
    }
    let slug = slug_of(&name);
    if slug.is_empty() {
        let message = format!(
            "The name {name:?} holds none of the letters a to z and digits that its address is made of."
        );
        return Err(Refusal::invalid("name", message));
    }
    if RESERVED_SLUGS.contains(&slug.as_str()) {
        return Err(Refusal::invalid("name", format!("The name {name:?} is reserved; choose another.")));
    }
    if slug.ends_with(".git") || slug.ends_with(".lock") {
        return Err(Refusal::invalid("name", "A repository name does not end with .git or .lock."));
    }
    Ok((name, slug))
}

/// A login name and the slug under which the user appears in URLs.
pub(crate) fn user_name(text: &str) -> Result<(String, String), Refusal> {
    let name = one_line("name", text, MAX_LONG_NAME_LENGTH)?;
    let unusable = |character: char| character.is_whitespace() || ":/\\?#%".contains(character);
    if name.contains(unusable) {
        let message = "A user name contains no spaces and none of : / \\ ? # %.";
        return Err(Refusal::invalid("name", message));
    }
    let slug = slug_of(&name);
    if slug.is_empty() || slug == "." || slug == ".." {
        return Err(Refusal::invalid("name", "A user name contains letters or digits."));
    }
    if slug == RESERVED_USER_SLUG {
        return Err(Refusal::invalid("name", format!("The name {name:?} is reserved; choose another.")));
    }
    Ok((name, slug))
}

/// A description: free text, bounded.
pub(crate) fn description(text: &str) -> Result<String, Refusal> {
    if text.chars().count() > MAX_DESCRIPTION_LENGTH {
        let message = format!("A description has at most {MAX_DESCRIPTION_LENGTH} characters.");
        return Err(Refusal::invalid("description", message));
    }
    // PostgreSQL keeps no text with this character.
    if text.contains('\0') {
        return Err(Refusal::invalid("description", "A description contains no NUL characters."));
    }
    Ok(text.trim().to_owned())
}

/// The description of what is created: none if it is empty.
pub(crate) fn new_description(text: Option<&str>) -> Result<Option<String>, Refusal> {
    Ok(text.map(description).transpose()?.filter(|text| !text.is_empty()))
}

/// Lower case, with everything that does not belong in a URL turned into single hyphens.
fn slug_of(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for character in name.chars() {
        let kept = match character {
            'a'..='z' | '0'..='9' | '.' | '_' => character,
            'A'..='Z' => character.to_ascii_lowercase(),
            _ => '-',
        };
        if kept != '-' || !slug.ends_with('-') {
            slug.push(kept);
        }
    }
    slug.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_follow_from_names() {
        for (name, slug) in [
            ("My Repo", "my-repo"),
            ("rocket", "rocket"),
            ("Rocket_2.0", "rocket_2.0"),
            ("a  -  b", "a-b"),
            ("Überblick", "berblick"),
            ("9lives ", "9lives"),
        ] {
            let (_, derived) = repository_name(name).expect("an acceptable name");
            assert_eq!(derived, slug, "{name}");
        }
    }

    #[test]
    fn unusable_repository_names_are_refused() {
        let long = "x".repeat(MAX_NAME_LENGTH + 1);
        for name in [
            "", "  ", ".", "..", "-x", "_x", "a/b", "a\nb", "info", "Objects", "foo.git", "x.lock", "日本",
            &long,
        ] {
            let error = repository_name(name).expect_err(name);
            assert!(
                matches!(error, Refusal::Invalid { context: Some(field), .. } if field == "name"),
                "{name}"
            );
        }
    }

    #[test]
    fn project_keys_are_upper_case_words() {
        assert_eq!(project_key("prj_1-x").expect("an acceptable key"), "PRJ_1-X");
        let long = "K".repeat(MAX_PROJECT_KEY_LENGTH + 1);
        for key in ["", "1A", "_A", "-A", "A B", "Ä", "~ada", "../X", &long] {
            assert!(project_key(key).is_err(), "{key}");
        }
    }

    #[test]
    fn user_names_may_be_addresses() {
        let (name, slug) = user_name("Ada.L@example.com").expect("an acceptable name");
        assert_eq!((name.as_str(), slug.as_str()), ("Ada.L@example.com", "ada.l-example.com"));
        for name in ["", "a b", "a:b", "a/b", "..", "%00", "Credentials"] {
            assert!(user_name(name).is_err(), "{name}");
        }
    }
}
