"""The scripts that sign and publish, with stand-ins for cosign, gh and skopeo that record how they are called."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from repository import ROOT

DIGEST = "sha256:" + "0" * 64
VERSION = "1.2.3"
RELEASED = [
    f"jwt_guard-{VERSION}.wasm", f"jwt_guard-{VERSION}.wasm.sha256", f"jwt_guard-{VERSION}.cdx.json",
    f"jwt_guard-{VERSION}.oci.tar", f"jwtguard-{VERSION}.oci.tar",
    f"jwtguard-{VERSION}-linux-amd64", f"jwtguard-{VERSION}-linux-arm64",
]
# A registry is a folder: an image is a file with its manifest, named by the image with `/` and `:` replaced.
SKOPEO = r"""
image=$(printf '%s' "${@: -1}" | tr '/:' '__')
case $1 in
  inspect) if [[ ${@: -1} == oci-archive:* ]]; then printf manifest; else cat "$REGISTRY/$image"; fi ;;
  copy) printf manifest >"$REGISTRY/$image" ;;
esac
"""


class Publish(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name in ("scripts", "src", "target/dist", "tools", "registry"):
            (self.folder / name).mkdir(parents=True)
        for script in ("release-check", "release-sign", "release-publish", "release-images", "oci-image", "portable.bash"):
            shutil.copy(ROOT / "scripts" / script, self.folder / "scripts")
        (self.folder / "src/lib.rs").touch()
        (self.folder / "Cargo.toml").write_text(f'[package]\nname = "a"\nversion = "{VERSION}"\nedition = "2024"\n')
        (self.folder / "Cargo.lock").write_text(f'version = 4\n\n[[package]]\nname = "a"\nversion = "{VERSION}"\n')
        (self.folder / "CHANGELOG.md").write_text(f"# Changelog\n\n## {VERSION}\n\nThe text.\n\n## 1.2.2\n\nAnother text.\n")
        self.dist = self.folder / "target/dist"
        for name in RELEASED:
            (self.dist / name).write_text(name)
        root = self.folder / "root"
        root.mkdir()
        (root / "jwtguard").write_text("program")
        for architecture in ("amd64", "arm64"):
            archive = self.dist / f"jwtguard-{VERSION}-linux-{architecture}.root.tar"
            subprocess.run(["tar", "-cf", archive, "-C", root, "."], check=True)
        self.tool("cosign", "")
        # `gh` also keeps the text of the release, because the script removes the file.
        self.tool("gh", 'while (($# > 0)); do [[ $1 == --notes-file ]] && cat "$2" >"$REGISTRY/notes"; shift; done')
        self.tool("skopeo", SKOPEO)

    def tool(self, name, body):
        path = self.folder / "tools" / name
        path.write_text(f'#!/usr/bin/env bash\nprintf "%s\\n" "{name} $*" >>"$CALLS"\n{body}\n')
        path.chmod(0o755)

    def run_script(self, name, *arguments):
        environment = os.environ | {
            "PATH": f"{self.folder / 'tools'}:{os.environ['PATH']}",
            "CALLS": str(self.folder / "calls"),
            "REGISTRY": str(self.folder / "registry"),
        }
        command = [self.folder / "scripts" / name, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    def calls(self, start):
        """The recorded calls that start with these words."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if line.startswith(start)]

    def test_each_image_and_each_file_is_signed(self):
        result = self.run_script("release-sign", f"registry.example/a@{DIGEST}", f"registry.example/b@{DIGEST}")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(
            self.calls("cosign sign "), [f"cosign sign --yes registry.example/{name}@{DIGEST}" for name in "ab"]
        )
        signed = {line.split()[-1] for line in self.calls("cosign sign-blob ")}
        expected = {f"target/dist/{name}" for name in RELEASED if not name.endswith(".sha256")}
        self.assertEqual(signed, expected)

    def test_what_is_not_signed(self):
        good = f"registry.example/a@{DIGEST}"
        for what, images, said in [
            ("a tag", [good, "registry.example/a:1.2.3"], "expected an image by its digest"),
            ("a short digest", [good, "registry.example/a@sha256:00"], "expected an image by its digest"),
            ("an empty output of a step", [good, ""], "expected an image by its digest"),
            ("nothing", [], "usage:"),
        ]:
            with self.subTest(what):
                result = self.run_script("release-sign", *images)
                self.assertEqual(result.returncode, 1)
                self.assertIn(said, result.stderr)
                self.assertEqual(self.calls("cosign"), [])

    def test_a_missing_file_stops_before_the_first_signature(self):
        (self.dist / f"jwt_guard-{VERSION}.wasm").unlink()
        result = self.run_script("release-sign", f"registry.example/a@{DIGEST}")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no file fits target/dist/*.wasm", result.stderr)
        self.assertEqual(self.calls("cosign"), [])

    def test_a_release_has_its_section_and_its_files(self):
        result = self.run_script("release-publish", f"v{VERSION}")
        self.assertEqual(result.returncode, 0, result.stderr)
        [call] = self.calls("gh release create")
        self.assertTrue(call.startswith(f"gh release create v{VERSION} --verify-tag "), call)
        files = {word.removeprefix("target/dist/") for word in call.split() if word.startswith("target/dist/")}
        self.assertEqual(files, set(RELEASED))
        self.assertEqual((self.folder / "registry/notes").read_text().strip(), "The text.")

    def test_another_tag_or_an_empty_section_is_not_published(self):
        result = self.run_script("release-publish", "v1.2.4")
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"expected the tag v{VERSION}", result.stderr)
        (self.folder / "CHANGELOG.md").write_text(f"# Changelog\n\n## {VERSION}\n## 1.2.2\n\nAnother text.\n")
        result = self.run_script("release-publish", f"v{VERSION}")
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"the section '## {VERSION}' of CHANGELOG.md is empty", result.stderr)
        self.assertEqual(self.calls("gh"), [])

    def test_images_are_pushed_once(self):
        digest = "sha256:" + hashlib.sha256(b"manifest").hexdigest()
        prefix = "registry.example/owner/repo"
        expected = "".join(
            f"{name}={prefix}/{name}@{digest}\n{name}-name={prefix}/{name}\n{name}-digest={digest}\n"
            for name in ("jwt-guard", "jwtguard")
        )
        # The second run finds its own images, as when a workflow is run again.
        for _ in range(2):
            result = self.run_script("release-images", "registry.example/Owner/Repo")
            self.assertEqual((result.returncode, result.stdout), (0, expected), result.stderr)
        self.assertEqual(len(self.calls("skopeo copy")), 2)

    def test_another_image_of_that_tag_is_not_replaced(self):
        prefix = "docker://registry.example/owner/repo"
        name = f"{prefix}/jwt-guard:{VERSION}".replace("/", "_").replace(":", "_")
        (self.folder / "registry" / name).write_text("another manifest")
        result = self.run_script("release-images", "registry.example/owner/repo")
        self.assertEqual(result.returncode, 1)
        self.assertIn("a release is never replaced", result.stderr)
        self.assertEqual(self.calls("skopeo copy"), [])

    def test_an_architecture_that_is_missing(self):
        (self.dist / f"jwtguard-{VERSION}-linux-arm64.root.tar").unlink()
        result = self.run_script("release-images", "registry.example/owner/repo")
        self.assertEqual(result.returncode, 1)
        self.assertIn("linux-arm64.root.tar is missing", result.stderr)
        self.assertEqual(self.calls("skopeo copy"), [])


if __name__ == "__main__":
    unittest.main()
