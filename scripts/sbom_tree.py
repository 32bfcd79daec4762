"""The crates that the module is made of: what cargo would build for it, from cargo itself."""

import functools
import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = "wasm32-wasip1"


def cargo(*arguments):
    """What cargo prints; its own words, where it fails, go to standard error."""
    command = ["cargo", *arguments, "--locked"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


@functools.cache
def tree(edges="normal"):
    """The crates of the module and what each needs: {(name, version): {(name, version), …}}, the package first.

    `cargo metadata` would add what only the tests switch on; `cargo tree` resolves features as the build does.
    """
    lines = cargo("tree", "--package", "jwt-guard-filter", "--target", TARGET, "--edges", edges, "--prefix", "depth", "--no-dedupe")
    crates, above = {}, []
    for line in lines.splitlines():
        depth, name, version = re.match(r"(\d+)(\S+) v(\S+)", line).groups()
        del above[int(depth):]
        crate = (name, version)
        crates.setdefault(crate, set())
        if above:
            crates[above[-1]].add(crate)
        above.append(crate)
    return crates


@functools.cache
def metadata():
    """What each package says of itself: {(name, version): package}."""
    packages = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", TARGET))["packages"]
    return {(package["name"], package["version"]): package for package in packages}


def lock(path="Cargo.lock"):
    """The packages of a lock file: [{name, version, source, checksum}], the last two absent for our own."""
    stanzas = (ROOT / path).read_text().split("[[package]]")[1:]
    return [dict(re.findall(r'^(name|version|source|checksum) = "(.*)"$', stanza, re.M)) for stanza in stanzas]
