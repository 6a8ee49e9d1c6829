"""What schemathesis must know of Heliostat beyond the contract: real ids, rules that no schema can say, what to spare.

The checks stay on for every operation. A failure is dropped only where the server names a field whose rule cannot be
written in OpenAPI 3.0; data is narrowed only where a request would take the run's own footing away.
"""

import json
import os

import schemathesis

with open(os.environ["HELIOSTAT_KNOWN"], encoding="utf-8") as file:
    # Values of parameters that exist, by parameter name; under "doomed", those of them that may go;
    # under "spared", the users by whom the run signs in.
    KNOWN = json.load(file)
SPARED = KNOWN["spared"]

# The longest that the contract lets a client wait for a commit.
MAX_WAIT_SECONDS = 300

# The longest password that the contract lets a client show.
MAX_PASSWORD_LENGTH = 4096

# Levels of the log that a server can have.
LEVELS = ("off", "error", "warn", "info", "debug", "trace")

HEADER_TEXT = "without control characters; a pattern in the contract would blame the object around the field"
EVENTS = "the catalogue of events may grow; a closed list in the contract would break clients then"
PASSWORD = "short ones were promised to be taken once; now they are refused, and so is what is guessed first"

# Fields whose value can be refused although the schema allows it, by operation.
BEYOND_SCHEMAS = {
    "createRepository": {
        "name": "a slug must follow from it that is not reserved",
        "defaultBranch": "git's rules for the names of branches",
    },
    "updateRepository": {
        "name": "a slug must follow from it that is not reserved",
        "defaultBranch": "git's rules for the names of branches",
    },
    "waitForRepository": {
        "timeout": "what is waited for need not come",
        "ref": "git's rules for the names of refs",
    },
    "ensureServedRepository": {
        "repository": "the path of a repository",
        "refs": "git's rules for the names of refs",
        "wait": "what is waited for need not come",
    },
    "setLogLevel": {"level": "words and lists as the log reads them"},
    "updateOwnPassword": {
        "originalPassword": "must be the present password",
        "passwordConfirm": "must be the same as the password",
        "password": PASSWORD,
    },
    "updateUserPassword": {
        "passwordConfirm": "must be the same as the password",
        "password": PASSWORD,
    },
    "createUser": {
        "name": "must be given, in the query or in the body",
        "password": "must be given, in the query or in the body; " + PASSWORD,
    },
    "register": {
        "mirrorBaseUrl": "must be an address that mirrors may have",
        "addonDescriptorUri": "must lie below the path of the base URL, at an address that mirrors may have",
    },
    "upgrade": {
        "baseUrl": "must be an address that mirrors may have",
        "addonDescriptorUri": "must lie below the path of the base URL, at an address that mirrors may have",
    },
    "accept": {
        "projectIds": "must exist",
        "mirrorBaseUrl": "must be the one of the request",
        "mirrorInternalUrl": "must be the one of the request",
    },
    "setMirrorSettings": {"projectIds": "must exist"},
    "startMirroringProjects": {"projectIds": "must exist"},
    "startMirroringProject": {"projectIds": "must exist"},
    "stopMirroringProjects": {"projectIds": "ids have 32 bits, which digits cannot say"},
    "stopMirroringProject": {"projectIds": "ids are numbers of 32 bits"},
    "setDefaultBranch": {"id": "git's rules for the names of branches"},
    "setDefaultBranchAtFormerPath": {"id": "git's rules for the names of branches"},
    "createBranchForRepository": {"name": "git's rules for the names of branches"},
    "createBranch": {"name": "git's rules for the names of branches"},
    "deleteBranch": {"name": "git's rules for the names of branches"},
    "findWebhooks": {"event": EVENTS},
    "listInvocations": {"event": EVENTS},
    "getLatestInvocation": {"event": EVENTS},
    "getStatistics": {"event": EVENTS},
    "createWebhook": {
        "events": EVENTS,
        "url": "must be an address that receivers may have",
        "configuration.secret": HEADER_TEXT,
        "credentials.username": "a password needs a user name, and no colon stands in one",
        "credentials.password": HEADER_TEXT,
    },
    "updateWebhook": {
        "events": EVENTS,
        "url": "must be an address that receivers may have",
        "configuration.secret": HEADER_TEXT,
        "credentials.username": "a password needs a user name, and no colon stands in one",
        "credentials.password": HEADER_TEXT,
    },
    "testWebhook": {
        "url": "either it or a webhook must be named, and it must be an address that receivers may have",
        "credentials.username": "a password needs a user name, and no colon stands in one",
        "credentials.password": HEADER_TEXT,
    },
    "setFollowing": {
        "url": "must be an address that can be cloned from, without user or password in it",
        "username": "a password needs a user name, and no colon stands in one",
        "password": HEADER_TEXT,
        "sshKey": "is for sources over SSH",
        "knownHosts": "are for sources over SSH",
    },
    "onAddonInstalled": {
        "baseUrl": "must be the upstream that this mirror follows",
        "projectIds": "ids are numbers of 32 bits",
    },
}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Gives parameters the ids of this run as examples, so that a good share of requests meets something."""
    shared = raw_schema["components"]["parameters"]
    for parameter in shared.values():
        exemplify(parameter)
    preferred = raw_schema["paths"]["/mirroring/latest/account/settings/preferred-mirror"]["post"]
    preferred["requestBody"]["content"]["application/json"]["example"] = KNOWN["parameters"]["mirrorId"][0]
    for path in raw_schema["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                exemplify(parameter)


def exemplify(parameter):
    values = KNOWN["parameters"].get(parameter.get("name"))
    if values:
        parameter.pop("example", None)
        parameter["examples"] = {str(index): {"value": value} for index, value in enumerate(values)}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Leads astray what would take the run's footing away: its mirror, its users, the objects that it knows.

    What a run creates itself is deleted and renamed all the same. In every phase a 404 is a proper answer.
    """
    if case.operation.path.endswith("/wait") and isinstance(case.query, dict):
        # To wait is what it is for, and a run has no time for it. Some phases give numbers as text.
        timeout = str(case.query.get("timeout", 0))
        if timeout.isdecimal() and int(timeout) <= MAX_WAIT_SECONDS:
            case.query["timeout"] = 0
    if case.operation.path.endswith("/ensure") and isinstance(case.body, dict):
        wait = case.body.get("wait") or 30
        if isinstance(wait, int) and 0 <= wait <= MAX_WAIT_SECONDS:
            case.body["wait"] = 0
    if case.operation.path.endswith("/logs/level") and isinstance(case.body, dict) and case.body.get("level") in LEVELS:
        # All that a server can say of itself makes a run long.
        case.body["level"] = "info"
    if case.operation.path.endswith("/users/credentials") and isinstance(case.body, dict):
        # Each other guess is followed by a longer pause; the same one again is not.
        present = case.body.get("originalPassword")
        if isinstance(present, str) and 1 <= len(present) <= MAX_PASSWORD_LENGTH:
            case.body["originalPassword"] = "a guess"
    if case.method.upper() not in ("DELETE", "PUT"):
        return
    last = case.operation.path.rsplit("/", 1)[-1].strip("{}")
    target = case.path_parameters.get(last)
    taken = target in KNOWN["parameters"].get(last, []) and target not in KNOWN["doomed"]
    renamed = isinstance(case.body, dict) and ("key" in case.body or "name" in case.body)
    if taken and (case.method.upper() == "DELETE" or last == "mirrorId" or (renamed and last != "userSlug")):
        case.path_parameters[last] = "spared"
    for place in (case.query, case.body):
        if isinstance(place, dict) and is_spared(place.get("name")):
            place["name"] = "spared"


def is_spared(name):
    return isinstance(name, str) and name.strip().casefold() in SPARED


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Drops "schema-valid request rejected" where the field at fault has a rule that no schema can say."""
    if failure.code != "ST202" or response.status_code not in (400, 409):
        return True
    # An operation of a later generation follows the rules of its elder.
    operation_id = case.operation.definition.raw.get("operationId", "").removesuffix("_1")
    fields = BEYOND_SCHEMAS.get(operation_id, {})
    return response.json()["errors"][0].get("context") not in fields
