//! Dates as event bodies write them: `2026-11-22T10:15:00+0000`.

use time::OffsetDateTime;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;

/// The well-known webhooks separate neither the hours of the offset from its minutes, nor fractions from seconds.
const FORMAT: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+0000");

/// Writes epoch milliseconds as a date in UTC.
pub fn event_date(epoch_ms: i64) -> String {
    let date =
        OffsetDateTime::from_unix_timestamp(epoch_ms.div_euclid(1_000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    date.format(FORMAT).expect("a date in UTC has all parts of the format")
}

#[cfg(test)]
mod tests {
    use super::event_date;

    #[test]
    fn dates_are_right_around_leap_days_and_year_ends() {
        for (epoch_ms, text) in [
            (0, "1970-01-01T00:00:00+0000"),
            (951_782_400_000, "2000-02-29T00:00:00+0000"),
            (1_709_251_199_999, "2024-02-29T23:59:59+0000"),
            (1_767_225_599_000, "2025-12-31T23:59:59+0000"),
            (1_795_342_500_000, "2026-11-22T10:15:00+0000"),
            (-1, "1969-12-31T23:59:59+0000"),
        ] {
            assert_eq!(event_date(epoch_ms), text);
        }
    }
}
