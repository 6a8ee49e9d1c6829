"""What scripts do with atlassian-python-api, told in chapters: story.py CHAPTER PROJECT_KEY [WORDS...].

Nothing of the library is replaced. A call that it makes and that the server does not understand ends the story.
"""

import os
import sys

from atlassian import Bitbucket
from requests import HTTPError

SLUG = "lenses"


def same(found, expected):
    """Ends the story when something is not what it should be."""
    if found != expected:
        raise SystemExit(f"found {found!r} where {expected!r} was expected")


def refused(status, call, *words, **named):
    """Ends the story unless the server refuses a call with this status."""
    try:
        answer = call(*words, **named)
    except HTTPError as error:
        same(error.response.status_code, status)
        return str(error)
    raise SystemExit(f"{call.__name__} was answered {answer!r} and not {status}")


def names(values, field="displayId"):
    return [value[field] for value in values]


def create(bitbucket, key):
    """Projects and repositories."""
    project = bitbucket.create_project(key, f"Project {key}", "What it is about.")
    same((project["key"], project["description"]), (key, "What it is about."))
    same(bitbucket.project(key)["id"], project["id"])
    same(bitbucket.project_exists(key), True)
    same(bitbucket.project_exists(f"{key}X"), False)
    assert key in names(bitbucket.project_list(), "key")
    assert key in names(bitbucket.project_list(limit=1), "key"), "page by page"
    refused(409, bitbucket.create_project, key, f"Project {key}")
    same(bitbucket.update_project(key, description="Another.")["description"], "Another.")

    repository = bitbucket.create_repo(key, "Lenses", forkable=False)
    same((repository["slug"], repository["forkable"]), (SLUG, False))
    for number in range(3):
        bitbucket.create_repo(key, f"more-{number}")
    slugs = [SLUG, "more-0", "more-1", "more-2"]
    same(sorted(names(bitbucket.repo_list(key, limit=2), "slug")), slugs)
    same(sorted(names(bitbucket.repo_all_list(key), "slug")), slugs)
    same(bitbucket.get_repo(key, SLUG)["id"], repository["id"])
    same((bitbucket.repo_exists(key, SLUG), bitbucket.repo_exists(key, "none")), (True, False))
    same(bitbucket.update_repo(key, SLUG, description="Glass.")["description"], "Glass.")
    same(bitbucket.set_repo_forkable(key, SLUG, True)["forkable"], True)
    same(list(bitbucket.get_branches(key, SLUG)), [])


def branches(bitbucket, key, tip, before):
    """Branches, after `main`, `old` and `feature/one` were pushed."""
    found = {branch["displayId"]: branch for branch in bitbucket.get_branches(key, SLUG)}
    same({name: branch["latestCommit"] for name, branch in found.items()},
         {"main": tip, "old": before, "feature/one": before})
    same([name for name, branch in found.items() if branch["isDefault"]], ["main"])
    same([name for name, branch in found.items() if branch["default"]], ["main"])
    sorted_by_name = {"order_by": "ALPHABETICAL", "details": False}
    same(names(bitbucket.get_branches(key, SLUG, limit=1, **sorted_by_name)), ["feature/one", "main", "old"])
    same(names(bitbucket.get_branches(key, SLUG, filter="OL", boost_matches=True)), ["old"])
    same(names(bitbucket.get_branches(key, SLUG, base="refs/heads/main", filter="one")), ["feature/one"])

    default = bitbucket.get_default_branch(key, SLUG)
    same((default["id"], default["latestCommit"]), ("refs/heads/main", tip))
    bitbucket.set_default_branch(key, SLUG, "refs/heads/old")
    same(bitbucket.get_default_branch(key, SLUG)["displayId"], "old")
    bitbucket.set_default_branch(key, SLUG, "refs/heads/main")

    created = bitbucket.create_branch(key, SLUG, "release", "old", message="why")
    same((created["id"], created["latestCommit"]), ("refs/heads/release", before))
    same(bitbucket.create_branch(key, SLUG, "at-commit", tip)["latestCommit"], tip)
    refused(409, bitbucket.create_branch, key, SLUG, "release", "main")
    refused(404, bitbucket.create_branch, key, SLUG, "nowhere", "unknown")
    refused(400, bitbucket.delete_branch, key, SLUG, "at-commit", end_point=before)
    bitbucket.delete_branch(key, SLUG, "at-commit", end_point=tip)
    bitbucket.delete_branch(key, SLUG, "refs/heads/old")
    refused(400, bitbucket.delete_branch, key, SLUG, "main")


def permissions(bitbucket, key, user):
    """Users and what they may do."""
    same(names(bitbucket.get_users(user)["values"], "name"), [user])
    same(names(bitbucket.get_users_info(user), "name"), [user])

    bitbucket.project_grant_user_permissions(key, user, "PROJECT_WRITE")
    granted = {entry["user"]["name"]: entry["permission"] for entry in bitbucket.project_users(key)}
    same(granted.get(user), "PROJECT_WRITE")
    same(names([entry["user"] for entry in bitbucket.project_users(key, filter_str=user)], "name"), [user])
    bitbucket.project_remove_user_permissions(key, user)
    assert user not in [entry["user"]["name"] for entry in bitbucket.project_users(key)]

    bitbucket.repo_grant_user_permissions(key, SLUG, user, "REPO_ADMIN")
    granted = {entry["user"]["name"]: entry["permission"] for entry in bitbucket.repo_users(key, SLUG)}
    same(granted, {user: "REPO_ADMIN"})
    bitbucket.repo_remove_user_permissions(key, SLUG, user)
    same(list(bitbucket.repo_users(key, SLUG)), [])


def mirrors(bitbucket, key, name, base_url, repository_id):
    """The library has no calls of its own for mirrors; scripts ask for the paths."""
    page = bitbucket.get("rest/mirroring/1.0/mirrorServers", params={"limit": 100})
    mirror = next(one for one in page["values"] if one["name"] == name)
    same((mirror["baseUrl"], mirror["enabled"]), (base_url, True))
    same(bitbucket.get(f"rest/mirroring/latest/mirrorServers/{mirror['id']}")["id"], mirror["id"])
    page = bitbucket.get(f"rest/mirroring/1.0/repos/{repository_id}/mirrors")
    link = page["values"][0]["links"]["self"][0]["href"]
    # A session of its own, for the link must travel without the library's credentials.
    there = Bitbucket(url=base_url).get(link, absolute=True)
    same((there["available"], there["mirrorName"]), (True, name))
    same(there["repositoryId"], repository_id)
    assert there["links"]["clone"][0]["href"].startswith(base_url), there
    refused(404, bitbucket.get, "rest/mirroring/1.0/repos/999999/mirrors")


def remove(bitbucket, key):
    """A project can go once its repositories are gone."""
    refused(409, bitbucket.delete, f"rest/api/1.0/projects/{key}")
    for slug in names(list(bitbucket.repo_list(key)), "slug"):
        bitbucket.delete_repo(key, slug)
    same(list(bitbucket.repo_list(key)), [])
    same(bitbucket.repo_exists(key, SLUG), False)
    bitbucket.delete(f"rest/api/1.0/projects/{key}")
    same(bitbucket.project_exists(key), False)


CHAPTERS = [create, branches, permissions, mirrors, remove]


def main():
    chapter, *words = sys.argv[1:]
    bitbucket = Bitbucket(
        url=os.environ["HELIOSTAT_URL"], username="admin", password=os.environ["HELIOSTAT_PASSWORD"]
    )
    {one.__name__: one for one in CHAPTERS}[chapter](bitbucket, *words)


if __name__ == "__main__":
    main()
