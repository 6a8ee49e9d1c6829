//! POST /admin/users: a new account, given in the body or, by clients that know no better, in the query.

use heliostat_api::Call;
use heliostat_api::models::RestUserCreation;
use heliostat_api::users::CreateUserResponse;
use heliostat_auth::Secret;
use heliostat_refusal::Refusal;
use heliostat_upstream::UserCreation;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// What the query may say of a new user; the body counts where both do.
pub struct UserInQuery {
    /// The name to sign in with.
    pub name: Option<String>,
    /// The name to show.
    pub display_name: Option<String>,
    /// Where mail goes.
    pub email_address: Option<String>,
    /// The password.
    pub password: Option<String>,
}

/// A new account.
pub async fn create_user(
    role: &UpstreamOperations,
    call: Call,
    query: UserInQuery,
    body: Option<RestUserCreation>,
) -> Result<CreateUserResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.create_user(&caller, user_creation(query, body)?).await?;
    Ok(CreateUserResponse::NoContent)
}

fn user_creation(query: UserInQuery, body: Option<RestUserCreation>) -> Result<UserCreation, Refusal> {
    let body = body.unwrap_or_default();
    // The body's name and password are required there, so an empty one means that there is no body.
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let name = given(body.name).or(query.name).ok_or_else(|| missing("name"))?;
    let password = given(body.password).or(query.password).ok_or_else(|| missing("password"))?;
    Ok(UserCreation {
        name,
        password: Secret::new(password),
        display_name: body.display_name.or(query.display_name),
        email: body.email_address.or(query.email_address),
    })
}

fn missing(field: &str) -> Refusal {
    Refusal::invalid(field, format!("A new user needs a {field}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> UserInQuery {
        UserInQuery {
            name: Some("ada".into()),
            display_name: Some("Ada".into()),
            email_address: None,
            password: Some("from-the-query".into()),
        }
    }

    #[test]
    fn the_body_counts_where_both_speak() {
        let body = RestUserCreation {
            name: "grace".into(),
            password: "from-the-body".into(),
            display_name: None,
            email_address: Some("grace@example.com".into()),
        };
        let user = user_creation(query(), Some(body)).expect("complete");
        assert_eq!((user.name.as_str(), user.password.expose()), ("grace", "from-the-body"));
        assert_eq!(
            (user.display_name.as_deref(), user.email.as_deref()),
            (Some("Ada"), Some("grace@example.com"))
        );
    }

    #[test]
    fn a_password_is_needed_from_somewhere() {
        assert!(user_creation(query(), None).is_ok());
        let silent = UserInQuery { password: None, ..query() };
        let error = user_creation(silent, None).expect_err("no password");
        assert!(matches!(error, Refusal::Invalid { context: Some(field), .. } if field == "password"));
    }
}
