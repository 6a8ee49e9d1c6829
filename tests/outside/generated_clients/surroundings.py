"""What the stories in Python stand on: the two servers, the working copy, git, and waiting for a condition."""

import base64
import os
import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# How long a condition may take, in seconds; generous, because machines are shared.
PATIENCE_SECONDS = 240
# Pause between two looks, in seconds.
PAUSE_SECONDS = 0.05

UPSTREAM = os.environ["HELIOSTAT_STORY_UPSTREAM"]
MIRROR = os.environ["HELIOSTAT_STORY_MIRROR"]
MIRROR_NAME = os.environ["HELIOSTAT_STORY_MIRROR_NAME"]
USER = "admin"
PASSWORD = os.environ["HELIOSTAT_STORY_PASSWORD"]
# A working copy with one commit, and a folder that is not there yet.
WORKING_COPY = os.environ["HELIOSTAT_STORY_WORKING_COPY"]
NEW_CLONE = os.environ["HELIOSTAT_STORY_NEW_CLONE"]


def basic_credentials() -> str:
    """The user's name and password as they stand in a header."""
    return base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def git(folder: str, *arguments: str) -> str:
    """Runs git, with the credentials that the environment gives it."""
    done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {arguments}: {done.stderr}"
    return done.stdout.strip()


def eventually(what: str, ask: Callable[[], T | None]) -> T:
    """Asks until there is an answer."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        answer = ask()
        if answer is not None:
            return answer
        time.sleep(PAUSE_SECONDS)
    raise AssertionError(f"waited {PATIENCE_SECONDS} s in vain for {what}")


def only(values: list[T]) -> T:
    """The one value of a list."""
    assert len(values) == 1, values
    return values[0]
