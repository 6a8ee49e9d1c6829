//! Texts of one line, bounded: the names of mirrors, and others that follow the same rule.

use heliostat_refusal::Refusal;

/// Longest name of a user or mirror, in characters.
pub const MAX_LONG_NAME_LENGTH: usize = 255;

/// Text of one line, without surrounding space.
pub fn one_line(field: &str, text: &str, max_length: usize) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::invalid(field, format!("The field {field} must not be empty.")));
    }
    if text.chars().count() > max_length {
        return Err(Refusal::invalid(
            field,
            format!("The field {field} has more than {max_length} characters."),
        ));
    }
    if text.contains(char::is_control) {
        return Err(Refusal::invalid(field, format!("The field {field} contains control characters.")));
    }
    Ok(text.to_owned())
}
