"""From an empty upstream to a mirror and back, by a client that openapi-python-client generated.

Every answer is checked for its status and its class, so a field or an operation that the generator drops fails here.
"""

from http import HTTPStatus
from typing import TypeVar

import httpx
from heliostat_client import AuthenticatedClient, Client
from heliostat_client.api.application import get_application_properties
from heliostat_client.api.mirroring_mirror import (
    get_mirror_mode,
    get_mirror_settings,
    get_mirrored_projects,
    get_mirrored_repository,
    get_synchronization_progress,
    get_upstream_server,
    list_upstream_servers,
    set_mirror_mode,
    set_mirror_settings,
    start_mirroring_project,
    start_mirroring_projects,
    stop_mirroring_project,
    stop_mirroring_projects,
)
from heliostat_client.api.mirroring_upstream import (
    accept,
    delete_mirroring_request,
    delete_preferred_mirror_id,
    get_mirror,
    get_mirroring_request,
    get_preferred_mirror_id,
    get_repository_mirrors,
    list_mirrors,
    list_requests,
    register,
    reject,
    remove,
    set_preferred_mirror_id,
)
from heliostat_client.api.projects import create_project
from heliostat_client.api.repositories import create_repository, get_branches
from heliostat_client.models import (
    MirroredRepositoryStatus,
    MirroringRequestState,
    MirrorMode,
    MirrorType,
    PageOfRestBranch,
    PageOfRestMirroredRepositoryDescriptor,
    PageOfRestMirroringRequest,
    PageOfRestMirrorServer,
    PageOfRestUpstreamServer,
    RefType,
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
from heliostat_client.types import Response
from surroundings import (
    MIRROR,
    MIRROR_NAME,
    NEW_CLONE,
    PATIENCE_SECONDS,
    UPSTREAM,
    WORKING_COPY,
    basic_credentials,
    eventually,
    git,
    only,
)

T = TypeVar("T")

upstream = AuthenticatedClient(
    base_url=f"{UPSTREAM}/rest", token=basic_credentials(), prefix="Basic", raise_on_unexpected_status=True
)
mirror = AuthenticatedClient(
    base_url=f"{MIRROR}/rest", token=basic_credentials(), prefix="Basic", raise_on_unexpected_status=True
)
anonymous = Client(base_url=f"{UPSTREAM}/rest", raise_on_unexpected_status=True)


def expect(kind: type[T], answer: Response, status: HTTPStatus = HTTPStatus.OK) -> T:
    """The body of an answer, which must have this status and class."""
    assert answer.status_code == status, (answer.status_code, answer.content)
    assert isinstance(answer.parsed, kind), (kind, answer.parsed)
    return answer.parsed


def expect_nothing(answer: Response) -> None:
    assert answer.status_code == HTTPStatus.NO_CONTENT, (answer.status_code, answer.content)
    assert answer.parsed is None, answer.parsed


def expect_error(answer: Response, status: HTTPStatus) -> None:
    errors = expect(RestErrors, answer, status)
    assert only(errors.errors).message, errors


def create_what_is_mirrored() -> tuple[RestRepository, str]:
    properties = expect(RestApplicationProperties, get_application_properties.sync_detailed(client=anonymous))
    assert properties.display_name == "Heliostat", properties

    request = RestProjectRequest(key="ONE", name="First project")
    project = expect(
        RestProject, create_project.sync_detailed(client=upstream, body=request), HTTPStatus.CREATED
    )
    assert (project.key, project.name, project.public) == ("ONE", "First project", False), project
    expect_error(create_project.sync_detailed(client=upstream, body=request), HTTPStatus.CONFLICT)

    answer = create_repository.sync_detailed(
        project.key, client=upstream, body=RestRepositoryRequest(name="Tools")
    )
    repository = expect(RestRepository, answer, HTTPStatus.CREATED)
    assert (repository.slug, repository.project.id) == ("tools", project.id), repository

    clone = only([link.href for link in repository.links.clone if link.name == "http"])
    git(WORKING_COPY, "push", "--quiet", clone, "HEAD:refs/heads/main")
    commit = git(WORKING_COPY, "rev-parse", "HEAD")
    page = expect(PageOfRestBranch, get_branches.sync_detailed(project.key, repository.slug, client=upstream))
    branch = only(page.values)
    assert (branch.display_id, branch.latest_commit, branch.type_) == ("main", commit, RefType.BRANCH), branch
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
    request = expect(RestMirroringRequest, register.sync_detailed(client=anonymous, body=submission))
    assert request.state is MirroringRequestState.PENDING, request
    assert (request.mirror_name, request.mirror_type) == ("Hanoi", MirrorType.FARM), request
    again = expect(RestMirroringRequest, register.sync_detailed(client=anonymous, body=submission))
    assert again.id == request.id, (request, again)

    number = str(request.id)
    refused = expect(RestMirrorServer, reject.sync_detailed(number, client=upstream))
    assert (refused.name, refused.enabled) == ("Hanoi", False), refused
    kept = expect(RestMirroringRequest, get_mirroring_request.sync_detailed(number, client=upstream))
    assert kept.state is MirroringRequestState.REJECTED, kept
    expect_error(register.sync_detailed(client=anonymous, body=submission), HTTPStatus.CONFLICT)
    expect_nothing(delete_mirroring_request.sync_detailed(number, client=upstream))
    expect_error(get_mirroring_request.sync_detailed(number, client=upstream), HTTPStatus.CONFLICT)


def accept_the_mirror() -> RestMirrorServer:
    def pending() -> RestMirroringRequest | None:
        answer = list_requests.sync_detailed(client=upstream, state=MirroringRequestState.PENDING)
        page = expect(PageOfRestMirroringRequest, answer)
        return next((request for request in page.values if request.mirror_name == MIRROR_NAME), None)

    request = eventually("the mirror's request", pending)
    accepted = expect(RestMirrorServer, accept.sync_detailed(str(request.id), client=upstream))
    assert (accepted.id, accepted.name, accepted.enabled) == (request.mirror_id, MIRROR_NAME, True), accepted
    listed = only(expect(PageOfRestMirrorServer, list_mirrors.sync_detailed(client=upstream)).values)
    assert (listed.id, listed.mirror_type) == (accepted.id, MirrorType.SINGLE), listed
    found = expect(RestMirrorServer, get_mirror.sync_detailed(accepted.id, client=upstream))
    assert found.base_url == MIRROR and found.last_seen_date > 0, found
    return found


def read_progress_until_done() -> str:
    def installed() -> RestUpstreamServer | None:
        # Until the mirror is installed it does not know who may ask.
        answer = list_upstream_servers.sync_detailed(client=mirror)
        if answer.status_code != HTTPStatus.OK:
            return None
        server = only(expect(PageOfRestUpstreamServer, answer).values)
        return server if server.state is UpstreamServerState.INSTALLED else None

    server = eventually("the mirror to be installed", installed)
    same = expect(RestUpstreamServer, get_upstream_server.sync_detailed(server.id, client=mirror))
    assert (same.id, same.base_url) == (server.id, UPSTREAM), same

    def done() -> RestSyncProgress | None:
        progress = expect(
            RestSyncProgress, get_synchronization_progress.sync_detailed(server.id, client=mirror)
        )
        assert 0 <= progress.synced_repos <= progress.total_repos, progress
        # Once all is done there is nothing to count.
        whole = not progress.discovering and progress.synced_repos == progress.total_repos
        return progress if whole else None

    eventually("the synchronization to be done", done)
    return server.id


def follow_the_link(
    repository: RestRepository, saigon: RestMirrorServer, upstream_id: str, commit: str
) -> None:
    answer = get_repository_mirrors.sync_detailed(str(repository.id), client=upstream)
    page = expect(PageOfRestMirroredRepositoryDescriptor, answer)
    assert (page.size, page.is_last_page) == (1, True), page
    descriptor = only(page.values)
    assert descriptor.mirror_server.id == saigon.id, descriptor
    link = only(descriptor.links.self_).href
    assert link.startswith(MIRROR), link

    def available() -> RestMirroredRepository | None:
        response = httpx.get(link, timeout=PATIENCE_SECONDS)
        assert "authorization" not in response.request.headers
        assert response.status_code == HTTPStatus.OK, (response.status_code, response.text)
        told = RestMirroredRepository.from_dict(response.json())
        return told if told.available else None

    mirrored = eventually("the repository to be available", available)
    assert mirrored.repository_id == str(repository.id) and mirrored.mirror_name == MIRROR_NAME, mirrored
    assert mirrored.status is MirroredRepositoryStatus.AVAILABLE, mirrored
    assert mirrored.generation == mirrored.upstream_generation, mirrored
    answer = get_mirrored_repository.sync_detailed(upstream_id, str(repository.id), client=mirror)
    assert expect(RestMirroredRepository, answer).links.clone == mirrored.links.clone

    clone = only([link.href for link in mirrored.links.clone if link.name == "http"])
    git(WORKING_COPY, "clone", "--quiet", clone, NEW_CLONE)
    assert git(NEW_CLONE, "rev-parse", "HEAD") == commit
    unsigned = Client(base_url=f"{MIRROR}/rest")
    answer = get_mirrored_repository.sync_detailed(upstream_id, str(repository.id), client=unsigned)
    expect_error(answer, HTTPStatus.UNAUTHORIZED)


def prefer_the_mirror(saigon: RestMirrorServer) -> None:
    expect_error(get_preferred_mirror_id.sync_detailed(client=upstream), HTTPStatus.NOT_FOUND)
    expect_nothing(set_preferred_mirror_id.sync_detailed(client=upstream, body=saigon.id))
    preferred = expect(RestMirrorServer, get_preferred_mirror_id.sync_detailed(client=upstream))
    assert (preferred.id, preferred.base_url) == (saigon.id, MIRROR), preferred
    expect_nothing(delete_preferred_mirror_id.sync_detailed(client=upstream))
    expect_error(get_preferred_mirror_id.sync_detailed(client=upstream), HTTPStatus.NOT_FOUND)


def change_settings(upstream_id: str, repository: RestRepository) -> None:
    first = str(repository.project.id)
    request = RestProjectRequest(key="TWO", name="Second project")
    answer = create_project.sync_detailed(client=upstream, body=request)
    second = str(expect(RestProject, answer, HTTPStatus.CREATED).id)

    update = RestUpstreamSettingsUpdate(mode=MirrorMode.SELECTED_PROJECTS, project_ids=[first])
    answer = set_mirror_settings.sync_detailed(upstream_id, client=mirror, body=update)
    changed = expect(RestUpstreamSettings, answer)
    assert (changed.mode, changed.project_ids) == (MirrorMode.SELECTED_PROJECTS, [first]), changed
    read = expect(RestUpstreamSettings, get_mirror_settings.sync_detailed(upstream_id, client=mirror))
    assert read == changed, (read, changed)

    both = expect(list, start_mirroring_projects.sync_detailed(upstream_id, client=mirror, body=[second]))
    assert sorted(both) == sorted([first, second]), both
    # A DELETE with a body: this generator sends it.
    expect_nothing(stop_mirroring_projects.sync_detailed(upstream_id, client=mirror, body=[second]))
    assert expect(list, get_mirrored_projects.sync_detailed(upstream_id, client=mirror)) == [first]
    both = expect(list, start_mirroring_project.sync_detailed(upstream_id, second, client=mirror))
    assert sorted(both) == sorted([first, second]), both
    expect_nothing(stop_mirroring_project.sync_detailed(upstream_id, second, client=mirror))
    assert expect(list, get_mirrored_projects.sync_detailed(upstream_id, client=mirror)) == [first]

    answer = set_mirror_mode.sync_detailed(upstream_id, client=mirror, body=MirrorMode.ALL_PROJECTS)
    assert expect(MirrorMode, answer) is MirrorMode.ALL_PROJECTS
    answer = get_mirror_mode.sync_detailed(upstream_id, client=mirror)
    assert expect(MirrorMode, answer) is MirrorMode.ALL_PROJECTS


def remove_the_mirror(repository: RestRepository, saigon: RestMirrorServer) -> None:
    expect_nothing(remove.sync_detailed(saigon.id, client=upstream))
    expect_error(get_mirror.sync_detailed(saigon.id, client=upstream), HTTPStatus.NOT_FOUND)
    assert expect(PageOfRestMirrorServer, list_mirrors.sync_detailed(client=upstream)).values == []
    answer = get_repository_mirrors.sync_detailed(str(repository.id), client=upstream)
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
