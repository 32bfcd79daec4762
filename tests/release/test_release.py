"""Tests of the release scripts: `python3 -m unittest discover tests/release`.

Each rejection test starts from valid input and changes one thing.
"""

import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

from repository import ROOT, script

sys.path.insert(0, str(ROOT / "scripts"))

image_layout, licences, sbom = script("image-layout"), script("licences"), script("sbom")
import sbom_tree  # noqa: E402: needs the scripts' folder on sys.path

MODULE = b"\0asm, the rest of it"


def tar(files):
    """A tar of (name, bytes) pairs; None instead of bytes means a folder."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as out:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            if content is None:
                entry.type = tarfile.DIRTYPE
            entry.size = len(content or b"")
            out.addfile(entry, io.BytesIO(content or b""))
    return archive.getvalue()


class ImageLayout(unittest.TestCase):
    def checked(self, *layers):
        """The result of the check for an image with these layers, each a list of files."""
        files = [(f"{number}/layer.tar", tar(layer)) for number, layer in enumerate(layers)]
        manifest = json.dumps([{"Layers": [name for name, _ in files]}]).encode()
        with tempfile.TemporaryDirectory() as folder:
            image, module = Path(folder, "image.tar"), Path(folder, "module.wasm")
            image.write_bytes(tar([("manifest.json", manifest), *files]))
            module.write_bytes(MODULE)
            try:
                return image_layout.check(image, module)
            except image_layout.Refused as refused:
                return str(refused)

    def test_one_layer_with_the_module(self):
        digest = hashlib.sha256(MODULE).hexdigest()
        self.assertEqual(self.checked([("plugin.wasm", MODULE)]), digest)
        self.assertEqual(self.checked([("./plugin.wasm", MODULE)]), digest)

    def test_what_would_not_be_loaded(self):
        plugin = ("plugin.wasm", MODULE)
        for what, layers, said in [
            ("another layer", ([plugin], [("LICENSE", b"")]), "layers: expected one, got 2"),
            ("no layer", (), "layers: expected one, got 0"),
            ("another file", ([plugin, ("LICENSE", b"")],), "files in the layer: expected one, got 2"),
            ("another name", ([("jwt_guard.wasm", MODULE)],), "the layer contains 'jwt_guard.wasm'"),
            ("in a folder", ([("target/plugin.wasm", MODULE)],), "the layer contains 'target/plugin.wasm'"),
            ("a folder", ([("plugin.wasm", None)],), "the layer contains 'plugin.wasm'"),
            ("other bytes", ([("plugin.wasm", MODULE + b"!")],), "plugin.wasm has sha256"),
        ]:
            with self.subTest(what):
                self.assertIn(said, self.checked(*layers))


class Licences(unittest.TestCase):
    def test_expressions(self):
        for expression, permitted in [
            ("MIT", True),
            ("MIT/GPL-3.0", True),
            ("GPL-3.0 OR Apache-2.0", True),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", True),
            ("(MIT OR Apache-2.0) AND GPL-3.0", False),
            ("MIT AND GPL-3.0 OR GPL-2.0", False),
            ("GPL-3.0", False),
            ("Apache-2.0 WITH LLVM-exception", False),
            ("none", False),
            ("(MIT", False),
            ("MIT OR", False),
            ("", False),
        ]:
            with self.subTest(expression):
                self.assertIs(licences.permitted(expression), permitted)

    def complaints(self, licence="MIT", crates=(("a", "1.0.0"),), linked=None, entry=(), yanked=None):
        packages = {crate: {"license": licence} for crate in crates}
        good = {
            "name": "a",
            "version": "1.0.0",
            "source": "registry+https://example.org/crates.io-index",
            "checksum": "00",
        }
        locked = [("Cargo.lock", {name: value for name, value in (good | dict(entry)).items() if value})]
        linked = crates if linked is None else linked
        return list(licences.complaints(crates, linked, packages, locked, lambda *crate: crate == yanked))

    def test_rules(self):
        self.assertEqual(self.complaints(), [])
        self.assertEqual(self.complaints(entry={"name": "jwt-guard", "source": None}), [])
        two = (("a", "1.0.0"), ("a", "2.0.0"))
        self.assertEqual(self.complaints(crates=two, linked=two[:1]), [], "the second version runs only in the compiler")
        for what, changed, said in [
            ("licence", {"licence": "GPL-3.0"}, "a 1.0.0: its licence is GPL-3.0"),
            ("no licence", {"licence": None}, "a 1.0.0: its licence is none"),
            ("twice", {"crates": two}, "a: the module contains 2 versions of it"),
            ("git", {"entry": {"source": "git+https://example.org/a"}}, "its source is git+https://example.org/a; expected crates.io"),
            (
                "another registry",
                {"entry": {"source": "registry+https://example.org/index"}},
                "its source is registry+https://example.org/index; expected crates.io",
            ),
            ("a folder", {"entry": {"source": None}}, "its source is a folder; expected crates.io"),
            ("no checksum", {"entry": {"checksum": None}}, "no checksum"),
            ("yanked", {"yanked": ("a", "1.0.0")}, "a 1.0.0 (Cargo.lock): this version was yanked"),
        ]:
            with self.subTest(what):
                found = self.complaints(**changed)
                self.assertEqual(len(found), 1)
                self.assertIn(said, found[0])


    def test_yanked_by_the_copy_of_the_index(self):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            for name, at in [("a", "1/a"), ("ab", "2/ab"), ("abc", "3/a/abc"), ("AbcD", "ab/cd/abcd")]:
                copy = home / "registry/index/example-00/.cache" / at
                copy.parent.mkdir(parents=True)
                versions = [("1.0.0", False), ("1.0.1", True)]
                texts = [json.dumps({"name": name, "vers": vers, "yanked": gone}) for vers, gone in versions]
                parts = ["\x03\x02", "etag: 1", "1.0.0", texts[0], "1.0.1", texts[1], ""]
                copy.write_bytes("\0".join(parts).encode())
                with self.subTest(name):
                    found = [licences.yanked(name, version, home) for version in ("1.0.0", "1.0.1", "1.0.2")]
                    self.assertEqual(found, [False, True, None])
            self.assertIsNone(licences.yanked("other", "1.0.0", home))


class Sbom(unittest.TestCase):
    def test_names_what_cargo_builds(self):
        """Compares the bill with cargo's flat list, which the script does not use."""
        command = ["cargo", "tree", "--locked", "--package", "jwt-guard-filter", "--target", "wasm32-wasip1", "--edges", "normal", "--prefix", "none"]
        lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
        expected = {tuple(line.split(" ")[:2]) for line in lines}
        commit = "0123456789abcdef0123456789abcdef01234567"
        bill = sbom.bill(b"/rustc/" + commit.encode() + b"/library/core/src/str.rs")

        own = bill["metadata"]["component"]
        components = [own, *bill["components"]]
        named = {(part["name"], "v" + part["version"]) for part in components}
        self.assertEqual(named, expected | {("rust-std", "v" + commit)})

        references = [part["bom-ref"] for part in components]
        self.assertEqual(len(references), len(set(references)), "references are unique")
        for dependency in bill["dependencies"]:
            self.assertLessEqual({dependency["ref"], *dependency["dependsOn"]}, set(references))
        scopes = {part["name"]: part["scope"] for part in bill["components"]}
        self.assertEqual([scopes[name] for name in ("rsa", "serde_derive", "syn")], ["required", "excluded", "excluded"])
        checksums = {entry["name"]: entry.get("checksum") for entry in sbom_tree.lock()}
        hashes = {part["name"]: part["hashes"][0]["content"] for part in components if "hashes" in part}
        self.assertEqual(hashes["rsa"], checksums["rsa"])

    def test_same_module_same_bill(self):
        self.assertEqual(sbom.bill(MODULE), sbom.bill(MODULE))
        self.assertNotEqual(sbom.bill(MODULE)["serialNumber"], sbom.bill(MODULE + b"!")["serialNumber"])


class Documents(unittest.TestCase):
    def test_the_files_that_they_name_are_there(self):
        for document in ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/host-facts.md", "docs/security.md"):
            text = (ROOT / document).read_text()
            named = re.findall(r"`((?:src|crates|tests|scripts|envoy)/[^`\s]+)", text)
            for path in named:
                with self.subTest(document, path=path):
                    self.assertTrue((ROOT / path).exists())


class Containers(unittest.TestCase):
    CHANGES = [
        ("address: 127.0.0.1, port_value: 10000", "address: 0.0.0.0, port_value: 10000"),
        ("address: 127.0.0.1, port_value: 9901", "address: 0.0.0.0, port_value: 9901"),
        ("address: 127.0.0.1, port_value: 8090", "address: issuer, port_value: 8090"),
        ("address: 127.0.0.1, port_value: 8091", "address: upstream, port_value: 8091"),
        ("target/jwt_guard.wasm", "/etc/envoy/jwt_guard.wasm"),
        ("type: STATIC", "type: STRICT_DNS"),
        ("jwks_endpoint: /api/v1/auth/jwks", "jwks_endpoint: http://issuer:8090/api/v1/auth/jwks"),
    ]

    def test_compose_names_the_images_of_this_version(self):
        _, version = next(iter(sbom_tree.tree()))
        self.assertIn(f"image: ${{JWTGUARD_IMAGE:-jwtguard:{version}}}", (ROOT / "envoy/compose.yaml").read_text())

    def test_compose_configuration_differs_in_addresses_alone(self):
        def lines(text):
            stripped = (line.strip() for line in text.splitlines())
            return [line for line in stripped if line and not line.startswith("#")]

        text = (ROOT / "envoy/envoy.yaml").read_text()
        for before, after in self.CHANGES:
            self.assertIn(before, text)
            text = text.replace(before, after)
        self.assertEqual(lines((ROOT / "envoy/compose.envoy.yaml").read_text()), lines(text))


if __name__ == "__main__":
    unittest.main()
