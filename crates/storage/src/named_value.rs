//! Enumerations that are stored and sent by name.

use thiserror::Error;

/// A name that is not one of the allowed ones.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{value:?} is not one of {allowed}")]
pub struct UnknownName {
    /// What was given.
    pub value: String,
    /// What is allowed, separated by commas.
    pub allowed: &'static str,
}

/// Defines an enumeration with its wire names, which are also the names in the database.
macro_rules! named_values {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }
    ) => {
        $(#[$doc])*
        #[derive(
            Clone,
            Copy,
            Debug,
            PartialEq,
            Eq,
            PartialOrd,
            Ord,
            Hash,
            serde::Serialize,
            serde::Deserialize,
            sea_orm::DeriveValueType,
        )]
        #[sea_orm(value_type = "String")]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// All of them, in order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::named_value::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(crate::named_value::UnknownName {
                        value: text.to_owned(),
                        allowed: named_values!(@list $($text)*),
                    }),
                }
            }
        }
    };
    (@list $first:literal $($rest:literal)*) => { concat!($first, $(", ", $rest),*) };
}

pub(crate) use named_values;
