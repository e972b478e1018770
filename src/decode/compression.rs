//! Decompresses a body, up to a limit.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::error::DecodeError;
use crate::model::Encoding;

/// Largest body, decompressed: the offsets of a text column have 31 bits, and no real answer is that large.
pub(super) const MAX_BODY_BYTES: usize = 1 << 30;

/// Most memory that is reserved for the size that a body declares; beyond it the buffer grows as bytes arrive, so that a
/// false declaration costs nothing.
const MAX_RESERVED_BYTES: usize = 64 << 20;

/// The body without its compression; borrowed where there is none.
///
/// # Errors
/// [`DecodeError::Compression`] if it is damaged or cut off, [`DecodeError::TooLarge`] beyond `MAX_BODY_BYTES`.
pub fn decompress(body: &[u8], encoding: Encoding) -> Result<Cow<'_, [u8]>, DecodeError> {
    decompress_up_to(body, encoding, MAX_BODY_BYTES)
}

fn decompress_up_to(
    body: &[u8],
    encoding: Encoding,
    limit: usize,
) -> Result<Cow<'_, [u8]>, DecodeError> {
    let plain = match encoding {
        Encoding::Identity if body.len() > limit => return Err(DecodeError::TooLarge { limit }),
        Encoding::Identity => return Ok(Cow::Borrowed(body)),
        Encoding::Gzip => read_to_end(MultiGzDecoder::new(body), declared_gzip_size(body), limit)?,
        Encoding::Zstd => {
            let reader =
                zstd::stream::read::Decoder::new(body).map_err(DecodeError::Compression)?;
            read_to_end(reader, declared_zstd_size(body), limit)?
        }
    };
    Ok(Cow::Owned(plain))
}

/// The size that a gzip body ends with, a hint only; 0 if it is too short.
fn declared_gzip_size(body: &[u8]) -> usize {
    let Some(size) = body.last_chunk::<4>() else {
        return 0;
    };
    usize::try_from(u32::from_le_bytes(*size)).unwrap_or(0)
}

/// The size that the first frame of a zstd body declares, a hint only; 0 if it declares none.
fn declared_zstd_size(body: &[u8]) -> usize {
    match zstd::zstd_safe::get_frame_content_size(body) {
        Ok(Some(size)) => usize::try_from(size).unwrap_or(0),
        Ok(None) | Err(_) => 0,
    }
}

/// Reads to the end. A buffer of the right size need not be copied into larger ones while it fills.
fn read_to_end(mut reader: impl Read, size: usize, limit: usize) -> Result<Vec<u8>, DecodeError> {
    let mut plain = Vec::with_capacity(size.min(limit).min(MAX_RESERVED_BYTES));
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader
        .by_ref()
        .take(bound)
        .read_to_end(&mut plain)
        .map_err(DecodeError::Compression)?;
    if plain.len() > limit {
        Err(DecodeError::TooLarge { limit })
    } else {
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_and_zstd_come_back_as_they_were() {
        let plain = b"{\"a\":[]}".repeat(1000);
        assert_eq!(
            &*decompress(&gzip(&plain), Encoding::Gzip).unwrap(),
            &plain[..]
        );
        let zstd = zstd::encode_all(&plain[..], 1).unwrap();
        assert_eq!(&*decompress(&zstd, Encoding::Zstd).unwrap(), &plain[..]);
        assert!(matches!(
            decompress(&plain, Encoding::Identity).unwrap(),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn a_bomb_stops_at_the_limit_and_a_cut_body_is_an_error() {
        let bomb = gzip(&vec![b' '; 1 << 20]);
        assert!(bomb.len() < 100_000);
        assert!(matches!(
            decompress_up_to(&bomb, Encoding::Gzip, 4096),
            Err(DecodeError::TooLarge { limit: 4096 })
        ));
        let cut = &bomb[..bomb.len() / 2];
        assert!(matches!(
            decompress(cut, Encoding::Gzip),
            Err(DecodeError::Compression(_))
        ));
        let zstd = zstd::encode_all(&vec![b' '; 1 << 20][..], 1).unwrap();
        assert!(matches!(
            decompress(&zstd[..zstd.len() / 2], Encoding::Zstd),
            Err(DecodeError::Compression(_))
        ));
        assert!(matches!(
            decompress_up_to(&zstd, Encoding::Zstd, 4096),
            Err(DecodeError::TooLarge { .. })
        ));
    }
}
