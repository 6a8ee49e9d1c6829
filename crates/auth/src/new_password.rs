//! Which passwords may be set: long enough, and none that is tried first.
//!
//! As NIST SP 800-63B has it: length counts, what everybody tries is refused, and nothing is said about the kinds of
//! characters. A password that was set before this rule goes on to be accepted at login.

use thiserror::Error;

use crate::{Secret, random_password};

/// Longest password, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 4_096;
/// Fewest characters of a password that is set.
pub const MIN_PASSWORD_CHARACTERS: usize = 8;

/// The passwords of enough length that lists of the commonest begin with, and the names of what is run here. Lower case,
/// since who guesses tries capitals, too.
const COMMON: [&str; 64] = [
    "00000000",
    "0123456789",
    "0987654321",
    "11111111",
    "1111111111",
    "11223344",
    "12121212",
    "123123123",
    "12341234",
    "12344321",
    "12345678",
    "123456789",
    "1234567890",
    "1234567891",
    "123456789a",
    "1234qwer",
    "123qweasd",
    "147258369",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "66666666",
    "87654321",
    "88888888",
    "987654321",
    "999999999",
    "a1234567",
    "a12345678",
    "aa123456",
    "aa12345678",
    "abc12345",
    "abcd1234",
    "abcdefgh",
    "admin123",
    "admin1234",
    "administrator",
    "asdfasdf",
    "asdfghjk",
    "asdfghjkl",
    "baseball",
    "bitbucket",
    "changeit",
    "changeme",
    "computer",
    "football",
    "heliostat",
    "iloveyou",
    "internet",
    "letmein1",
    "p@ssw0rd",
    "passw0rd",
    "password",
    "password!",
    "password1",
    "password12",
    "password123",
    "princess",
    "q1w2e3r4",
    "qwer1234",
    "qwerty123",
    "qwertyui",
    "qwertyuiop",
    "sunshine",
    "zaq12wsx",
];

/// Why a password may not be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnfitPassword {
    /// Fewer than [`MIN_PASSWORD_CHARACTERS`].
    #[error(
        "a new password needs at least {MIN_PASSWORD_CHARACTERS} characters, of any kind; this one has {0}"
    )]
    TooShort(usize),
    /// Longer than [`MAX_PASSWORD_BYTES`].
    #[error("a new password has at most {MAX_PASSWORD_BYTES} bytes; this one has {0}")]
    TooLong(usize),
    /// That of the user, in upper or lower case.
    #[error("a new password must not be the name of its user")]
    UserName,
    /// One of those that are tried first.
    #[error("this is one of the passwords that are tried first; choose another one")]
    Common,
}

/// A password that may be set.
#[derive(Debug, Clone)]
pub struct NewPassword(Secret);

impl NewPassword {
    /// What was chosen for a user, if it is fit. Nothing is trimmed: spaces are characters.
    pub fn chosen(user_name: &str, password: &Secret) -> Result<Self, UnfitPassword> {
        let text = password.expose();
        if text.len() > MAX_PASSWORD_BYTES {
            return Err(UnfitPassword::TooLong(text.len()));
        }
        let characters = text.chars().count();
        if characters < MIN_PASSWORD_CHARACTERS {
            return Err(UnfitPassword::TooShort(characters));
        }
        let lower = text.to_lowercase();
        if lower == user_name.to_lowercase() {
            return Err(UnfitPassword::UserName);
        }
        if COMMON.contains(&lower.as_str()) || is_one_character(text) {
            return Err(UnfitPassword::Common);
        }
        Ok(Self(password.clone()))
    }

    /// A fresh one that can be typed.
    pub fn random() -> Self {
        Self(random_password())
    }

    /// The password itself.
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

/// The same character again and again.
fn is_one_character(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    characters.all(|character| Some(character) == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(password: &str) -> Result<(), UnfitPassword> {
        NewPassword::chosen("Catherine", &Secret::new(password)).map(drop)
    }

    #[test]
    fn length_counts_in_characters_and_nothing_else_is_asked_for() {
        assert_eq!(chosen(""), Err(UnfitPassword::TooShort(0)));
        assert_eq!(chosen("x"), Err(UnfitPassword::TooShort(1)));
        assert_eq!(chosen("seven77"), Err(UnfitPassword::TooShort(7)));
        assert_eq!(chosen("öäüöäüö"), Err(UnfitPassword::TooShort(7)), "characters, not bytes");
        for fit in ["eight8ch", " a b c d", "öäüßéèêë", "correct horse battery staple"] {
            assert_eq!(chosen(fit), Ok(()), "{fit}");
        }
        let longest = "ab".repeat(MAX_PASSWORD_BYTES / 2);
        assert_eq!(chosen(&longest), Ok(()));
        assert_eq!(chosen(&format!("{longest}c")), Err(UnfitPassword::TooLong(MAX_PASSWORD_BYTES + 1)));
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        for name in ["Catherine", "catherine", "CATHERINE"] {
            assert_eq!(chosen(name), Err(UnfitPassword::UserName), "{name}");
        }
        for common in ["12345678", "Password1", "P@ssw0rd", "zzzzzzzzzz"] {
            assert_eq!(chosen(common), Err(UnfitPassword::Common), "{common}");
        }
        assert_eq!(chosen("catherine the second"), Ok(()));
        assert!(NewPassword::chosen("Catherine", NewPassword::random().secret()).is_ok());
    }

    #[test]
    fn the_list_holds_what_could_be_set_without_it() {
        for common in COMMON {
            assert!(common.chars().count() >= MIN_PASSWORD_CHARACTERS, "{common}");
            assert_eq!(common.to_lowercase(), common);
        }
        assert!(COMMON.is_sorted());
    }
}
