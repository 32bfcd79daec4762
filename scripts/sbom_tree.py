"""The crates of the module, as reported by cargo."""

import functools
import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = "wasm32-wasip1"


def cargo(*arguments):
    """The standard output of a cargo command; cargo's error messages go to standard error."""
    command = ["cargo", *arguments, "--locked"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


@functools.cache
def tree(edges="normal"):
    """The crates of the module and their dependencies: {(name, version): {(name, version), …}}, the package first.

    `cargo tree` resolves features as the build does; `cargo metadata` would add features that only the tests enable.
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
    """The manifest data of each package: {(name, version): package}."""
    packages = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", TARGET))["packages"]
    return {(package["name"], package["version"]): package for package in packages}


def lock(path="Cargo.lock"):
    """The packages of a lock file: [{name, version, source, checksum}]. Workspace crates have no source and checksum."""
    stanzas = (ROOT / path).read_text().split("[[package]]")[1:]
    return [dict(re.findall(r'^(name|version|source|checksum) = "(.*)"$', stanza, re.M)) for stanza in stanzas]
