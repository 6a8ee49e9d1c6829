//! Where the body of an HTTP answer ends, and its bytes without the framing.

use anyhow::{Context, bail, ensure};

/// How an answer tells where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// After so many bytes.
    Known(u64),
    /// With an empty chunk.
    Chunked,
    /// With the connection.
    UntilEnd,
}

/// Takes what arrives and hands on what is of the body.
#[derive(Debug)]
pub struct BodyReader(State);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Known(u64),
    UntilEnd,
    /// In the line with a chunk's size; `true` once the size is over and only an extension can follow.
    Size(u64, bool),
    Chunk(u64),
    /// In the line break after a chunk.
    ChunkEnd,
    /// In the lines after the last chunk; how many bytes the present one has.
    Trailer(u64),
    Done,
}

impl BodyReader {
    /// Before the first byte.
    pub fn new(length: Length) -> Self {
        BodyReader(match length {
            Length::Known(0) => State::Done,
            Length::Known(bytes) => State::Known(bytes),
            Length::Chunked => State::Size(0, false),
            Length::UntilEnd => State::UntilEnd,
        })
    }

    /// Whether nothing more can come.
    pub fn is_done(&self) -> bool {
        self.0 == State::Done
    }

    /// The connection has ended.
    pub fn end(&self) -> anyhow::Result<()> {
        ensure!(
            matches!(self.0, State::Done | State::UntilEnd),
            "the connection ended in the body of the answer"
        );
        Ok(())
    }

    /// Takes the next bytes.
    pub fn take(&mut self, mut bytes: &[u8], body: &mut impl FnMut(&[u8])) -> anyhow::Result<()> {
        while !bytes.is_empty() {
            match self.0 {
                State::Done => bail!("the server sent more than the body of the answer"),
                State::UntilEnd => {
                    body(bytes);
                    return Ok(());
                }
                State::Known(left) | State::Chunk(left) => {
                    let taken = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    body(&bytes[..taken]);
                    bytes = &bytes[taken..];
                    let left = left - taken as u64;
                    self.0 = match self.0 {
                        State::Known(_) if left == 0 => State::Done,
                        State::Known(_) => State::Known(left),
                        _ if left == 0 => State::ChunkEnd,
                        _ => State::Chunk(left),
                    };
                }
                _ => {
                    self.0 = self.0.after(bytes[0])?;
                    bytes = &bytes[1..];
                }
            }
        }
        Ok(())
    }
}

impl State {
    /// After a byte of the framing.
    fn after(self, byte: u8) -> anyhow::Result<Self> {
        Ok(match (self, byte) {
            (State::Size(0, _), b'\n') => State::Trailer(0),
            (State::Size(size, _), b'\n') => State::Chunk(size),
            (State::Size(size, _), b'\r' | b';' | b' ') => State::Size(size, true),
            (State::Size(size, true), _) => State::Size(size, true),
            (State::Size(size, false), digit) => {
                let digit = char::from(digit).to_digit(16).context("the size of a chunk is no number")?;
                let larger = size.checked_mul(16).context("a chunk is too large")?;
                State::Size(larger + u64::from(digit), false)
            }
            (State::ChunkEnd, b'\n') => State::Size(0, false),
            (State::ChunkEnd, b'\r') => State::ChunkEnd,
            (State::Trailer(0), b'\n') => State::Done,
            (State::Trailer(_), b'\n') => State::Trailer(0),
            (State::Trailer(length), b'\r') => State::Trailer(length),
            (State::Trailer(length), _) => State::Trailer(length + 1),
            _ => bail!("a chunk does not end where it should"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(length: Length, pieces: &[&str]) -> anyhow::Result<String> {
        let mut reader = BodyReader::new(length);
        let mut found = Vec::new();
        for piece in pieces {
            reader.take(piece.as_bytes(), &mut |bytes: &[u8]| found.extend(bytes))?;
        }
        reader.end()?;
        Ok(String::from_utf8(found)?)
    }

    #[test]
    fn chunks_are_joined_however_they_arrive() {
        let whole = "4\r\nab\r\n\r\n1a;note=\"x\"\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nTrailer: 1\r\n\r\n";
        let expected = "ab\r\nabcdefghijklmnopqrstuvwxyz";
        assert_eq!(body(Length::Chunked, &[whole]).expect("it is whole"), expected);
        let bytes: Vec<String> = whole.chars().map(String::from).collect();
        let bytes: Vec<&str> = bytes.iter().map(String::as_str).collect();
        assert_eq!(body(Length::Chunked, &bytes).expect("it is whole"), expected);
    }

    #[test]
    fn short_and_long_answers_are_errors() {
        assert_eq!(body(Length::Known(4), &["ab", "cd"]).expect("it is whole"), "abcd");
        assert_eq!(body(Length::UntilEnd, &["ab"]).expect("it is whole"), "ab");
        assert!(body(Length::Known(5), &["abcd"]).is_err());
        assert!(body(Length::Known(3), &["abcd"]).is_err());
        assert!(body(Length::Chunked, &["4\r\nabcd\r\n"]).is_err());
        assert!(body(Length::Chunked, &["x\r\n"]).is_err());
    }
}
