//! A number with its noun, for people who read `/status`, pages and the command line.

use std::fmt::Display;

/// The number and the words that go with it: `1 repository is`, `0 repositories are`.
pub fn counted<N>(count: N, one: &str, many: &str) -> String
where
    N: Copy + Display + PartialEq + From<u8>,
{
    format!("{count} {}", if count == N::from(1) { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        let told: Vec<_> = [0_u64, 1, 2, 21].map(|count| counted(count, "mirror", "mirrors")).into();
        assert_eq!(told, ["0 mirrors", "1 mirror", "2 mirrors", "21 mirrors"]);
        assert_eq!(counted(1_usize, "mirror is", "mirrors are"), "1 mirror is");
    }
}
