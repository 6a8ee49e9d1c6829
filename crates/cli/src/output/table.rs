//! Lays out JSON values as aligned text.

use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::printable;
use super::time::utc_text;

/// Shown where there is no value.
const NOTHING: &str = "-";
/// Wider cells are cut, so that a row stays a row.
const MAX_CELL_COLUMNS: usize = 80;

/// What of a value is shown, and under which title.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    title: &'static str,
    pointer: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Whole,
    Time,
}

impl Column {
    /// The text, number or truth value at a JSON pointer.
    pub const fn text(title: &'static str, pointer: &'static str) -> Self {
        Self { title, pointer, kind: Kind::Text }
    }

    /// Text of which every character counts, an address for instance: it is not cut.
    pub const fn whole(title: &'static str, pointer: &'static str) -> Self {
        Self { title, pointer, kind: Kind::Whole }
    }

    /// The time at a JSON pointer, in epoch milliseconds.
    pub const fn time(title: &'static str, pointer: &'static str) -> Self {
        Self { title, pointer, kind: Kind::Time }
    }

    fn cell_of(&self, value: &Value) -> String {
        let text = self.of(value);
        if matches!(self.kind, Kind::Whole) { text } else { cut(text) }
    }

    fn of(&self, value: &Value) -> String {
        let found = value.pointer(self.pointer);
        match (self.kind, found) {
            (_, None | Some(Value::Null)) => NOTHING.to_owned(),
            (Kind::Time, Some(Value::Number(ms))) => ms.as_i64().map_or(NOTHING.to_owned(), utc_text),
            (_, Some(Value::String(text))) if text.is_empty() => NOTHING.to_owned(),
            (_, Some(Value::String(text))) => printable(text).replace('\n', " "),
            (_, Some(Value::Array(items))) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
            (_, Some(other)) => other.to_string(),
        }
    }
}

/// A row per value below a row of titles.
pub fn rows(values: &[Value], columns: &[Column]) -> String {
    let mut cells = vec![columns.iter().map(|column| column.title.to_owned()).collect::<Vec<_>>()];
    cells.extend(values.iter().map(|value| columns.iter().map(|column| column.cell_of(value)).collect()));
    let widths: Vec<usize> =
        (0..columns.len()).map(|i| cells.iter().map(|row| width(&row[i])).max().unwrap_or(0)).collect();
    let lines: Vec<String> = cells.iter().map(|row| aligned(row, &widths)).collect();
    lines.join("\n")
}

/// A line per field of one value; these are not cut.
pub fn fields(value: &Value, fields: &[Column]) -> String {
    let title_width = fields.iter().map(|field| width(field.title)).max().unwrap_or(0);
    let lines: Vec<String> = fields
        .iter()
        .map(|field| aligned(&[field.title.to_owned(), field.of(value)], &[title_width, 0]))
        .collect();
    lines.join("\n")
}

fn aligned(row: &[String], widths: &[usize]) -> String {
    let padded: Vec<String> = row
        .iter()
        .zip(widths)
        .map(|(cell, wanted)| format!("{cell}{}", " ".repeat(wanted.saturating_sub(width(cell)))))
        .collect();
    padded.join("  ").trim_end().to_owned()
}

fn cut(cell: String) -> String {
    if width(&cell) <= MAX_CELL_COLUMNS {
        return cell;
    }
    let mut columns = 0;
    let fits = |c: &char| {
        columns += c.width().unwrap_or(0);
        columns < MAX_CELL_COLUMNS
    };
    let kept: String = cell.chars().take_while(fits).collect();
    format!("{kept}…")
}

/// How many columns of a terminal a text takes: two for most characters of East Asia, and for emoji.
fn width(text: &str) -> usize {
    text.width()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), printable)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: [Column; 3] =
        [Column::text("KEY", "/key"), Column::text("NAME", "/of/name"), Column::time("SEEN", "/at")];

    #[test]
    fn columns_are_aligned_and_gaps_are_visible() {
        let values =
            [json!({"key": "A", "of": {"name": "first one"}, "at": 0}), json!({"key": "LONGER", "at": null})];
        let expected =
            "KEY     NAME       SEEN\nA       first one  1970-01-01 00:00:00Z\nLONGER  -          -";
        assert_eq!(rows(&values, &COLUMNS), expected);
        assert_eq!(fields(&values[0], &COLUMNS[..2]), "KEY   A\nNAME  first one");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let values =
            [json!({"key": "鏡", "of": {"name": "a"}}), json!({"key": "mirror", "of": {"name": "b"}})];
        assert_eq!(rows(&values, &COLUMNS[..2]), "KEY     NAME\n鏡      a\nmirror  b");
        let long = rows(&[json!({"key": "鏡".repeat(100)})], &COLUMNS[..1]);
        assert_eq!(long.lines().last().map(width), Some(79), "{long}");
    }

    #[test]
    fn names_cannot_change_the_terminal() {
        assert_eq!(rows(&[json!({"key": "a\u{1b}[2J"})], &COLUMNS[..1]), "KEY\na?[2J");
        assert_eq!(rows(&[json!({"key": "a\u{202e}b"})], &COLUMNS[..1]), "KEY\na?b");
        let long = rows(&[json!({"key": "x".repeat(500)})], &COLUMNS[..1]);
        assert!(long.ends_with('…') && long.chars().count() < 100);
        let address = rows(&[json!({"key": "x".repeat(500)})], &[Column::whole("KEY", "/key")]);
        assert!(address.ends_with(&"x".repeat(500)), "{address}");
    }
}
