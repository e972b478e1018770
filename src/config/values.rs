//! Durations, sizes and compression levels as the file writes them. Pure; errors say what would be right.

use std::time::Duration;

/// `3d`, `12h`, `90 m`, `45s`, `2w`: a whole number and one unit.
///
/// # Errors
/// What a duration looks like.
pub(crate) fn duration(text: &str) -> Result<Duration, &'static str> {
    const HELP: &str =
        "a duration is a whole number and w, d, h, m or s, for example `3d` or `12h`";
    let (number, unit) = number_and_unit(text).ok_or(HELP)?;
    let seconds_per_unit = match unit {
        "w" => 604_800,
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        "s" => 1,
        _ => return Err(HELP),
    };
    number
        .checked_mul(seconds_per_unit)
        .map(Duration::from_secs)
        .ok_or("too long for a duration")
}

/// `128 MiB`, `64MB`, `1 GiB`: a whole number and one unit, in bytes.
///
/// # Errors
/// What a size looks like.
pub(crate) fn size(text: &str) -> Result<u64, &'static str> {
    const HELP: &str =
        "a size is a whole number and KiB, MiB or GiB (or KB, MB, GB), for example `128 MiB`";
    let (number, unit) = number_and_unit(text).ok_or(HELP)?;
    let bytes_per_unit = match unit.to_ascii_lowercase().as_str() {
        "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(HELP),
    };
    number
        .checked_mul(bytes_per_unit)
        .ok_or("too large for a size")
}

/// `zstd(3)`: the level, from 1 to 22.
///
/// # Errors
/// What a compression looks like.
pub(crate) fn zstd_level(text: &str) -> Result<i32, &'static str> {
    const HELP: &str = "write `zstd(LEVEL)` with a level from 1 to 22, for example `zstd(3)`";
    let Some(rest) = text.strip_prefix("zstd(") else {
        return Err(HELP);
    };
    let level = rest.strip_suffix(')').ok_or(HELP)?;
    match level.trim().parse() {
        Ok(level @ 1..=22) => Ok(level),
        _ => Err(HELP),
    }
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let unit_start = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_start);
    Some((number.parse().ok()?, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_sizes_and_levels_are_read() {
        assert_eq!(duration("3d"), Ok(Duration::from_hours(72)));
        assert_eq!(duration("12 h"), Ok(Duration::from_hours(12)));
        assert_eq!(size("128 MiB"), Ok(134_217_728));
        assert_eq!(size("64MB"), Ok(64_000_000));
        assert_eq!(zstd_level("zstd(3)"), Ok(3));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "3",
            "d",
            "3 days",
            "-3d",
            "1.5d",
            "99999999999999999999d",
            "9999999999999999999d",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["", "128", "MiB", "128 MiBs", "-1 MiB", "99999999999999 GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
        for text in ["", "zstd", "zstd(0)", "zstd(23)", "gzip(3)", "zstd(3"] {
            assert!(zstd_level(text).is_err(), "{text}");
        }
    }
}
