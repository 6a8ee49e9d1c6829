//! The core API of an upstream: each operation is handed to its own file, in document order.

use heliostat_api::Call;
use heliostat_api::models::{
    AdminPasswordUpdate, BranchOrder, GlobalPermission, ProjectPermission, RepositoryPermission,
    RepositoryVisibility, RestAccessTokenRequest, RestBranchCreateRequest, RestBranchDeleteRequest,
    RestCreateBranchRequest, RestDefaultBranchUpdate, RestProjectRequest, RestProjectUpdate,
    RestRepositoryRequest, RestRepositoryUpdate, RestUserCreation,
};
use heliostat_api::{
    access_tokens as contract_tokens, application, permissions as contract_permissions, projects,
    repositories, users as contract_users,
};

use super::core_repositories::{BranchesInQuery, RepositoryFilterInQuery};
use super::upstream_operations::UpstreamOperations;
use super::users::UserInQuery;
use super::{access_tokens, application_properties, core_projects, core_repositories, permissions, users};

impl application::ApplicationOperations for UpstreamOperations {
    async fn get_application_properties(
        &self,
        _call: Call,
    ) -> poem::Result<application::GetApplicationPropertiesResponse> {
        Ok(application_properties::get_application_properties(self).await?)
    }
}

impl projects::ProjectsOperations for UpstreamOperations {
    async fn get_projects(
        &self,
        call: Call,
        name: Option<String>,
        permission: Option<ProjectPermission>,
        start: i64,
        limit: i32,
    ) -> poem::Result<projects::GetProjectsResponse> {
        Ok(core_projects::get_projects(self, call, name, permission, start, limit).await?)
    }

    async fn create_project(
        &self,
        call: Call,
        body: RestProjectRequest,
    ) -> poem::Result<projects::CreateProjectResponse> {
        Ok(core_projects::create_project(self, call, body).await?)
    }

    async fn get_project(
        &self,
        call: Call,
        project_key: String,
    ) -> poem::Result<projects::GetProjectResponse> {
        Ok(core_projects::get_project(self, call, project_key).await?)
    }

    async fn update_project(
        &self,
        call: Call,
        project_key: String,
        body: RestProjectUpdate,
    ) -> poem::Result<projects::UpdateProjectResponse> {
        Ok(core_projects::update_project(self, call, project_key, body).await?)
    }

    async fn delete_project(
        &self,
        call: Call,
        project_key: String,
    ) -> poem::Result<projects::DeleteProjectResponse> {
        Ok(core_projects::delete_project(self, call, project_key).await?)
    }
}

impl repositories::RepositoriesOperations for UpstreamOperations {
    async fn get_repositories(
        &self,
        call: Call,
        project_key: String,
        start: i64,
        limit: i32,
    ) -> poem::Result<repositories::GetRepositoriesResponse> {
        Ok(core_repositories::get_repositories(self, call, project_key, start, limit).await?)
    }

    async fn create_repository(
        &self,
        call: Call,
        project_key: String,
        body: RestRepositoryRequest,
    ) -> poem::Result<repositories::CreateRepositoryResponse> {
        Ok(core_repositories::create_repository(self, call, project_key, body).await?)
    }

    async fn get_repository(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
    ) -> poem::Result<repositories::GetRepositoryResponse> {
        Ok(core_repositories::get_repository(self, call, project_key, repository_slug).await?)
    }

    async fn update_repository(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        body: RestRepositoryUpdate,
    ) -> poem::Result<repositories::UpdateRepositoryResponse> {
        Ok(core_repositories::update_repository(self, call, project_key, repository_slug, body).await?)
    }

    async fn delete_repository(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
    ) -> poem::Result<repositories::DeleteRepositoryResponse> {
        Ok(core_repositories::delete_repository(self, call, project_key, repository_slug).await?)
    }

    async fn get_branches(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        filter_text: Option<String>,
        order_by: Option<BranchOrder>,
        boost_matches: String,
        start: i64,
        limit: i32,
    ) -> poem::Result<repositories::GetBranchesResponse> {
        let query = BranchesInQuery { filter_text, order_by, boost_matches };
        Ok(core_repositories::get_branches(self, call, project_key, repository_slug, query, start, limit)
            .await?)
    }

    async fn create_branch_for_repository(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        body: RestCreateBranchRequest,
    ) -> poem::Result<repositories::CreateBranchForRepositoryResponse> {
        Ok(core_repositories::create_branch_for_repository(self, call, project_key, repository_slug, body)
            .await?)
    }

    async fn get_default_branch_with_tip(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
    ) -> poem::Result<repositories::GetDefaultBranchWithTipResponse> {
        Ok(core_repositories::get_default_branch_with_tip(self, call, project_key, repository_slug).await?)
    }

    async fn set_default_branch_at_former_path(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        body: RestDefaultBranchUpdate,
    ) -> poem::Result<repositories::SetDefaultBranchAtFormerPathResponse> {
        Ok(core_repositories::set_default_branch_at_former_path(
            self,
            call,
            project_key,
            repository_slug,
            body,
        )
        .await?)
    }

    async fn create_branch(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        body: RestBranchCreateRequest,
    ) -> poem::Result<repositories::CreateBranchResponse> {
        Ok(core_repositories::create_branch(self, call, project_key, repository_slug, body).await?)
    }

    async fn delete_branch(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        body: RestBranchDeleteRequest,
    ) -> poem::Result<repositories::DeleteBranchResponse> {
        Ok(core_repositories::delete_branch(self, call, project_key, repository_slug, body).await?)
    }

    async fn get_default_branch(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
    ) -> poem::Result<repositories::GetDefaultBranchResponse> {
        Ok(core_repositories::get_default_branch(self, call, project_key, repository_slug).await?)
    }

    async fn set_default_branch(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        body: RestDefaultBranchUpdate,
    ) -> poem::Result<repositories::SetDefaultBranchResponse> {
        Ok(core_repositories::set_default_branch(self, call, project_key, repository_slug, body).await?)
    }

    async fn search_repositories(
        &self,
        call: Call,
        name: Option<String>,
        projectname: Option<String>,
        projectkey: Option<String>,
        visibility: Option<RepositoryVisibility>,
        start: i64,
        limit: i32,
    ) -> poem::Result<repositories::SearchRepositoriesResponse> {
        let filter = RepositoryFilterInQuery { name, projectname, projectkey, visibility };
        Ok(core_repositories::search_repositories(self, call, filter, start, limit).await?)
    }
}

impl contract_users::UsersOperations for UpstreamOperations {
    async fn get_users(
        &self,
        call: Call,
        filter: Option<String>,
        start: i64,
        limit: i32,
    ) -> poem::Result<contract_users::GetUsersResponse> {
        Ok(users::get_users(self, call, filter, start, limit).await?)
    }

    async fn get_user(&self, call: Call, user_slug: String) -> poem::Result<contract_users::GetUserResponse> {
        Ok(users::get_user(self, call, user_slug).await?)
    }

    async fn get_detailed_users(
        &self,
        call: Call,
        filter: Option<String>,
        start: i64,
        limit: i32,
    ) -> poem::Result<contract_users::GetDetailedUsersResponse> {
        Ok(users::get_detailed_users(self, call, filter, start, limit).await?)
    }

    async fn create_user(
        &self,
        call: Call,
        name: Option<String>,
        display_name: Option<String>,
        email_address: Option<String>,
        password: Option<String>,
        body: Option<RestUserCreation>,
    ) -> poem::Result<contract_users::CreateUserResponse> {
        let query = UserInQuery { name, display_name, email_address, password };
        Ok(users::create_user(self, call, query, body).await?)
    }

    async fn delete_user(
        &self,
        call: Call,
        name: String,
    ) -> poem::Result<contract_users::DeleteUserResponse> {
        Ok(users::delete_user(self, call, name).await?)
    }

    async fn update_user_password(
        &self,
        call: Call,
        body: AdminPasswordUpdate,
    ) -> poem::Result<contract_users::UpdateUserPasswordResponse> {
        Ok(users::update_user_password(self, call, body).await?)
    }
}

impl contract_permissions::PermissionsOperations for UpstreamOperations {
    async fn get_users_with_any_permission(
        &self,
        call: Call,
        filter: Option<String>,
        start: i64,
        limit: i32,
    ) -> poem::Result<contract_permissions::GetUsersWithAnyPermissionResponse> {
        Ok(permissions::get_users_with_any_permission(self, call, filter, start, limit).await?)
    }

    async fn set_permission_for_users(
        &self,
        call: Call,
        name: String,
        permission: GlobalPermission,
    ) -> poem::Result<contract_permissions::SetPermissionForUsersResponse> {
        Ok(permissions::set_permission_for_users(self, call, name, permission).await?)
    }

    async fn revoke_permissions_for_user(
        &self,
        call: Call,
        name: String,
    ) -> poem::Result<contract_permissions::RevokePermissionsForUserResponse> {
        Ok(permissions::revoke_permissions_for_user(self, call, name).await?)
    }

    async fn get_project_user_permissions(
        &self,
        call: Call,
        project_key: String,
        filter: Option<String>,
        start: i64,
        limit: i32,
    ) -> poem::Result<contract_permissions::GetProjectUserPermissionsResponse> {
        Ok(permissions::get_project_user_permissions(self, call, project_key, filter, start, limit).await?)
    }

    async fn set_project_user_permission(
        &self,
        call: Call,
        project_key: String,
        name: String,
        permission: ProjectPermission,
    ) -> poem::Result<contract_permissions::SetProjectUserPermissionResponse> {
        Ok(permissions::set_project_user_permission(self, call, project_key, name, permission).await?)
    }

    async fn revoke_project_user_permission(
        &self,
        call: Call,
        project_key: String,
        name: String,
    ) -> poem::Result<contract_permissions::RevokeProjectUserPermissionResponse> {
        Ok(permissions::revoke_project_user_permission(self, call, project_key, name).await?)
    }

    async fn get_repository_user_permissions(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        filter: Option<String>,
        start: i64,
        limit: i32,
    ) -> poem::Result<contract_permissions::GetRepositoryUserPermissionsResponse> {
        Ok(permissions::get_repository_user_permissions(
            self,
            call,
            project_key,
            repository_slug,
            filter,
            start,
            limit,
        )
        .await?)
    }

    async fn set_permission_for_user(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        name: String,
        permission: RepositoryPermission,
    ) -> poem::Result<contract_permissions::SetPermissionForUserResponse> {
        Ok(permissions::set_permission_for_user(self, call, project_key, repository_slug, name, permission)
            .await?)
    }

    async fn revoke_repository_user_permission(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        name: String,
    ) -> poem::Result<contract_permissions::RevokeRepositoryUserPermissionResponse> {
        Ok(permissions::revoke_repository_user_permission(self, call, project_key, repository_slug, name)
            .await?)
    }
}

impl contract_tokens::AccessTokensOperations for UpstreamOperations {
    async fn get_user_access_tokens(
        &self,
        call: Call,
        user_slug: String,
        start: i64,
        limit: i32,
    ) -> poem::Result<contract_tokens::GetUserAccessTokensResponse> {
        Ok(access_tokens::get_user_access_tokens(self, call, user_slug, start, limit).await?)
    }

    async fn create_user_access_token(
        &self,
        call: Call,
        user_slug: String,
        body: RestAccessTokenRequest,
    ) -> poem::Result<contract_tokens::CreateUserAccessTokenResponse> {
        Ok(access_tokens::create_user_access_token(self, call, user_slug, body).await?)
    }

    async fn get_user_access_token(
        &self,
        call: Call,
        user_slug: String,
        token_id: String,
    ) -> poem::Result<contract_tokens::GetUserAccessTokenResponse> {
        Ok(access_tokens::get_user_access_token(self, call, user_slug, token_id).await?)
    }

    async fn delete_user_access_token(
        &self,
        call: Call,
        user_slug: String,
        token_id: String,
    ) -> poem::Result<contract_tokens::DeleteUserAccessTokenResponse> {
        Ok(access_tokens::delete_user_access_token(self, call, user_slug, token_id).await?)
    }
}
