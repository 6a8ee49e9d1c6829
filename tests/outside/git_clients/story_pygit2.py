"""Clones with libgit2, and fetches what came later: story_pygit2.py clone|fetch URL FOLDER [DEPTH]."""

import sys

import pygit2

EVERYTHING = "+refs/*:refs/*"


def main(step, url, folder, depth="0"):
    """Takes one step; the next one is taken in the same folder."""
    if step == "clone":
        repository = pygit2.init_repository(folder, bare=True)
        remote = repository.remotes.create("origin", url, EVERYTHING)
    else:
        remote = pygit2.Repository(folder).remotes["origin"]
    remote.fetch(depth=int(depth))


main(*sys.argv[1:])
