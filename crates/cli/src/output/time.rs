//! Times as tables show them.

use time::OffsetDateTime;
use time::macros::format_description;

/// `2026-11-22 10:15:00Z`, in UTC as the Z says; a number that is no date is shown as it is.
pub fn utc_text(epoch_ms: i64) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    let date = OffsetDateTime::from_unix_timestamp(epoch_ms.div_euclid(1000)).ok();
    date.and_then(|date| date.format(form).ok()).unwrap_or_else(|| epoch_ms.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (epoch_s, written) in [
            (0, "1970-01-01 00:00:00Z"),
            (784_111_777, "1994-11-06 08:49:37Z"),
            (951_868_799, "2000-02-29 23:59:59Z"),
            (1_795_342_500, "2026-11-22 10:15:00Z"),
            (4_070_865_600, "2098-12-31 12:00:00Z"),
            (-1, "1969-12-31 23:59:59Z"),
        ] {
            assert_eq!(utc_text(epoch_s * 1000), written);
        }
        assert_eq!(utc_text(i64::MAX), i64::MAX.to_string());
    }
}
