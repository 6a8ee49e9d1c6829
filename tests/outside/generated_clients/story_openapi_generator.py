"""From an empty upstream to a mirror and back, by a client that openapi-generator generated for Python.

Every answer is checked for its status and its class, so a field or an operation that the generator drops fails here.
"""

from collections.abc import Callable
from typing import TypeVar

import urllib3
from openapi_client import (
    ApiClient,
    ApiException,
    ApiResponse,
    ApplicationApi,
    Configuration,
    MirroredRepositoryStatus,
    MirroringMirrorApi,
    MirroringRequestState,
    MirroringUpstreamApi,
    MirrorMode,
    MirrorType,
    PageOfRestBranch,
    PageOfRestMirroredRepositoryDescriptor,
    PageOfRestMirroringRequest,
    PageOfRestMirrorServer,
    PageOfRestUpstreamServer,
    ProjectsApi,
    RefType,
    RepositoriesApi,
    RestApplicationProperties,
    RestErrors,
    RestMirroredRepository,
    RestMirroringRequest,
    RestMirroringRequestSubmission,
    RestMirrorServer,
    RestProject,
    RestProjectRequest,
    RestRepository,
    RestRepositoryRequest,
    RestSyncProgress,
    RestUpstreamServer,
    RestUpstreamSettings,
    RestUpstreamSettingsUpdate,
    UpstreamServerState,
)
from surroundings import (
    MIRROR,
    MIRROR_NAME,
    NEW_CLONE,
    PASSWORD,
    UPSTREAM,
    USER,
    WORKING_COPY,
    eventually,
    git,
    only,
)

T = TypeVar("T")

upstream = ApiClient(Configuration(host=f"{UPSTREAM}/rest", username=USER, password=PASSWORD))
mirror = ApiClient(Configuration(host=f"{MIRROR}/rest", username=USER, password=PASSWORD))
joining = MirroringUpstreamApi(upstream)
following = MirroringMirrorApi(mirror)
projects = ProjectsApi(upstream)
repositories = RepositoriesApi(upstream)
as_anonymous = MirroringUpstreamApi(ApiClient(Configuration(host=f"{UPSTREAM}/rest")))


def expect(kind: type[T], answer: ApiResponse, status: int = 200) -> T:
    """The body of an answer, which must have this status and class."""
    assert answer.status_code == status, answer
    assert isinstance(answer.data, kind), (kind, answer.data)
    return answer.data


def expect_nothing(answer: ApiResponse) -> None:
    assert (answer.status_code, answer.data) == (204, None), answer


def expect_error(call: Callable[[], object], status: int) -> None:
    try:
        answer = call()
    except ApiException as error:
        assert error.status == status, error
        assert isinstance(error.data, RestErrors), error.data
        assert only(error.data.errors).message, error.data
    else:
        raise AssertionError(f"{answer} instead of {status}")


def create_what_is_mirrored() -> tuple[RestRepository, str]:
    application = ApplicationApi(ApiClient(Configuration(host=f"{UPSTREAM}/rest")))
    properties = expect(RestApplicationProperties, application.get_application_properties_with_http_info())
    assert properties.display_name == "Heliostat", properties

    request = RestProjectRequest(key="ONE", name="First project")
    project = expect(RestProject, projects.create_project_with_http_info(request), 201)
    assert (project.key, project.name, project.public) == ("ONE", "First project", False), project
    expect_error(lambda: projects.create_project(request), 409)

    answer = repositories.create_repository_with_http_info(project.key, RestRepositoryRequest(name="Tools"))
    repository = expect(RestRepository, answer, 201)
    assert (repository.slug, repository.project.id) == ("tools", project.id), repository

    clone = only([link.href for link in repository.links.clone if link.name == "http"])
    git(WORKING_COPY, "push", "--quiet", clone, "HEAD:refs/heads/main")
    commit = git(WORKING_COPY, "rev-parse", "HEAD")
    answer = repositories.get_branches_with_http_info(project.key, repository.slug)
    branch = only(expect(PageOfRestBranch, answer).values)
    assert (branch.display_id, branch.latest_commit, branch.type) == ("main", commit, RefType.BRANCH), branch
    return repository, commit


def turn_a_mirror_away() -> None:
    base = "http://127.0.0.1:9"
    submission = RestMirroringRequestSubmission(
        mirror_id="HAN0-0000-0000-0001",
        mirror_name="Hanoi",
        mirror_base_url=base,
        addon_descriptor_uri=f"{base}/rest/mirroring/latest/upstreamServers/1/addon/descriptor",
        mirror_type=MirrorType.FARM,
        product_type="Story",
        product_version="1.0",
    )
    request = expect(RestMirroringRequest, as_anonymous.register_with_http_info(submission))
    assert request.state is MirroringRequestState.PENDING, request
    assert (request.mirror_name, request.mirror_type) == ("Hanoi", MirrorType.FARM), request
    again = expect(RestMirroringRequest, as_anonymous.register_with_http_info(submission))
    assert again.id == request.id, (request, again)

    number = str(request.id)
    refused = expect(RestMirrorServer, joining.reject_with_http_info(number))
    assert (refused.name, refused.enabled) == ("Hanoi", False), refused
    kept = expect(RestMirroringRequest, joining.get_mirroring_request_with_http_info(number))
    assert kept.state is MirroringRequestState.REJECTED, kept
    expect_error(lambda: as_anonymous.register(submission), 409)
    expect_nothing(joining.delete_mirroring_request_with_http_info(number))
    expect_error(lambda: joining.get_mirroring_request(number), 409)


def accept_the_mirror() -> RestMirrorServer:
    def pending() -> RestMirroringRequest | None:
        answer = joining.list_requests_with_http_info(state=MirroringRequestState.PENDING)
        page = expect(PageOfRestMirroringRequest, answer)
        return next((request for request in page.values if request.mirror_name == MIRROR_NAME), None)

    request = eventually("the mirror's request", pending)
    accepted = expect(RestMirrorServer, joining.accept_with_http_info(str(request.id)))
    assert (accepted.id, accepted.name, accepted.enabled) == (request.mirror_id, MIRROR_NAME, True), accepted
    listed = only(expect(PageOfRestMirrorServer, joining.list_mirrors_with_http_info()).values)
    assert (listed.id, listed.mirror_type) == (accepted.id, MirrorType.SINGLE), listed
    found = expect(RestMirrorServer, joining.get_mirror_with_http_info(accepted.id))
    assert found.base_url == MIRROR and found.last_seen_date > 0, found
    return found


def read_progress_until_done() -> str:
    def installed() -> RestUpstreamServer | None:
        # Until the mirror is installed it does not know who may ask.
        try:
            answer = following.list_upstream_servers_with_http_info()
        except ApiException:
            return None
        server = only(expect(PageOfRestUpstreamServer, answer).values)
        return server if server.state is UpstreamServerState.INSTALLED else None

    server = eventually("the mirror to be installed", installed)
    same = expect(RestUpstreamServer, following.get_upstream_server_with_http_info(server.id))
    assert (same.id, same.base_url) == (server.id, UPSTREAM), same

    def done() -> RestSyncProgress | None:
        answer = following.get_synchronization_progress_with_http_info(server.id)
        progress = expect(RestSyncProgress, answer)
        assert 0 <= progress.synced_repos <= progress.total_repos, progress
        # Once all is done there is nothing to count.
        whole = not progress.discovering and progress.synced_repos == progress.total_repos
        return progress if whole else None

    eventually("the synchronization to be done", done)
    return server.id


def follow_the_link(
    repository: RestRepository, saigon: RestMirrorServer, upstream_id: str, commit: str
) -> None:
    answer = joining.get_repository_mirrors_with_http_info(str(repository.id))
    page = expect(PageOfRestMirroredRepositoryDescriptor, answer)
    assert (page.size, page.is_last_page) == (1, True), page
    descriptor = only(page.values)
    assert descriptor.mirror_server.id == saigon.id, descriptor
    link = only(descriptor.links.var_self).href
    assert link.startswith(MIRROR), link

    def available() -> RestMirroredRepository | None:
        # Nothing of a client's settings goes with this request, no header either.
        response = urllib3.request("GET", link)
        assert response.status == 200, (response.status, response.data)
        told = RestMirroredRepository.from_json(response.data.decode())
        return told if told is not None and told.available else None

    mirrored = eventually("the repository to be available", available)
    assert mirrored.repository_id == str(repository.id) and mirrored.mirror_name == MIRROR_NAME, mirrored
    assert mirrored.status is MirroredRepositoryStatus.AVAILABLE, mirrored
    assert mirrored.generation == mirrored.upstream_generation, mirrored
    answer = following.get_mirrored_repository_with_http_info(upstream_id, str(repository.id))
    assert expect(RestMirroredRepository, answer).links.clone == mirrored.links.clone

    clone = only([link.href for link in mirrored.links.clone if link.name == "http"])
    git(WORKING_COPY, "clone", "--quiet", clone, NEW_CLONE)
    assert git(NEW_CLONE, "rev-parse", "HEAD") == commit
    unsigned = MirroringMirrorApi(ApiClient(Configuration(host=f"{MIRROR}/rest")))
    expect_error(lambda: unsigned.get_mirrored_repository(upstream_id, str(repository.id)), 401)


def prefer_the_mirror(saigon: RestMirrorServer) -> None:
    expect_error(joining.get_preferred_mirror_id, 404)
    expect_nothing(joining.set_preferred_mirror_id_with_http_info(saigon.id))
    preferred = expect(RestMirrorServer, joining.get_preferred_mirror_id_with_http_info())
    assert (preferred.id, preferred.base_url) == (saigon.id, MIRROR), preferred
    expect_nothing(joining.delete_preferred_mirror_id_with_http_info())
    expect_error(joining.get_preferred_mirror_id, 404)


def change_settings(upstream_id: str, repository: RestRepository) -> None:
    first = str(repository.project.id)
    request = RestProjectRequest(key="TWO", name="Second project")
    second = str(expect(RestProject, projects.create_project_with_http_info(request), 201).id)

    update = RestUpstreamSettingsUpdate(mode=MirrorMode.SELECTED_PROJECTS, project_ids=[first])
    changed = expect(RestUpstreamSettings, following.set_mirror_settings_with_http_info(upstream_id, update))
    assert (changed.mode, changed.project_ids) == (MirrorMode.SELECTED_PROJECTS, [first]), changed
    read = expect(RestUpstreamSettings, following.get_mirror_settings_with_http_info(upstream_id))
    assert read == changed, (read, changed)

    both = expect(list, following.start_mirroring_projects_with_http_info(upstream_id, [second]))
    assert sorted(both) == sorted([first, second]), both
    # A DELETE with a body: this generator sends it.
    expect_nothing(following.stop_mirroring_projects_with_http_info(upstream_id, [second]))
    assert expect(list, following.get_mirrored_projects_with_http_info(upstream_id)) == [first]
    both = expect(list, following.start_mirroring_project_with_http_info(upstream_id, second))
    assert sorted(both) == sorted([first, second]), both
    expect_nothing(following.stop_mirroring_project_with_http_info(upstream_id, second))
    assert expect(list, following.get_mirrored_projects_with_http_info(upstream_id)) == [first]

    answer = following.set_mirror_mode_with_http_info(upstream_id, MirrorMode.ALL_PROJECTS)
    assert expect(MirrorMode, answer) is MirrorMode.ALL_PROJECTS
    answer = following.get_mirror_mode_with_http_info(upstream_id)
    assert expect(MirrorMode, answer) is MirrorMode.ALL_PROJECTS


def remove_the_mirror(repository: RestRepository, saigon: RestMirrorServer) -> None:
    expect_nothing(joining.remove_with_http_info(saigon.id))
    expect_error(lambda: joining.get_mirror(saigon.id), 404)
    assert expect(PageOfRestMirrorServer, joining.list_mirrors_with_http_info()).values == []
    answer = joining.get_repository_mirrors_with_http_info(str(repository.id))
    assert expect(PageOfRestMirroredRepositoryDescriptor, answer).values == []


def main() -> None:
    repository, commit = create_what_is_mirrored()
    turn_a_mirror_away()
    saigon = accept_the_mirror()
    upstream_id = read_progress_until_done()
    follow_the_link(repository, saigon, upstream_id, commit)
    prefer_the_mirror(saigon)
    change_settings(upstream_id, repository)
    remove_the_mirror(repository, saigon)
    print("the story is told")


main()
