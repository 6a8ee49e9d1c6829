//! Addresses that promise fewer statuses than the operation that answers them.
//!
//! An operation that the contract marks `x-same-as` is answered by another one. Where its shorter path leaves less to
//! be malformed, its answer needs a type of its own, so that the emitted document promises no more than the contract.

use poem_openapi::registry::MetaResponses;

/// The answers of an operation without those whose status is not among these.
pub(crate) fn only(mut answers: MetaResponses, statuses: &[u16]) -> MetaResponses {
    answers.responses.retain(|answer| answer.status.is_some_and(|status| statuses.contains(&status)));
    answers
}

/// `Narrow(Wide) only [200, 404]`: a type that answers as `Wide` does and promises these statuses.
macro_rules! same_as {
    ($(#[$doc:meta])* $narrow:ident($wide:ident) only $statuses:tt) => {
        $(#[$doc])*
        pub struct $narrow($wide);

        impl From<$wide> for $narrow {
            fn from(answer: $wide) -> Self {
                $narrow(answer)
            }
        }

        impl poem::IntoResponse for $narrow {
            fn into_response(self) -> poem::Response {
                self.0.into_response()
            }
        }

        impl poem_openapi::ApiResponse for $narrow {
            fn meta() -> poem_openapi::registry::MetaResponses {
                crate::same_as::only(<$wide as poem_openapi::ApiResponse>::meta(), &$statuses)
            }

            fn register(registry: &mut poem_openapi::registry::Registry) {
                <$wide as poem_openapi::ApiResponse>::register(registry);
            }
        }
    };
}

pub(crate) use same_as;
