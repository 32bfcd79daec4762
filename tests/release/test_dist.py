"""What a release consists of: the image for both architectures, the checksums, the tag."""

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

from repository import ROOT

MODULE = b"\0asm, the rest of it"


class OciImage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.root = self.folder / "root"
        self.root.mkdir()
        (self.root / "plugin.wasm").write_bytes(MODULE)
        (self.root / "plugin.wasm").chmod(0o644)

    def run_script(self, *images, name="image.oci.tar", more=()):
        command = [ROOT / "scripts/oci-image", self.folder / name, *images, "--name", "n", "--version", "1", *more]
        return subprocess.run(command, capture_output=True, text=True)

    def blobs(self, name="image.oci.tar"):
        """The files of the archive. Each blob must have the digest that is its name."""
        with tarfile.open(self.folder / name) as archive:
            files = {entry.name: archive.extractfile(entry).read() for entry in archive.getmembers()}
        for path, content in files.items():
            if path.startswith("blobs/"):
                self.assertEqual(path, "blobs/sha256/" + hashlib.sha256(content).hexdigest())
        return files

    def images(self):
        """The manifest and the configuration of each image, by architecture."""
        files = self.blobs()

        def blob(descriptor):
            content = files["blobs/" + descriptor["digest"].replace(":", "/")]
            self.assertEqual(len(content), descriptor["size"])
            return content

        [index] = json.loads(files["index.json"])["manifests"]
        found = {}
        for descriptor in json.loads(blob(index))["manifests"]:
            manifest = json.loads(blob(descriptor))
            layers = [blob(layer) for layer in manifest["layers"]]
            config = json.loads(blob(manifest["config"]))
            found[descriptor["platform"]["architecture"]] = (manifest, config, layers)
        return found

    def test_each_architecture_has_one_layer_with_the_module(self):
        result = self.run_script(f"amd64={self.root}", f"arm64={self.root}")
        self.assertEqual(result.returncode, 0, result.stderr)
        images = self.images()
        self.assertEqual(sorted(images), ["amd64", "arm64"])
        for architecture, (manifest, config, layers) in images.items():
            [layer] = layers
            tar = gzip.decompress(layer)
            self.assertEqual(config["architecture"], architecture)
            self.assertEqual(config["rootfs"]["diff_ids"], ["sha256:" + hashlib.sha256(tar).hexdigest()])
            self.assertEqual(manifest["layers"][0]["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip")
            with tarfile.open(fileobj=io.BytesIO(tar)) as files:
                [entry] = files.getmembers()
                self.assertEqual((entry.name, entry.mode, entry.mtime, entry.uid), ("plugin.wasm", 0o644, 0, 0))
                self.assertEqual(files.extractfile(entry).read(), MODULE)
        # The module does not depend on the architecture, so it is stored once.
        self.assertEqual(images["amd64"][2], images["arm64"][2])

    def test_same_files_same_archive(self):
        self.run_script(f"amd64={self.root}", f"arm64={self.root}", name="first")
        (self.root / "plugin.wasm").touch()
        self.run_script(f"amd64={self.root}", f"arm64={self.root}", name="second")
        self.assertEqual((self.folder / "first").read_bytes(), (self.folder / "second").read_bytes())

    def test_a_tool_keeps_its_folders_and_modes(self):
        (self.root / "usr/local/bin").mkdir(parents=True)
        (self.root / "usr/local/bin/tool").write_bytes(b"program")
        (self.root / "usr/local/bin/tool").chmod(0o755)
        (self.root / "tmp").mkdir()
        (self.root / "tmp").chmod(0o1777)
        self.run_script(f"amd64={self.root}", more=["--env", "PATH=/usr/local/bin"])
        _, config, [layer] = self.images()["amd64"]
        self.assertEqual(config["config"], {"Env": ["PATH=/usr/local/bin"]})
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer))) as files:
            modes = {entry.name: entry.mode for entry in files.getmembers()}
        self.assertEqual(modes, {"plugin.wasm": 0o644, "tmp": 0o1777, "usr/local/bin/tool": 0o755})

    def test_wrong_arguments(self):
        for what, images, said in [
            ("another architecture", [f"riscv64={self.root}"], "expected amd64=FOLDER or arm64=FOLDER"),
            ("no folder", ["amd64=missing"], "expected amd64=FOLDER or arm64=FOLDER"),
            ("twice", [f"amd64={self.root}", f"amd64={self.root}"], "an architecture occurs twice"),
        ]:
            with self.subTest(what):
                result = self.run_script(*images)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(said, result.stderr)

    def test_a_link_is_refused(self):
        (self.root / "link").symlink_to("plugin.wasm")
        result = self.run_script(f"amd64={self.root}")
        self.assertIn("is neither a file nor a folder", result.stderr)


class Checksums(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "file").write_bytes(MODULE)
        (self.folder / "file.sha256").write_text(f"{hashlib.sha256(MODULE).hexdigest()}  file\n")

    def verify(self):
        return subprocess.run([ROOT / "scripts/dist-verify", self.folder], capture_output=True, text=True)

    def test_files_with_their_checksum(self):
        result = self.verify()
        self.assertEqual((result.returncode, result.stdout), (0, "dist-verify: 1 files have the expected SHA-256\n"))

    def test_what_differs_is_refused(self):
        for what, change, said in [
            ("other bytes", lambda: (self.folder / "file").write_bytes(MODULE + b"!"), "expected "),
            ("no file", lambda: (self.folder / "file").unlink(), "names file, which is missing"),
            ("an empty list", lambda: (self.folder / "file.sha256").write_text(""), "are empty"),
            ("no list", lambda: (self.folder / "file.sha256").unlink(), "has no file *.sha256"),
        ]:
            with self.subTest(what):
                self.setUp()
                change()
                result = self.verify()
                self.assertEqual(result.returncode, 1)
                self.assertIn(said, result.stderr)


class Tag(unittest.TestCase):
    """scripts/release-check in a package of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "scripts").mkdir()
        (self.folder / "src").mkdir()
        (self.folder / "src/lib.rs").touch()
        shutil.copy(ROOT / "scripts/release-check", self.folder / "scripts")
        (self.folder / "Cargo.toml").write_text('[package]\nname = "a"\nversion = "1.2.3"\nedition = "2024"\n')
        (self.folder / "Cargo.lock").write_text('version = 4\n\n[[package]]\nname = "a"\nversion = "1.2.3"\n')
        (self.folder / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3\n\nText.\n")

    def check(self, tag):
        return subprocess.run([self.folder / "scripts/release-check", tag], capture_output=True, text=True)

    def test_the_tag_of_the_version(self):
        result = self.check("v1.2.3")
        self.assertEqual((result.returncode, result.stdout), (0, "release-check: 1.2.3\n"), result.stderr)

    def test_another_tag_is_refused(self):
        for tag in ("v1.2.4", "1.2.3", "v1.2.3-rc1", ""):
            with self.subTest(tag):
                result = self.check(tag)
                self.assertEqual(result.returncode, 1)
                self.assertIn("expected the tag v1.2.3", result.stderr)

    def test_an_unreleased_section_is_refused(self):
        (self.folder / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased: 1.2.3\n\nText.\n")
        result = self.check("v1.2.3")
        self.assertEqual(result.returncode, 1)
        self.assertIn("CHANGELOG.md has no section '## 1.2.3'", result.stderr)


if __name__ == "__main__":
    unittest.main()
