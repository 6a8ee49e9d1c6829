//! Dates as event bodies write them: `2026-11-22T10:15:00+0000`.

const MS_PER_DAY: i64 = 86_400_000;
const DAYS_PER_ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAY: i64 = 719_468;

/// Writes epoch milliseconds as a date in UTC.
pub fn webhook_date(epoch_ms: i64) -> String {
    let (year, month, day) = civil_date(epoch_ms.div_euclid(MS_PER_DAY));
    let seconds = epoch_ms.rem_euclid(MS_PER_DAY) / 1_000;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+0000")
}

/// The Gregorian date of a day since the epoch. Years are counted from March, so that the leap day comes last.
fn civil_date(day_since_epoch: i64) -> (i64, i64, i64) {
    let shifted = day_since_epoch + EPOCH_DAY;
    let era = shifted.div_euclid(DAYS_PER_ERA);
    let day_of_era = shifted.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::webhook_date;

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
            assert_eq!(webhook_date(epoch_ms), text);
        }
    }
}
