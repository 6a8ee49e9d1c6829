//! A line for the people at the client's end, which `git` shows them behind `remote: `.

use bytes::Bytes;

use crate::packets::push_packet;

/// Side band of what is for people.
const PEOPLE: &[u8] = &[2];

/// Side band of what ends a client.
const FATAL: &[u8] = &[3];

/// Longest text. The smallest packets, of clients that know `side-band` only, hold 1,000 bytes.
const MAX_REMOTE_MESSAGE_BYTES: usize = 900;

/// One line, to be sent where [`crate::PackStart`] is found, or in a report about a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteMessage(String);

impl RemoteMessage {
    /// A line that stays on the screen. It is cut when it is too long, and nothing in it controls a terminal.
    pub fn line(text: &str) -> Self {
        Self(plain(text) + "\n")
    }

    /// A line in whose place the next one is shown.
    pub fn passing(text: &str) -> Self {
        Self(plain(text) + "\r")
    }

    /// The packet that carries it.
    pub fn packet(&self) -> Bytes {
        let mut packet = Vec::new();
        push_packet(&mut packet, &[PEOPLE, self.0.as_bytes()]);
        packet.into()
    }
}

/// The packet, among those of a pack, that says why there will be no more of it. The client shows the text and gives up.
pub fn fatal_packet(text: &str) -> Bytes {
    let mut packet = Vec::new();
    push_packet(&mut packet, &[FATAL, plain(text).as_bytes(), b"\n"]);
    packet.into()
}

fn plain(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(MAX_REMOTE_MESSAGE_BYTES)];
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_plain_and_fits() {
        assert_eq!(&RemoteMessage::line("a\nb\x1b[2J").packet()[..], b"000d\x02a b [2J\n");
        assert_eq!(&RemoteMessage::passing("5 %").packet()[..], b"0009\x025 %\r");
        assert_eq!(&fatal_packet("n\to")[..], b"0009\x03n o\n");
        let long = RemoteMessage::line(&"ü".repeat(MAX_REMOTE_MESSAGE_BYTES)).packet();
        assert_eq!(long.len(), 4 + 1 + MAX_REMOTE_MESSAGE_BYTES + 1);
    }
}
