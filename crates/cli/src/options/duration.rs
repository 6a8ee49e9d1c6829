//! How a length of time is written in options: a number and its unit, as in `500ms`, `3m` or `1h`.

use std::time::Duration;

/// Units and their length in milliseconds; the longer spelling first, because `ms` ends with `s`.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads `500ms`, `90s`, `3m`, `1h` or `2d`.
pub fn parse(text: &str) -> Result<Duration, String> {
    let (number, unit_ms) = UNITS
        .iter()
        .find_map(|(unit, length)| Some((text.strip_suffix(unit)?, *length)))
        .ok_or("a length of time needs a unit: ms, s, m, h or d, as in 90s")?;
    let number: u64 =
        number.trim().parse().map_err(|_| "a length of time is a whole number and a unit, as in 90s")?;
    let total_ms = number.checked_mul(unit_ms).ok_or("this length of time is too long")?;
    Ok(Duration::from_millis(total_ms))
}

/// As `parse`, but refuses zero: for intervals and deadlines.
pub fn parse_positive(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        Duration::ZERO => Err("must be longer than zero".to_owned()),
        positive => Ok(positive),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit() {
        for (text, ms) in
            [("500ms", 500), ("90s", 90_000), ("3m", 180_000), ("1h", 3_600_000), ("2d", 172_800_000)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_length_of_time() {
        for text in ["", "3", "m", "-1s", "1.5h", "three m", "99999999999999999999s", "18446744073709551615d"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("0s").is_ok());
        assert!(parse_positive("0s").is_err());
    }
}
