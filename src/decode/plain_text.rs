//! Finds the end of the part of a JSON string that needs no unescaping, eight bytes at a time.

/// Number of bytes before the next quote, backslash or control character; all of them if there is none.
#[inline]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some(word) = bytes.get(length..).and_then(<[u8]>::first_chunk::<8>) {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            // A u64 has at most 64 trailing zeros, so this always converts.
            return length + usize::try_from(special.trailing_zeros() / 8).unwrap_or(0);
        }
        length += 8;
    }
    while let Some(&byte) = bytes.get(length)
        && byte >= 0x20
        && byte != b'"'
        && byte != b'\\'
    {
        length += 1;
    }
    length
}

/// For each byte of the word its high bit, if the byte is a quote, a backslash or below 0x20. Bits above the lowest one
/// set may be wrong, because a subtraction borrows; the lowest is right.
#[inline]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let quotes = word ^ (ONES * 0x22);
    let quotes = quotes.wrapping_sub(ONES) & !quotes;
    let backslashes = word ^ (ONES * 0x5c);
    let backslashes = backslashes.wrapping_sub(ONES) & !backslashes;
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    (quotes | backslashes | controls) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_that_of_a_search_byte_by_byte() {
        for length in 0..40 {
            for end in ["\"", "\\", "\u{0}", "\u{1f}", ""] {
                for filler in ["a", "é", "\u{10ffff}", " ", "!", "#", "[", "]", "\u{7f}"] {
                    let plain = filler.repeat(length);
                    let text = format!("{plain}{end}");
                    assert_eq!(plain_length(text.as_bytes()), plain.len(), "{text:?}");
                }
            }
        }
    }
}
