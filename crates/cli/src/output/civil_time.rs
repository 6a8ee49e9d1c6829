//! Converts between epoch times and the two written forms that commands meet.

/// Seconds of a day.
const DAY_S: i64 = 86_400;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `2026-11-22 10:15:00`, in UTC.
pub fn from_epoch_ms(epoch_ms: i64) -> String {
    let seconds = epoch_ms.div_euclid(1000);
    let (year, month, day) = date_of_day(seconds.div_euclid(DAY_S));
    let of_day = seconds.rem_euclid(DAY_S);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// Epoch seconds of an HTTP date such as `Sun, 22 Nov 2026 10:15:00 GMT`.
pub fn parse_http_date(text: &str) -> Option<i64> {
    let mut words = text.strip_suffix(" GMT")?.split(' ').skip(1);
    let day: i64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = 1 + i64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()?;
    let year: i64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    Some(day_of_date(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second)
}

/// Days since 1970-01-01. Years are counted from March, so that the leap day is a year's last.
fn day_of_date(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + leap_days + of_year - 719_468
}

fn date_of_day(day: i64) -> (i64, i64, i64) {
    // An estimate that is at most one year too late, corrected by asking the other direction.
    let mut year = 1970 + day.div_euclid(365);
    while day_of_date(year, 1, 1) > day {
        year -= 1;
    }
    let month = (1..=12).rev().find(|month| day_of_date(year, *month, 1) <= day).unwrap_or(1);
    (year, month, day - day_of_date(year, month, 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_agree_with_the_calendar() {
        for (http, written) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01 00:00:00"),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06 08:49:37"),
            ("Tue, 29 Feb 2000 23:59:59 GMT", "2000-02-29 23:59:59"),
            ("Sun, 22 Nov 2026 10:15:00 GMT", "2026-11-22 10:15:00"),
            ("Wed, 31 Dec 2098 12:00:00 GMT", "2098-12-31 12:00:00"),
        ] {
            let epoch = parse_http_date(http).expect("an HTTP date");
            assert_eq!(from_epoch_ms(epoch * 1000), written);
        }
        assert_eq!(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(parse_http_date("yesterday"), None);
    }
}
