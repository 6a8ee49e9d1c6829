//! How a number of bytes is written in options: a number and its unit, as in `512KiB`, `256MiB` or `10GiB`.

/// Units and their length in bytes; `B` last, because the others end with it.
const UNITS: [(&str, u64); 5] =
    [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("B", 1)];

/// Reads `512KiB`, `256MiB`, `10GiB`, `1TiB`, `100B` or `0`.
pub fn parse(text: &str) -> Result<u64, String> {
    if text.trim() == "0" {
        return Ok(0);
    }
    let (number, unit_bytes) = UNITS
        .iter()
        .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)))
        .ok_or("a size needs a unit: B, KiB, MiB, GiB or TiB, as in 10GiB")?;
    if let Some(unit) = ["kB", "KB", "MB", "GB", "TB"].into_iter().find(|unit| text.ends_with(unit)) {
        let meant = unit.to_uppercase().replace('B', "iB");
        return Err(format!("{unit} is not a unit here; use {meant}, as in 10{meant}"));
    }
    let number: u64 =
        number.trim().parse().map_err(|_| "a size is a whole number and a unit, as in 10GiB")?;
    number.checked_mul(unit_bytes).ok_or_else(|| "this size is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit() {
        for (text, bytes) in [
            ("0", 0),
            ("0GiB", 0),
            ("100B", 100),
            ("512KiB", 512 * 1024),
            ("256 MiB", 256 * 1024 * 1024),
            ("10GiB", 10 * 1024 * 1024 * 1024),
            ("1TiB", 1024 * 1024 * 1024 * 1024),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_size() {
        for text in ["", "10", "GiB", "-1GiB", "1.5GiB", "10GB", "ten GiB", "18446744073709551615KiB"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let told = parse("10kB").expect_err("no unit of ours");
        assert_eq!(told, "kB is not a unit here; use KiB, as in 10KiB");
    }
}
