//! Takes what `git` says apart into lines, as it comes, and tells those that are overwritten from those that stay.

use crate::process::keep_tail;

/// Longest line that is read whole.
const MAX_LINE_BYTES: usize = 1024;

/// A line with something in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// What it says, without blanks at its end.
    pub(super) text: &'a str,
    /// Whether a step is counted in it, and the next line stands in its place. The others stay on the screen.
    pub(super) is_overwritten: bool,
}

/// Takes apart what is said.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// A line that has not ended.
    begun: Vec<u8>,
}

impl Lines {
    /// Takes what is said next, and hands on the lines that end in it; a line may go on with the next part.
    pub(super) fn take(&mut self, said: &[u8], mut hand_on: impl FnMut(Line<'_>)) {
        for byte in said {
            match byte {
                b'\r' | b'\n' => self.end_line(*byte == b'\r', &mut hand_on),
                _ if self.begun.len() < MAX_LINE_BYTES => self.begun.push(*byte),
                _ => {}
            }
        }
    }

    /// Hands on the last line: all was said.
    pub(super) fn end(&mut self, hand_on: impl FnOnce(Line<'_>)) {
        self.end_line(false, hand_on);
    }

    fn end_line(&mut self, has_returned: bool, hand_on: impl FnOnce(Line<'_>)) {
        let line = std::mem::take(&mut self.begun);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if !text.is_empty() {
            hand_on(Line { text, is_overwritten: has_returned && is_counting(text) });
        }
    }
}

/// Keeps a line for an error.
pub(super) fn keep_line(tail: &mut Vec<u8>, text: &str) {
    keep_tail(tail, text.as_bytes());
    keep_tail(tail, b"\n");
}

/// Whether it is a title with a number behind it, as git counts. `ssh` ends its lines by a carriage return, too.
fn is_counting(line: &str) -> bool {
    line.split(": ").skip(1).any(|rest| rest.trim_start().starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_in_parts_and_are_bounded() {
        let long = "x".repeat(2 * MAX_LINE_BYTES);
        let mut lines = Lines::default();
        let mut heard = Vec::new();
        for part in ["Counting: ", " 50%\rrefu", "sed\r", "\n \n", &long, "\nfatal"] {
            lines.take(part.as_bytes(), |line| heard.push((line.text.to_owned(), line.is_overwritten)));
        }
        lines.end(|line| heard.push((line.text.to_owned(), line.is_overwritten)));
        let expected = [
            ("Counting:  50%", true),
            ("refused", false),
            (&long[..MAX_LINE_BYTES], false),
            ("fatal", false),
        ];
        assert_eq!(heard, expected.map(|(text, is_overwritten)| (text.to_owned(), is_overwritten)));
    }
}
