//! Numbers and sizes as texts for people.

/// A number with thousands separated: `1,234,567`.
pub fn format_count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with its noun in the right form: `1 retry`, `1,200 units`.
pub fn count_noun(number: u64, noun: &str) -> String {
    let count = format_count(number);
    match noun.strip_suffix('y') {
        _ if number == 1 => format!("{count} {noun}"),
        // A retry, retries; but a day, days.
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{count} {stem}ies"),
        _ => format!("{count} {noun}s"),
    }
}

/// A size in the unit that suits it: `1.2 MiB`.
pub fn format_bytes(number: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    for (unit, size) in UNITS {
        if number >= size {
            let tenths = (u128::from(number) * 10).div_ceil(u128::from(size));
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{number} B")
}

/// A part of a whole with one decimal, `12.5%`; `-` of nothing.
pub(super) fn format_percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let tenths = u128::from(part) * 1000 / u128::from(whole);
    format!("{}.{}%", tenths / 10, tenths % 10)
}

/// The counts that are not zero with their names: `3 free, 1 refused`. Empty if all are zero.
pub(super) fn nonzero_list(named: &[(u64, &str)]) -> String {
    let mut list = String::new();
    for (number, name) in named {
        if *number == 0 {
            continue;
        }
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(&format_count(*number));
        list.push(' ');
        list.push_str(name);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sizes_read_well() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(format_count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [0, 1023, 1024, 1_572_864].map(format_bytes),
            ["0 B", "1023 B", "1.0 KiB", "1.5 MiB"]
        );
    }

    #[test]
    fn nouns_agree_with_their_number() {
        assert_eq!(
            [0, 1, 1200].map(|number| count_noun(number, "unit")),
            ["0 units", "1 unit", "1,200 units"]
        );
        assert_eq!(
            [1, 2].map(|number| count_noun(number, "retry")),
            ["1 retry", "2 retries"]
        );
    }

    #[test]
    fn only_what_is_not_zero_is_listed() {
        assert_eq!(
            nonzero_list(&[(2, "free"), (0, "refused"), (1, "lost")]),
            "2 free, 1 lost"
        );
        assert_eq!(nonzero_list(&[(0, "free")]), "");
    }
}
