//! An object told as the difference from another one.

/// What `delta` makes of `base`; `None` if it was not made for this one, is damaged, or leads to more bytes than this.
pub fn apply_delta(base: &[u8], delta: &[u8], max_bytes: usize) -> Option<Vec<u8>> {
    let mut rest = delta;
    if read_size(&mut rest)? != base.len() {
        return None;
    }
    let length = read_size(&mut rest).filter(|length| *length <= max_bytes)?;
    let mut made = Vec::with_capacity(length);
    while let Some(instruction) = next(&mut rest) {
        let piece = match instruction {
            0 => return None,
            1..=0x7f => {
                let (piece, after) = rest.split_at_checked(usize::from(instruction))?;
                rest = after;
                piece
            }
            _ => {
                let start = read_number(instruction, 0..4, &mut rest)?;
                let count = match read_number(instruction, 4..7, &mut rest)? {
                    0 => 0x1_0000,
                    count => count,
                };
                base.get(start..start.checked_add(count)?)?
            }
        };
        if made.len() + piece.len() > length {
            return None;
        }
        made.extend_from_slice(piece);
    }
    (made.len() == length).then_some(made)
}

/// A number in bytes of seven bits, the lowest first.
fn read_size(rest: &mut &[u8]) -> Option<usize> {
    let mut size: usize = 0;
    for shift in (0..usize::BITS - 7).step_by(7) {
        let byte = next(rest)?;
        size |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(size);
        }
    }
    None
}

/// A number of which only the bytes are there that these bits of the instruction name.
fn read_number(instruction: u8, bits: std::ops::Range<u32>, rest: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    for (place, bit) in bits.enumerate() {
        if instruction & (1 << bit) != 0 {
            number |= usize::from(next(rest)?) << (8 * place);
        }
    }
    Some(number)
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_copied_and_inserted() {
        let base = b"the quick brown fox";
        // From 19 bytes to 11: six from place 4, five that are given.
        let delta = [&[19, 11, 0x91, 4, 6, 5][..], b"hound"].concat();
        assert_eq!(apply_delta(base, &delta, 100).as_deref(), Some(&b"quick hound"[..]));
    }

    #[test]
    fn a_delta_for_another_base_or_with_a_false_length_makes_nothing() {
        let base = b"0123456789";
        let copy_all = [10, 10, 0x90, 10];
        assert_eq!(apply_delta(base, &copy_all, 100).as_deref(), Some(&base[..]));
        assert_eq!(apply_delta(base, &copy_all, 9), None, "more than there is room for");
        assert_eq!(apply_delta(b"012345678", &copy_all, 100), None);
        for delta in [
            &[10, 9, 0x90, 10][..],
            &[10, 11, 0x90, 10],
            &[10, 10, 0x91, 1, 10],
            &[10, 10, 0x90],
            &[10, 10, 0],
            &[10, 3, 4, b'a', b'b'],
            &[10],
            &[],
            &[0xff; 20],
        ] {
            assert_eq!(apply_delta(base, delta, 100), None, "{delta:?}");
        }
    }
}
