//! UTC as the servers in memory tell it.

use std::time::Duration;

/// What the clock's zero is in UTC: 2026-01-01 00:00:00, in days since 1970-01-01.
const FIRST_DAY: u64 = 20_454;

/// A moment, given as time since the clock's zero, as `YYYY-MM-DD HH:MM:SS.ffffff`.
pub(super) fn timestamp(since_zero: Duration) -> String {
    let seconds = since_zero.as_secs();
    let (year, month, day) = civil_date(FIRST_DAY + seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let micros = since_zero.subsec_micros();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}")
}

/// The Gregorian date of a day counted from 1970-01-01.
fn civil_date(days: u64) -> (u64, u64, u64) {
    // Years are counted from 1 March, so that the leap day comes last in its year.
    let since_march_0 = days + 719_468;
    let era = since_march_0 / 146_097;
    let day_of_era = since_march_0 % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_mysql_writes_them() {
        let at = |seconds| timestamp(Duration::from_secs(seconds) + Duration::from_micros(7));
        assert_eq!(at(0), "2026-01-01 00:00:00.000007");
        assert_eq!(at(58 * 86_400 + 3661), "2026-02-28 01:01:01.000007");
        assert_eq!(at(789 * 86_400), "2028-02-29 00:00:00.000007");
    }
}
