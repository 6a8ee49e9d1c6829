//! How names are compared when somebody looks for them.

use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Expr, IntoLikeExpr, LikeExpr};

/// The form in which names are compared without regard to case.
///
/// PostgreSQL refuses text with a NUL in it, so somebody who looks for such a name gets a text that nobody
/// has, instead of an error.
pub(crate) fn folded(name: &str) -> String {
    name.to_lowercase().replace('\0', "\u{fffd}")
}

/// Whether a column of folded names contains a text, in which nothing is a wildcard.
pub(crate) fn contains(column: impl ColumnTrait, text: &str) -> Expr {
    let mut pattern = String::from("%");
    for character in folded(text).chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    column.like(LikeExpr::new(pattern).escape('\\').into_like_expr())
}
