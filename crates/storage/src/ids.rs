//! Identifiers, one type for each kind of thing, so that they cannot be mixed up.

use std::convert::Infallible;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use serde::{Deserialize, Serialize};

/// Gives a number-like identifier its text form.
macro_rules! number_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, ParseIntError> {
                text.parse().map(Self)
            }
        }
    };
}

/// Defines an identifier that the database counts up and never hands out twice.
macro_rules! counted_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, DeriveValueType,
        )]
        #[serde(transparent)]
        pub struct $name(pub i32);

        number_text!($name);
    )*};
}

/// Defines an identifier that is text and chosen elsewhere.
macro_rules! given_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, DeriveValueType)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Infallible;

            fn from_str(text: &str) -> Result<Self, Infallible> {
                Ok(Self(text.to_owned()))
            }
        }

        // PostgreSQL refuses text with a NUL in it: a request with such an id gets one that nothing has.
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.replace('\0', "\u{fffd}"))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.replace('\0', "\u{fffd}"))
            }
        }

        // Required of every primary key; nothing counts these up, so there is nothing to convert.
        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )*};
}

counted_id! {
    /// A user of the upstream.
    UserId;
    /// A project of the upstream.
    ProjectId;
    /// A repository of the upstream.
    RepositoryId;
    /// A mirroring request at the upstream.
    RequestId;
    /// A webhook of a repository.
    WebhookId;
    /// A repository as its mirror counts it; differs from the upstream's id.
    LocalRepositoryId;
    /// A repository of a Git server that is not ours, as the mirror of that server counts it.
    OriginRepositoryId;
}

given_id! {
    /// The server id that a mirror made for itself, like `B0F5-CS21-45C2-CCK3`.
    MirrorServerId;
    /// The name-based UUID by which a mirror knows an upstream.
    UpstreamServerId;
    /// The public part of an access token.
    TokenId;
    /// The random name that a repository got when it was made and keeps for life, on disk and at every mirror.
    RepositoryIdentity;
}

/// Defines an identifier that also says what came first: later ones have greater numbers.
macro_rules! place_in_order {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, DeriveValueType,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        number_text!($name);
    )*};
}

place_in_order! {
    /// The place of an event in its outbox.
    OutboxEventId;
    /// The place of an event among those that wait for a webhook.
    WebhookDeliveryId;
    /// The place of a call in the log of a webhook.
    InvocationId;
}

/// How many times the refs of a repository have changed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, DeriveValueType,
)]
#[serde(transparent)]
pub struct Generation(pub i64);

impl Generation {
    /// The generation after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

number_text!(Generation);
