//! An error with its causes in one line, for logs and for people who read `/status`.

use std::error::Error;

/// The error and everything that led to it: `cannot read ref main: permission denied`.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot start")]
    struct Outer(#[source] std::fmt::Error);

    #[test]
    fn causes_follow_the_error() {
        let inner = std::fmt::Error;
        assert_eq!(with_causes(&Outer(inner)), format!("cannot start: {inner}"));
        assert_eq!(with_causes(&inner), inner.to_string());
    }
}
