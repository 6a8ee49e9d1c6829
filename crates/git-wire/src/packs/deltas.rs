//! What a delta makes of its base.

/// What a copy of no length stands for.
const LONGEST_COPY_BYTES: usize = 0x1_0000;

/// How large the result is; `None` where this is no delta for a base of this size.
pub(super) fn result_size(delta: &[u8], base_size: usize) -> Option<usize> {
    let (of_base, at) = read_size(delta, 0)?;
    let (of_result, _) = read_size(delta, at)?;
    (of_base == base_size).then_some(of_result)
}

/// The result; `None` where this is no delta for this base. The caller has bounded the size of the result.
pub(super) fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let (_, at) = read_size(delta, 0)?;
    let (size, mut at) = read_size(delta, at)?;
    let mut result = Vec::with_capacity(size);
    while let Some(step) = delta.get(at) {
        at += 1;
        let part = if step & 0x80 == 0 {
            let length = usize::from(*step);
            let inserted = delta.get(at..at + length).filter(|_| length > 0)?;
            at += length;
            inserted
        } else {
            let (mut from, mut length) = (0, 0);
            for bit in 0..7 {
                if step & (1 << bit) == 0 {
                    continue;
                }
                let byte = usize::from(*delta.get(at)?);
                at += 1;
                if bit < 4 {
                    from |= byte << (8 * bit);
                } else {
                    length |= byte << (8 * (bit - 4));
                }
            }
            let length = if length == 0 { LONGEST_COPY_BYTES } else { length };
            base.get(from..from.checked_add(length)?)?
        };
        if result.len() + part.len() > size {
            return None;
        }
        result.extend_from_slice(part);
    }
    (result.len() == size).then_some(result)
}

/// A size, and where what follows it begins.
fn read_size(delta: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut size = 0;
    for shift in (0..usize::BITS - 7).step_by(7) {
        let byte = *delta.get(at)?;
        at += 1;
        size |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((size, at));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_copies_and_inserts() {
        let base = b"The quick brown fox";
        // Copies from 4 five bytes, inserts three, copies from 0 three bytes.
        let delta = [&[19, 11, 0x91, 4, 5, 3][..], b" - ", &[0x90, 3]].concat();
        assert_eq!(result_size(&delta, base.len()), Some(11));
        assert_eq!(apply(base, &delta).as_deref(), Some(&b"quick - The"[..]));
        assert_eq!(result_size(&delta, 20), None, "of another base");
        for length in 0..delta.len() {
            assert_eq!(apply(base, &delta[..length]), None, "cut after {length}");
        }
        let long = vec![b'x'; 0x1_0000];
        let whole = [0x80, 0x80, 4, 0x80, 0x80, 4, 0x80];
        assert_eq!(apply(&long, &whole).as_deref(), Some(&long[..]));
    }

    #[test]
    fn what_leads_beyond_the_base_or_the_result_is_refused() {
        for delta in
            [&[4, 4, 0x91, 1, 4][..], &[4, 2, 0x90, 4], &[4, 4, 0], &[4, 4, 0x9f, 255, 255, 255, 255, 4]]
        {
            assert_eq!(apply(b"base", delta), None, "{delta:?}");
        }
        assert_eq!(result_size(&[0xff; 20], 4), None);
    }
}
