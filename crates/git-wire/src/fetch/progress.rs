//! Whether a client wants to see how far the server is. That changes nothing of what its request means, and so it is
//! read beside the request.

use crate::packets::{Command, PacketLine, PacketReader};

/// By this a client says that it shows no progress.
const NO_PROGRESS: &[u8] = b"no-progress";

/// Whether the client of this `fetch` of version 2 wants to see progress.
pub fn wants_progress_v2(command: &Command<'_>) -> bool {
    !command.arguments().any(|argument| argument == NO_PROGRESS)
}

/// Whether the client of this request of version 0 or 1 wants to see progress: capabilities follow the first want.
pub fn wants_progress_v0(request: &[u8]) -> bool {
    match PacketReader::new(request).next() {
        Ok(Some(PacketLine::Data(line))) => {
            !line.split(u8::is_ascii_whitespace).any(|word| word == NO_PROGRESS)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::spelled;

    #[test]
    fn a_client_that_shows_no_progress_says_so() {
        let want = format!("want {}", "1".repeat(40));
        for (word, is_wanted) in [("ofs-delta", true), ("no-progress", false)] {
            let body = spelled(&["command=fetch", "|", &want, word, "done", "."]);
            let command = Command::read(&body).expect("framed").expect("a command");
            assert_eq!(wants_progress_v2(&command), is_wanted);
            let body = spelled(&[&format!("{want} side-band-64k {word}"), ".", "done"]);
            assert_eq!(wants_progress_v0(&body), is_wanted);
        }
        assert!(!wants_progress_v0(b""));
    }
}
