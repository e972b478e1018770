//! Dates and date-times as the API writes them.

const DAYS_TO_1970: i64 = 719_468;
const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Days since 1970-01-01 of `2024-01-29`, or of a date-time that is midnight UTC.
pub(super) fn parse_date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    let day = if bytes.len() == 10 {
        days_since_1970(bytes)?
    } else {
        let micros = parse_timestamp(text)?;
        let day = micros.div_euclid(SECONDS_PER_DAY * MICROS_PER_SECOND);
        if micros != day * SECONDS_PER_DAY * MICROS_PER_SECOND {
            return None;
        }
        day
    };
    i32::try_from(day).ok()
}

/// Microseconds since 1970-01-01T00:00:00Z of `2024-01-29T10:20:30Z`. A date alone is its midnight, a missing zone is
/// UTC, an offset (`+02:00`, `-0530`) is converted, digits beyond microseconds are cut off.
pub(super) fn parse_timestamp(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let (date, time) = bytes.split_at_checked(10)?;
    let day_seconds = days_since_1970(date)? * SECONDS_PER_DAY;
    let Some((separator, time)) = time.split_first() else {
        return Some(day_seconds * MICROS_PER_SECOND);
    };
    if !matches!(separator, b'T' | b't' | b' ') {
        return None;
    }
    let (clock, rest) = time.split_at_checked(8)?;
    let &[h1, h2, b':', m1, m2, b':', s1, s2] = clock else {
        return None;
    };
    let (hour, minute, second) = (
        parse_digits(&[h1, h2])?,
        parse_digits(&[m1, m2])?,
        parse_digits(&[s1, s2])?,
    );
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (micros, zone) = parse_fraction(rest)?;
    let seconds = day_seconds + hour * 3600 + minute * 60 + second - offset_seconds(zone)?;
    Some(seconds * MICROS_PER_SECOND + micros)
}

/// Days since 1970-01-01 of `YYYY-MM-DD`, in the proleptic Gregorian calendar.
fn days_since_1970(date: &[u8]) -> Option<i64> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else {
        return None;
    };
    let (year, month, day) = (
        parse_digits(&[y1, y2, y3, y4])?,
        parse_digits(&[m1, m2])?,
        parse_digits(&[d1, d2])?,
    );
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - DAYS_TO_1970)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn parse_digits(digits: &[u8]) -> Option<i64> {
    let mut value = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(digit - b'0');
    }
    Some(value)
}

/// Microseconds of a fraction, if there is one, and what follows it.
fn parse_fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some(rest) = rest.strip_prefix(b".") else {
        return Some((0, rest));
    };
    let mut micros = 0;
    let mut digit_micros = 100_000;
    let mut length = 0;
    while let Some(digit) = rest.get(length)
        && digit.is_ascii_digit()
    {
        micros += i64::from(digit - b'0') * digit_micros;
        digit_micros /= 10;
        length += 1;
    }
    if length == 0 {
        return None;
    }
    Some((micros, rest.get(length..)?))
}

/// Seconds east of UTC of a zone; 0 without one.
fn offset_seconds(zone: &[u8]) -> Option<i64> {
    let (sign, h1, h2, m1, m2) = match *zone {
        [] | [b'Z' | b'z'] => return Some(0),
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => (sign, h1, h2, m1, m2),
        _ => return None,
    };
    let (hours, minutes) = (parse_digits(&[h1, h2])?, parse_digits(&[m1, m2])?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration, NaiveDate};

    use super::*;

    #[test]
    fn every_day_of_ten_thousand_years_agrees_with_chrono() {
        let mut date = NaiveDate::from_ymd_opt(0, 1, 1).unwrap();
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        let mut days = 0;
        while date <= NaiveDate::from_ymd_opt(9999, 12, 31).unwrap() {
            let wanted = i32::try_from((date - epoch).num_days()).unwrap();
            assert_eq!(
                parse_date(&date.format("%Y-%m-%d").to_string()),
                Some(wanted),
                "{date}"
            );
            date += Duration::days(17);
            days += 1;
        }
        assert!(days > 200_000);
    }

    #[test]
    fn date_times_agree_with_rfc_3339() {
        for text in [
            "2024-01-29T00:00:00Z",
            "2024-02-29T23:59:59.123456Z",
            "1969-12-31T23:59:59.5Z",
            "2024-01-29T00:00:00+02:00",
            "2024-01-29T00:00:00.25-05:30",
        ] {
            let wanted = DateTime::parse_from_rfc3339(text)
                .unwrap()
                .timestamp_micros();
            assert_eq!(parse_timestamp(text), Some(wanted), "{text}");
        }
        assert_eq!(
            parse_timestamp("2024-01-29"),
            parse_timestamp("2024-01-29T00:00:00Z")
        );
        assert_eq!(
            parse_timestamp("2024-01-29 10:00:00"),
            parse_timestamp("2024-01-29T10:00:00Z")
        );
        assert_eq!(
            parse_timestamp("1970-01-01T00:00:00.123456789Z"),
            Some(123_456)
        );
        assert_eq!(
            parse_timestamp("1970-01-01T00:00:00-0530"),
            Some(19_800_000_000)
        );
    }

    #[test]
    fn invalid_dates_are_refused() {
        for text in [
            "",
            "2024-02-30",
            "2023-02-29",
            "2024-13-01",
            "2024-00-01",
            "24-01-29",
            "2024-01-29T10:00:00Z",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
        for text in [
            "",
            "2024-01-29T24:00:00Z",
            "2024-01-29T10:00Z",
            "2024-01-29T10:00:00.Z",
            "2024-01-29T10:00:60Z",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
        for text in [
            "2024-01-29T10:00:00X",
            "2024-01-29T10:00:00+2",
            "2024-01-29T10:00:00Zz",
            "ä024-01-29T10:00:00",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
        assert_eq!(parse_date("2024-01-29T00:00:00Z"), parse_date("2024-01-29"));
    }
}
