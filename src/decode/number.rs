//! Parses numbers as JSON spells them.

/// The integer that a JSON number denotes, however it is spelled: `26`, `26.0`, `2.6e1`. `None` if it has a
/// fraction or does not fit in 64 bits.
pub(super) fn parse_integer(text: &str) -> Option<i64> {
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    // An exponent that does not fit in 64 bits gives a number that fits neither: too large, or a fraction.
    let exponent: i64 = match exponent {
        Some(text) => text.parse().ok()?,
        None => 0,
    };
    let trailing_zeros = digits.len() - digits.trim_end_matches('0').len();
    let scale = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let scale = u32::try_from(scale.checked_add(i64::try_from(trailing_zeros).ok()?)?).ok()?;
    let magnitude = significant
        .parse::<i128>()
        .ok()?
        .checked_mul(10_i128.checked_pow(scale)?)?;
    i64::try_from(if is_negative { -magnitude } else { magnitude }).ok()
}

/// The nearest float; `None` beyond its range. Zero has no sign, so that rows with `0` and `-0.0` are equal byte for byte.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    if value.is_finite() {
        // -0.0 + 0.0 is 0.0.
        Some(value + 0.0)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_whatever_their_spelling() {
        let cases = [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("26.0", Some(26)),
            ("-26.000", Some(-26)),
            ("2.6e1", Some(26)),
            ("2600E-2", Some(26)),
            ("0.0e99999999999999999999", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775807.0", Some(i64::MAX)),
            ("-922337203685477580800e-2", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("1e19", None),
            ("1e-1", None),
            ("26.5", None),
            ("1e99999999999999999999", None),
            ("1e400", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_integer(text), expected, "{text}");
        }
    }

    #[test]
    fn floats_beyond_range_do_not_fit() {
        assert_eq!(parse_float("26"), Some(26.0));
        assert_eq!(parse_float("1e-400"), Some(0.0));
        assert_eq!(parse_float("-0.0").map(f64::to_bits), Some(0));
        assert_eq!(parse_float("1e400"), None);
    }
}
