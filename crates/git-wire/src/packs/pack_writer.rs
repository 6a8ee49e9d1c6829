//! One pack made of others and of objects that lie in files of their own, in memory.
//!
//! The objects of each pack move as a whole, byte for byte, so that the distances by which deltas name their bases stay
//! right. That no object is in it twice is for the caller to see to.

use crate::names::ObjectFormat;
use crate::packs::objects::{ObjectKind, hash};
use crate::packs::whole_pack::{MAX_INFLATED_BYTES, PACK_HEAD_BYTES, PACK_START, PackFault, parts_of};
use crate::packs::zlib::{Deflater, Inflater};

/// The longest beginning of an object in a file of its own: its kind and its size.
const MAX_LOOSE_HEAD_BYTES: usize = 32;

/// A pack that is being put together.
pub struct PackWriter {
    format: ObjectFormat,
    output: Vec<u8>,
    objects: u32,
    inflater: Inflater,
    deflater: Deflater,
}

impl PackWriter {
    /// A pack without objects.
    pub fn new(format: ObjectFormat) -> Self {
        let mut output = PACK_START.to_vec();
        output.resize(PACK_HEAD_BYTES, 0);
        Self { format, output, objects: 0, inflater: Inflater::new(), deflater: Deflater::new() }
    }

    /// Adds all objects of a pack that is complete in itself. Who reads the result finds out whether it was whole.
    pub fn append_pack(&mut self, pack: &[u8]) -> Result<(), PackFault> {
        let (body, count, _) = parts_of(pack, self.format)?;
        self.add_to_count(count)?;
        self.output.extend_from_slice(&body[PACK_HEAD_BYTES..]);
        Ok(())
    }

    /// Adds an object from the content of its file.
    pub fn append_loose(&mut self, file: &[u8]) -> Result<(), PackFault> {
        const NO_OBJECT: PackFault = PackFault::Malformed("a file does not hold an object");
        let limit = MAX_INFLATED_BYTES + MAX_LOOSE_HEAD_BYTES;
        let object = self.inflater.at_most(file, limit).ok_or(NO_OBJECT)?;
        let end = object.iter().take(MAX_LOOSE_HEAD_BYTES).position(|byte| *byte == 0).ok_or(NO_OBJECT)?;
        let (head, content) = (&object[..end], &object[end + 1..]);
        let space = head.iter().position(|byte| *byte == b' ').ok_or(NO_OBJECT)?;
        let kind = ObjectKind::named(&head[..space]).ok_or(NO_OBJECT)?;
        if head[space + 1..] != *content.len().to_string().as_bytes() {
            return Err(NO_OBJECT);
        }
        self.add_to_count(1)?;
        self.append_head(kind, content.len());
        self.deflater.append(content, &mut self.output);
        Ok(())
    }

    /// How long the pack is by now.
    pub fn bytes(&self) -> usize {
        self.output.len()
    }

    /// The whole pack.
    pub fn finish(mut self) -> Vec<u8> {
        self.output[8..PACK_HEAD_BYTES].copy_from_slice(&self.objects.to_be_bytes());
        let checksum = hash(&[&self.output[..]], self.format);
        self.output.extend_from_slice(checksum.bytes(self.format));
        self.output
    }

    fn add_to_count(&mut self, objects: u32) -> Result<(), PackFault> {
        self.objects = self.objects.checked_add(objects).ok_or(PackFault::TooLarge)?;
        Ok(())
    }

    fn append_head(&mut self, kind: ObjectKind, size: usize) {
        let [low, ..] = size.to_le_bytes();
        let mut byte = (kind.number() << 4) | (low & 0x0f);
        let mut rest = size >> 4;
        while rest > 0 {
            self.output.push(byte | 0x80);
            let [low, ..] = rest.to_le_bytes();
            byte = low & 0x7f;
            rest >>= 7;
        }
        self.output.push(byte);
    }
}
