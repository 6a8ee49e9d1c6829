"""Clones with dulwich, and fetches what came later: story_dulwich.py clone|fetch URL FOLDER [DEPTH]."""

import sys

from dulwich import porcelain
from dulwich.repo import Repo


def main(step, url, folder, depth=None):
    """Takes one step; the next one is taken in the same folder."""
    if step == "clone":
        porcelain.clone(url, folder, bare=True, depth=depth and int(depth)).close()
        return
    with Repo(folder) as repository:
        found = porcelain.fetch(repository, url)
        for name, value in found.refs.items():
            # What a tag names comes under a name that no repository has.
            if name.startswith(b"refs/") and not name.endswith(b"^{}"):
                repository.refs[name] = value


main(*sys.argv[1:])
