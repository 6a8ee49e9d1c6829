//! Reads in Git's words which object a server did not give, and why.

use crate::history::Denial;

/// Before the name of an object that belongs to no reference.
const NOT_OURS: &str = "not our ref ";
/// After the name of an object of which a mirror knows too little.
const NOT_NOW: &str = " cannot be given now";

/// The object that was not given, and how that was said; `None` for words about anything else.
pub fn denied(said: &str) -> Option<(Denial, String)> {
    if let Some((_, rest)) = said.split_once(NOT_OURS) {
        let name = rest.split_whitespace().next()?;
        return Some((Denial::NotOurs, name.to_owned()));
    }
    let (before, _) = said.split_once(NOT_NOW)?;
    let name = before.split_whitespace().next_back()?;
    Some((Denial::NotNow, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_given_is_read_off_the_words() {
        for (said, expected) in [
            ("fatal: remote error: upload-pack: not our ref 12ab\n", Some((Denial::NotOurs, "12ab"))),
            ("upload-pack: 12ab cannot be given now: no answer", Some((Denial::NotNow, "12ab"))),
            ("fatal: the remote end hung up", None),
        ] {
            assert_eq!(denied(said), expected.map(|(denial, name)| (denial, name.to_owned())), "{said}");
        }
    }
}
