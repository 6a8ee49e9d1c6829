//! What tests put on an upstream: users, projects, repositories, permissions, tokens.

use heliostat_auth::shared_secret;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::client::{Client, Identity};
use super::git::Checkout;
use super::pair::clone_url;
use super::server::{ADMIN_PASSWORD, Server};

/// The password of the users that tests make.
pub const USER_PASSWORD: &str = "a good password";

impl Server {
    /// A client with an identity.
    pub fn client(&self, identity: &Identity) -> Client {
        Client::new(self.base_url(), identity.clone())
    }

    /// The upstream's administrator here.
    pub fn admin(&self) -> Client {
        self.client(&Identity::admin())
    }

    /// A client without credentials here.
    pub fn anonymous(&self) -> Client {
        self.client(&Identity::Anonymous)
    }

    /// A metric without labels, if it is shown here.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let text = self.anonymous().get("/metrics").await.expect(200).text;
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// The base URL as it stands in answers: without a slash at its end.
    pub fn base(&self) -> &str {
        self.base_url().as_str().trim_end_matches('/')
    }

    /// A new user without any permission but to sign in.
    pub async fn new_user(&self) -> Identity {
        let name = format!("user-{}", unique());
        let body = json!({"name": name, "password": USER_PASSWORD, "displayName": name,
            "emailAddress": format!("{name}@example.com")});
        self.admin().post("/rest/api/latest/admin/users", &body).await.expect(204);
        Identity::User(name, USER_PASSWORD.into())
    }

    /// A new user with a permission for the whole server.
    pub async fn user_with(&self, permission: &str) -> Identity {
        let user = self.new_user().await;
        self.grant("/rest/api/latest/admin/permissions/users", &user, permission).await;
        user
    }

    /// A new user with a permission for one project.
    pub async fn user_on_project(&self, project: &Value, permission: &str) -> Identity {
        let user = self.new_user().await;
        self.grant(&format!("{}/permissions/users", project_path(project)), &user, permission).await;
        user
    }

    /// A new user with a permission for one repository.
    pub async fn user_on_repository(&self, repository: &Value, permission: &str) -> Identity {
        let user = self.new_user().await;
        self.grant(&format!("{}/permissions/users", repository_path(repository)), &user, permission).await;
        user
    }

    /// Gives a user a permission, in the list of permissions with this path.
    pub async fn grant(&self, place: &str, user: &Identity, permission: &str) {
        let path = format!("{place}?name={}&permission={permission}", user.name());
        self.admin().send(Method::PUT, &path, None).await.expect(204);
    }

    /// A new access token of a user, with what it may do at most; returns its wire form.
    pub async fn new_token(&self, user: &Identity, permissions: &[&str]) -> Value {
        let path = format!("/rest/access-tokens/latest/users/{}", user.name());
        let body = json!({"name": format!("token-{}", unique()), "permissions": permissions});
        self.client(user).put(&path, &body).await.expect(200).json()
    }

    /// A new project; returns its wire form.
    pub async fn new_project(&self, public: bool) -> Value {
        let key = format!("P{}", unique().to_uppercase());
        let body = json!({"key": key, "name": format!("Project {key}"), "public": public});
        self.admin().post("/rest/api/latest/projects", &body).await.expect(201).json()
    }

    /// A new, empty repository; returns its wire form.
    pub async fn new_repository(&self, project: &Value) -> Value {
        let path = format!("{}/repos", project_path(project));
        let body = json!({"name": format!("repo-{}", unique())});
        self.admin().post(&path, &body).await.expect(201).json()
    }

    /// A new, empty repository in a new project.
    pub async fn empty_repository(&self, public: bool) -> Value {
        let project = self.new_project(public).await;
        self.new_repository(&project).await
    }

    /// A repository in a new project with one commit pushed; returns it with its checkout.
    pub async fn pushed_repository(&self, public: bool) -> (Value, Checkout) {
        let repository = self.empty_repository(public).await;
        let checkout = Checkout::new();
        checkout.push(&self.admin_url(&repository), &["HEAD:refs/heads/main"]);
        (repository, checkout)
    }

    /// The clone URL of a repository here, with the administrator's credentials.
    pub fn admin_url(&self, repository: &Value) -> Url {
        clone_url(self.base_url(), repository, Some(("admin", ADMIN_PASSWORD)))
    }
}

/// The path of a project in the core API.
pub fn project_path(project: &Value) -> String {
    format!("/rest/api/latest/projects/{}", project["key"].as_str().expect("a project has a key"))
}

/// The path of a repository in the core API.
pub fn repository_path(repository: &Value) -> String {
    let slug = repository["slug"].as_str().expect("a repository has a slug");
    format!("{}/repos/{slug}", project_path(&repository["project"]))
}

/// The values of a page of a list; fails unless it is whole, so the list must be shorter than a page can be.
pub async fn every_value(client: &Client, path: &str) -> Vec<Value> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let page = client.get(&format!("{path}{separator}limit=1000")).await.promised(200);
    assert_eq!(page["isLastPage"], true, "{path} is longer than a page");
    page["values"].as_array().expect("a page has values").clone()
}

/// Walks through a list in pages of this size, as clients do; fails unless each page says how it goes on.
pub async fn walk(client: &Client, path: &str, limit: usize) -> Vec<Value> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let (mut start, mut all) = (0, Vec::new());
    loop {
        let page = client.get(&format!("{path}{separator}start={start}&limit={limit}")).await.promised(200);
        let values = page["values"].as_array().expect("a page has values");
        assert_eq!((&page["start"], &page["limit"]), (&json!(start), &json!(limit)), "{page}");
        assert_eq!(page["size"], values.len(), "{page}");
        all.extend(values.iter().cloned());
        if page["isLastPage"] == true {
            assert!(page.get("nextPageStart").is_none(), "{page}");
            return all;
        }
        assert_eq!(values.len(), limit, "a page that is not the last is full: {page}");
        start = page["nextPageStart"].as_u64().expect("a page follows");
    }
}

/// A short text that no other test uses.
pub fn unique() -> String {
    shared_secret().expose()[..10].to_owned()
}
