//! POST /admin/users: a new account, given in the body or, by clients that know no better, in the query.

use heliostat_api::Call;
use heliostat_api::ops::{CreateUser, CreateUserRequest, CreateUserResponse};
use heliostat_auth::Secret;
use heliostat_refusal::Refusal;
use heliostat_upstream::UserCreation;
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;

impl CreateUser for UpstreamHandlers {
    async fn create_user(
        &self,
        call: Call,
        request: CreateUserRequest,
    ) -> Result<CreateUserResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator = permit::admin(&caller)?;
        let creation = user_creation(request)?;
        request_record::about(&creation.name);
        let user = self.upstream.accounts().create_user(administrator, creation).await?;
        request_record::created(&user.slug);
        Ok(CreateUserResponse::NoContent)
    }
}

/// The account that the request asks for; the body counts where it and the query both speak.
fn user_creation(request: CreateUserRequest) -> Result<UserCreation, Refusal> {
    let body = request.body.unwrap_or_default();
    // The body's name and password are required there, so an empty one means that there is no body.
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let name = given(body.name).or(request.name).ok_or_else(|| missing("name"))?;
    let password = given(body.password).or(request.password).ok_or_else(|| missing("password"))?;
    Ok(UserCreation {
        name,
        password: Secret::new(password),
        display_name: body.display_name.or(request.display_name),
        email: body.email_address.or(request.email_address),
    })
}

fn missing(field: &str) -> Refusal {
    Refusal::invalid(field, format!("A new user needs a {field}."))
}

#[cfg(test)]
mod tests {
    use heliostat_api::models::RestUserCreation;

    use super::*;

    fn query() -> CreateUserRequest {
        CreateUserRequest {
            name: Some("ada".into()),
            display_name: Some("Ada".into()),
            email_address: None,
            password: Some("from-the-query".into()),
            body: None,
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
        let user = user_creation(CreateUserRequest { body: Some(body), ..query() }).expect("complete");
        assert_eq!((user.name.as_str(), user.password.expose()), ("grace", "from-the-body"));
        assert_eq!(
            (user.display_name.as_deref(), user.email.as_deref()),
            (Some("Ada"), Some("grace@example.com"))
        );
    }

    #[test]
    fn a_password_is_needed_from_somewhere() {
        assert!(user_creation(query()).is_ok());
        let silent = CreateUserRequest { password: None, ..query() };
        let error = user_creation(silent).expect_err("no password");
        assert!(matches!(error, Refusal::Invalid { context: Some(field), .. } if field == "password"));
    }
}
