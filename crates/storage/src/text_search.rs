//! How names are compared in searches.

use sea_orm::sea_query::{Expr, ExprTrait, Func, IntoLikeExpr, LikeExpr};
use sea_orm::{ColumnTrait, Condition};

use crate::entities::user_account;

/// A text from outside as both databases take it. PostgreSQL refuses a NUL; a search for such a text finds nothing instead
/// of failing.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The form in which names are compared without regard to case.
pub(crate) fn folded(name: &str) -> String {
    storable(&name.to_lowercase())
}

/// Whether a column of folded names contains a text, in which nothing is a wildcard.
pub(crate) fn contains(column: impl ColumnTrait, text: &str) -> Expr {
    column.like(pattern_of(text))
}

/// Whether the name, the display name or the e-mail address of a user contains a text.
pub(crate) fn describes_user(text: &str) -> Condition {
    let address = Expr::col((user_account::Entity, user_account::Column::Email));
    Condition::any()
        .add(contains(user_account::Column::NameLower, text))
        .add(contains(user_account::Column::DisplayNameLower, text))
        .add(Expr::expr(Func::lower(address)).like(pattern_of(text)))
}

fn pattern_of(text: &str) -> LikeExpr {
    let mut pattern = String::from("%");
    for character in folded(text).chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    LikeExpr::new(pattern).escape('\\').into_like_expr()
}
