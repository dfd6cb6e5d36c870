#!/usr/bin/env python3
"""publish.py DIST: publishes the release of $TAG with exactly the files in a directory.

It creates a draft, uploads what is missing, reads the draft back, and publishes it once every name, size and digest agrees.
A rerun finds the draft of an interrupted run and finishes it. A published release is never changed, only compared.
Only Python's standard library is used; GITHUB_API_URL, GITHUB_REPOSITORY and GH_TOKEN are as on a runner.
"""

import hashlib
import http.client
import json
import os
import pathlib
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

API = os.environ.get("GITHUB_API_URL", "https://api.github.com")
REPOSITORY = f"{API}/repos/{os.environ['GITHUB_REPOSITORY']}"
TAG = os.environ["TAG"]
BUNDLE = ".sigstore.json"
ROUNDS = 4
LONGEST_WAIT = 120
WORKFLOWS = (
    "GitHub also responds so if the commit changes .github/workflows and is not on the default branch: "
    "merge it first, then push the tag"
)


class Refused(Exception):
    """The release cannot be published, with a reason for people."""


class Interrupted(Exception):
    """A request failed in a way that may not happen again."""


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token is for the API's own host."""

    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirects)


def note(text):
    print(f"publish: {text}", flush=True)


def once(method, url, body=None, content_type="application/json"):
    """The status and the JSON of one request."""
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {os.environ['GH_TOKEN']}",
        "User-Agent": "reproq-release",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    if body is not None:
        headers["Content-Type"] = content_type
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with OPENER.open(request, timeout=300) as response:
            status, text = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
        wait = error.headers.get("Retry-After", "")
        if status in (403, 429) and wait.isdigit() and int(wait) <= LONGEST_WAIT:
            note(f"GitHub asks to wait {wait} seconds")
            time.sleep(int(wait))
            raise Interrupted(f"{method} {url}: {status}") from error
    except (OSError, http.client.HTTPException) as error:
        raise Interrupted(f"{method} {url}: {error}") from error
    if status >= 500:
        raise Interrupted(f"{method} {url}: {status}")
    try:
        return status, json.loads(text or "null")
    except ValueError as error:
        raise Interrupted(f"{method} {url}: {status} without JSON") from error


def ask(method, url, expected, body=None):
    """The JSON of a request that may be repeated; `None` for another status than the expected one."""
    data = None if body is None else json.dumps(body).encode()
    for left in reversed(range(ROUNDS)):
        try:
            status, value = once(method, url, data)
            break
        except Interrupted as error:
            if left == 0:
                raise Refused(f"GitHub does not respond: {error}") from error
            time.sleep(2 ** (ROUNDS - 1 - left))
    if status in expected:
        return value
    if status == 404:
        return None
    raise Refused(f"{method} {url}: {status} {describe(value)}")


def describe(value):
    problem = value if isinstance(value, dict) else {}
    details = [str(one.get("code") or one.get("message")) for one in problem.get("errors", []) if isinstance(one, dict)]
    return ", ".join([str(problem.get("message")), *details])


def pages(url):
    number = 1
    while True:
        page = ask("GET", f"{url}?per_page=100&page={number}", (200,))
        if page is None:
            raise Refused(f"GET {url}: 404, or the token may not read it")
        yield from page
        if len(page) < 100:
            return
        number += 1


def read(dist):
    """The files by name, each with size, digest and path; held to SHA256SUMS, which must be about all of them."""
    files = {}
    for path in sorted(dist.iterdir()):
        data = path.read_bytes()
        if not data:
            raise Refused(f"{path} is empty")
        files[path.name] = (len(data), "sha256:" + hashlib.sha256(data).hexdigest(), path)
    if "SHA256SUMS" not in files:
        raise Refused(f"{dist} has no SHA256SUMS")
    stated = {}
    for line in (dist / "SHA256SUMS").read_text().splitlines():
        match = re.fullmatch(r"([0-9a-f]{64}) [ *](\S+)", line)
        if not match:
            raise Refused(f"SHA256SUMS has the line `{line}`")
        stated[match[2]] = f"sha256:{match[1]}"
    for name, digest in stated.items():
        if name not in files:
            raise Refused(f"{dist} has no {name}, which SHA256SUMS lists")
        if files[name][1] != digest:
            raise Refused(f"the digest of {name} is {files[name][1]}, but SHA256SUMS states {digest}")
    attested = {*stated, "SHA256SUMS"}
    for name in sorted(attested):
        if name + BUNDLE not in files:
            raise Refused(f"{name} has no attestation: {dist} has no {name}{BUNDLE}")
    extra = sorted(set(files) - attested - {name + BUNDLE for name in attested})
    if extra:
        raise Refused(f"SHA256SUMS does not list {', '.join(extra)}")
    return files


def find():
    """The published release of the tag, or its only draft, or `None`."""
    found = [release for release in pages(f"{REPOSITORY}/releases") if release["tag_name"] == TAG]
    published = [release for release in found if not release["draft"]]
    if published:
        return published[0]
    if len(found) > 1:
        urls = ", ".join(release["html_url"] for release in found)
        raise Refused(f"{TAG} has {len(found)} drafts ({urls}); delete all but one, then run this job again")
    return found[0] if found else None


def create():
    note(f"creating the draft of {TAG}")
    body = {
        "tag_name": TAG,
        "name": TAG,
        "draft": True,
        "prerelease": "-" in TAG,
        "generate_release_notes": True,
    }
    # Never repeated: a response that was lost may have created the draft, and the next run finds it.
    try:
        status, value = once("POST", f"{REPOSITORY}/releases", json.dumps(body).encode())
    except Interrupted as error:
        raise Refused(f"the draft may have been created, or not: {error}; run this job again") from error
    if status == 404:
        raise Refused(f"the draft of {TAG} was not created: 404; the token needs `contents: write`. {WORKFLOWS}")
    if status != 201:
        raise Refused(f"the draft of {TAG} was not created: {status} {describe(value)}")
    return value


def difference(asset, file):
    """How an asset differs from a file, or `None`."""
    size, digest, _ = file
    if asset is None:
        return "it is missing"
    if asset["state"] != "uploaded":
        return f"its upload was not finished (state `{asset['state']}`)"
    if asset["size"] != size:
        return f"it has {asset['size']} bytes instead of {size}"
    if asset.get("digest") != digest:
        return f"GitHub states the digest {asset.get('digest')} instead of {digest}"
    return None


def is_unstated(asset, file):
    """Whether GitHub has the whole file and does not state its digest yet: then it is waited for, not uploaded again."""
    return asset is not None and asset["state"] == "uploaded" and asset["size"] == file[0] and not asset.get("digest")


def assets_of(release):
    return {asset["name"]: asset for asset in pages(f"{REPOSITORY}/releases/{release['id']}/assets")}


def upload(release, name, path):
    url = release["upload_url"].split("{")[0] + "?" + urllib.parse.urlencode({"name": name})
    status, value = once("POST", url, path.read_bytes(), "application/octet-stream")
    if status != 201:
        raise Interrupted(f"uploading {name}: {status} {describe(value)}")
    if value["name"] != name:
        raise Refused(f"GitHub renamed {name} to {value['name']}")


def complete(release, files):
    """Uploads until the draft has exactly these files. Each round begins with what GitHub has."""
    for attempt in range(ROUNDS + 1):
        present = assets_of(release)
        extra = sorted(set(present) - set(files))
        if extra:
            raise Refused(f"the draft has {', '.join(extra)}, which this build did not make; delete them or the draft")
        wrong = {name: why for name, file in files.items() if (why := difference(present.get(name), file))}
        if not wrong:
            return
        if attempt == ROUNDS:
            break
        if attempt > 0:
            time.sleep(2 ** (attempt - 1))
        left = [name for name in wrong if not is_unstated(present.get(name), files[name])]
        note(f"uploading {len(left)} of {len(files)} files")
        for name in left:
            try:
                if name in present:
                    note(f"{name} again: {wrong[name]}")
                    ask("DELETE", f"{REPOSITORY}/releases/assets/{present[name]['id']}", (204,))
                upload(release, name, files[name][2])
            except Interrupted as error:
                note(f"interrupted: {error}")
    name, why = next(iter(wrong.items()))
    raise Refused(f"{len(wrong)} files are not in the draft as they were built. {name}: {why}. Run this job again")


def publish(release):
    # With the tag's name, because a draft may have lost it.
    body = {"draft": False, "tag_name": TAG, "prerelease": "-" in TAG}
    if ask("PATCH", f"{REPOSITORY}/releases/{release['id']}", (200,), body) is None:
        raise Refused(f"{TAG} was not published: 404. {WORKFLOWS}")


def compare(files):
    """Holds the published release to the files. Attestations of an earlier run of this job differ, and are as good."""
    release = ask("GET", f"{REPOSITORY}/releases/tags/{urllib.parse.quote(TAG, safe='')}", (200,))
    if release is None or release["draft"]:
        raise Refused(f"{TAG} is not published")
    present = assets_of(release)
    if set(present) != set(files):
        raise Refused(f"{TAG} is published with other files: {', '.join(sorted(set(present) ^ set(files)))}")
    for name, file in files.items():
        why = None if name.endswith(BUNDLE) else difference(present[name], file)
        if why:
            raise Refused(f"{TAG} is published with another {name}: {why}. Publish the next version instead")


def main():
    files = read(pathlib.Path(sys.argv[1]))
    if ask("GET", f"{REPOSITORY}/git/ref/tags/{urllib.parse.quote(TAG, safe='')}", (200,)) is None:
        raise Refused(f"the tag {TAG} does not exist; publishing would create it somewhere else")
    release = find()
    if release is not None and not release["draft"]:
        compare(files)
        note(f"{TAG} is already published with these files")
        return
    if release is None:
        release = create()
    else:
        note(f"continuing the draft {release['html_url']}")
    complete(release, files)
    publish(release)
    compare(files)
    note(f"published {TAG} with {len(files)} files")


if __name__ == "__main__":
    try:
        main()
    except Refused as error:
        print(f"::error::{error}")
        sys.exit(1)
