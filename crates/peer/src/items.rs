//! A long JSON answer that is read item by item, so that its length costs no memory.
//!
//! The document is an object with one member, a list of objects. What ends before it is complete is an error, and never
//! taken for the whole.

use std::collections::VecDeque;
use std::marker::PhantomData;

use reqwest::Response;
use serde::de::DeserializeOwned;
use url::Url;

use crate::call::{CallError, unreachable};
use crate::shown_address::shown_address;

/// The items of an answer that is still arriving.
#[derive(Debug)]
pub struct Items<T> {
    url: Url,
    response: Response,
    reader: ItemReader,
    item: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Items<T> {
    /// Those of an answer whose one member has this name. An item may have so many bytes.
    pub(crate) fn of(url: Url, response: Response, member: &str, max_item_bytes: usize) -> Self {
        Self { url, response, reader: ItemReader::new(member, max_item_bytes), item: PhantomData }
    }

    /// The next one; `None` at the end of the document.
    pub async fn next(&mut self) -> Result<Option<T>, CallError> {
        loop {
            if let Some(item) = self.reader.complete.pop_front() {
                return serde_json::from_slice(&item).map(Some).map_err(|error| self.malformed(&error));
            }
            let arrived = self.response.chunk().await.map_err(|error| unreachable(&self.url, &error))?;
            let Some(bytes) = arrived else {
                return match self.reader.place {
                    Place::After => Ok(None),
                    _ => Err(self.malformed(&"the document ends before it is complete")),
                };
            };
            self.reader.take(&bytes).map_err(|fault| match fault {
                Fault::TooLarge => {
                    CallError::TooLarge { url: shown_address(&self.url), limit: self.reader.max_item_bytes }
                }
                Fault::Unexpected => self.malformed(&"an object with one list of objects is expected"),
            })?;
        }
    }

    fn malformed(&self, problem: &dyn ToString) -> CallError {
        CallError::Malformed { url: shown_address(&self.url), problem: problem.to_string() }
    }
}

/// Cuts the document into its items.
#[derive(Debug)]
struct ItemReader {
    /// How the document begins, without white space.
    opening: Vec<u8>,
    max_item_bytes: usize,
    place: Place,
    /// What has arrived of the next item.
    item: Vec<u8>,
    /// Items that have arrived as a whole.
    complete: VecDeque<Vec<u8>>,
}

/// Where in the document the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// So many bytes of the opening have been read.
    Opening(usize),
    Between,
    /// So many braces and brackets are open.
    Item {
        depth: usize,
    },
    /// In a string of an item, perhaps behind a backslash.
    Text {
        depth: usize,
        is_escaped: bool,
    },
    /// The list has ended.
    Closing,
    After,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Unexpected,
    TooLarge,
}

impl ItemReader {
    fn new(member: &str, max_item_bytes: usize) -> Self {
        Self {
            opening: format!("{{\"{member}\":[").into_bytes(),
            max_item_bytes,
            place: Place::Opening(0),
            item: Vec::new(),
            complete: VecDeque::new(),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        for &byte in bytes {
            self.place = match self.place {
                Place::Item { depth } => self.in_item(byte, depth)?,
                Place::Text { depth, is_escaped } => self.in_text(byte, depth, is_escaped)?,
                elsewhere if byte.is_ascii_whitespace() => elsewhere,
                Place::Opening(read) if byte == self.opening[read] => match read + 1 {
                    all if all == self.opening.len() => Place::Between,
                    read => Place::Opening(read),
                },
                Place::Between if byte == b'{' => self.in_item(byte, 0)?,
                Place::Between if byte == b',' => Place::Between,
                Place::Between if byte == b']' => Place::Closing,
                Place::Closing if byte == b'}' => Place::After,
                _ => return Err(Fault::Unexpected),
            };
        }
        Ok(())
    }

    fn in_item(&mut self, byte: u8, depth: usize) -> Result<Place, Fault> {
        self.keep(byte)?;
        Ok(match byte {
            b'{' | b'[' => Place::Item { depth: depth + 1 },
            b'}' | b']' if depth == 1 => {
                self.complete.push_back(std::mem::take(&mut self.item));
                Place::Between
            }
            b'}' | b']' => Place::Item { depth: depth - 1 },
            b'"' => Place::Text { depth, is_escaped: false },
            _ => Place::Item { depth },
        })
    }

    fn in_text(&mut self, byte: u8, depth: usize, is_escaped: bool) -> Result<Place, Fault> {
        self.keep(byte)?;
        Ok(match byte {
            b'"' if !is_escaped => Place::Item { depth },
            _ => Place::Text { depth, is_escaped: byte == b'\\' && !is_escaped },
        })
    }

    fn keep(&mut self, byte: u8) -> Result<(), Fault> {
        if self.item.len() == self.max_item_bytes {
            return Err(Fault::TooLarge);
        }
        self.item.push(byte);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The items, read in pieces of one length, and whether the document is complete.
    fn read(document: &str, piece: usize) -> Result<(Vec<String>, bool), Fault> {
        let mut reader = ItemReader::new("parts", 40);
        for piece in document.as_bytes().chunks(piece) {
            reader.take(piece)?;
        }
        let items = reader.complete.into_iter().map(|item| String::from_utf8(item).expect("is text"));
        Ok((items.collect(), reader.place == Place::After))
    }

    #[test]
    fn items_are_cut_apart_however_they_arrive() {
        let document = r#" { "parts" : [ {"a": "}]\\\"{"} , {"b": [{"c": 1}]},{}
            ] } "#;
        for piece in 1..document.len() {
            let (items, is_complete) = read(document, piece).expect("it is read");
            assert_eq!(items, [r#"{"a": "}]\\\"{"}"#, r#"{"b": [{"c": 1}]}"#, "{}"], "pieces of {piece}");
            assert!(is_complete);
        }
        assert_eq!(read(r#"{"parts":[]}"#, 3), Ok((Vec::new(), true)));
    }

    #[test]
    fn what_is_cut_off_is_not_complete() {
        let document = r#"{"parts":[{"a":1},{"b":2}]}"#;
        for end in 0..document.len() {
            assert!(read(&document[..end], 5).is_ok_and(|(_, is_complete)| !is_complete), "{end}");
        }
    }

    #[test]
    fn another_document_is_refused() {
        for other in
            ["<html>", "[]", r#"{"errors":[]}"#, r#"{"parts":7}"#, r#"{"parts":[7]}"#, r#"{"parts":[]}{"#]
        {
            assert_eq!(read(other, 4), Err(Fault::Unexpected), "{other}");
        }
        let long = format!(r#"{{"parts":[{{"a":"{}"}}]}}"#, "x".repeat(40));
        assert_eq!(read(&long, 4), Err(Fault::TooLarge));
    }
}
