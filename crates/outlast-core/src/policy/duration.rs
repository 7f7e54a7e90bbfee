//! Durations as people write them: `90s`, `10m`.

/// Reads a whole number followed by `ms`, `s`, `m`, `h` or `d` (no space, no sign) as milliseconds.
///
/// Returns `None` for anything else, and for what doesn't fit in 64 bits.
#[must_use]
pub fn parse_duration_ms(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_ms)
}

#[cfg(test)]
mod tests {
    use super::parse_duration_ms;

    #[test]
    fn durations_are_read_as_they_are_written_on_the_command_line() {
        let cases = [
            ("600s", 600_000),
            ("10m", 600_000),
            ("15s", 15_000),
            ("250ms", 250),
            ("0s", 0),
            ("2h", 7_200_000),
        ];
        for (text, ms) in cases {
            assert_eq!(parse_duration_ms(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in [
            "",
            "10",
            "s",
            "-1s",
            "+1s",
            "1.5s",
            "10 s",
            "10S",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert_eq!(parse_duration_ms(text), None, "{text}");
        }
    }
}
