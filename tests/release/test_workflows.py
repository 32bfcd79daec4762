"""The workflows: what they call exists, and nothing that they use can change under them.

actionlint and zizmor check the syntax and many risks (`scripts/pinned-python lint`). These tests hold what the linters do
not know: the project's own commands, and which job may write.
"""

import os
import re
import unittest

from repository import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PINNED = re.compile(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def uses(text):
    """The actions of a workflow, with the comment that follows."""
    return re.findall(r"^\s*-?\s*uses:\s*(.+?)\s*$", text, re.MULTILINE)


def commands(text):
    """The commands of the `run` steps."""
    blocks = re.findall(r"^( *)run: (?:\|\n((?:\1  .*\n)+)|(.+)\n)", text, re.MULTILINE)
    return [block or line for _, block, line in blocks]


def jobs(text):
    """The text of each job, by name."""
    parts = re.split(r"^  (\w+):\n", text[text.index("\njobs:\n"):], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def permissions(job):
    """The permissions of a job, by scope."""
    block = re.search(r"^    permissions:\n((?:      .+\n)+)", job, re.MULTILINE)
    return dict(re.findall(r"^      ([\w-]+): (\w+)", block[1], re.MULTILINE)) if block else None


class Workflows(unittest.TestCase):
    def texts(self):
        self.assertEqual([path.name for path in WORKFLOWS], ["ci.yml", "release.yml"])
        for path in WORKFLOWS:
            with self.subTest(path.name):
                yield path.read_text()

    def test_each_action_is_pinned_by_its_commit(self):
        for text in self.texts():
            self.assertTrue(uses(text))
            for action in uses(text):
                self.assertRegex(action, PINNED)

    def test_a_tag_or_a_short_commit_is_no_pin(self):
        self.assertRegex("actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", PINNED)
        for action in ("actions/checkout@v7.0.1", "actions/checkout@3d3c42e", "actions/checkout@main # v7.0.1"):
            self.assertNotRegex(action, PINNED)

    def test_one_action_has_one_version(self):
        found = {}
        for text in self.texts():
            for action in uses(text):
                found.setdefault(action.split("@")[0], set()).add(action)
        self.assertEqual([actions for actions in found.values() if len(actions) > 1], [])

    def test_what_the_steps_call_exists(self):
        makefile = (ROOT / "Makefile").read_text()
        called = 0
        for text in self.texts():
            for command in commands(text):
                for target in re.findall(r"\bmake ([\w-]+)", command):
                    called += 1
                    self.assertRegex(makefile, rf"(?m)^{re.escape(target)}:")
                for script in re.findall(r"(?:^|\s)((?:scripts|\.ci)/[\w-]+)", command):
                    called += 1
                    self.assertTrue(os.access(ROOT / script, os.X_OK), script)
        self.assertGreaterEqual(called, 8)

    def test_no_expression_in_a_command(self):
        """`${{ }}` in a command is replaced before the shell reads it, so its value could contain commands."""
        for text in self.texts():
            self.assertTrue(commands(text))
            for command in commands(text):
                self.assertNotIn("${{", command)

    def test_only_the_job_that_publishes_can_write(self):
        for text in self.texts():
            self.assertIn("\npermissions: {}\n", text)
            for name, job in jobs(text).items():
                granted = permissions(job)
                self.assertIsNotNone(granted, name)
                if name != "publish":
                    self.assertEqual(granted, {"contents": "read"}, name)

    def test_the_job_that_publishes_builds_nothing(self):
        publish = jobs((ROOT / ".github/workflows/release.yml").read_text())["publish"]
        for word in ("cargo", "rustup", "make dist\n", "build-wasm"):
            self.assertNotIn(word, publish)

    def test_nothing_is_cached_and_no_secret_is_read(self):
        for text in self.texts():
            settings = re.sub(r"#.*", "", text)
            self.assertNotRegex(settings, r"(?i)\bcache|\bsecrets\.")

    def test_no_step_leaves_the_token_in_the_folder(self):
        for text in self.texts():
            self.assertEqual(text.count("actions/checkout@"), text.count("persist-credentials: false"))


if __name__ == "__main__":
    unittest.main()
