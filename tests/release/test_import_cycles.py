"""Tests of scripts/import-cycles: what is a cycle and what is not.

Each row is a folder of sources without a cycle, with one change.
"""

import tempfile
import unittest
from pathlib import Path

from repository import script

import_cycles = script("import-cycles")

CYCLE_FREE = {
    "lib.rs": "pub mod a;\npub mod b;\n",
    "a.rs": "mod x;\nmod y;\npub use x::X;\npub use y::Y;\n",
    "a/x.rs": "use super::y::Y;\npub struct X(Y);\n",
    "a/y.rs": "pub struct Y;\n",
    "b.rs": "use crate::a::X;\npub fn b(x: X) {}\n",
}


class ImportCycles(unittest.TestCase):
    def found(self, find, changed):
        """The cycles that a check finds in the cycle-free files after replacing the given ones."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (CYCLE_FREE | changed).items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return [cycle.replace(f"{folder}/", "") for cycle, _ in find(Path(folder))]

    def cycles(self, changed):
        """The file cycles, each as its files."""
        return self.found(import_cycles.cycles, changed)

    def module_cycles(self, changed):
        """The cycles of top-level modules, each as the module names."""
        return self.found(import_cycles.module_cycles, changed)

    def test_cycles_are_found(self):
        for label, changed, cycle in [
            ("siblings", {"a/y.rs": "use super::x::X;\npub struct Y;\n"}, "a/x.rs a/y.rs"),
            ("siblings by the parent's names", {"a/y.rs": "use super::X;\npub struct Y;\n"}, "a/x.rs a/y.rs"),
            ("siblings by the crate's names", {"a/y.rs": "use crate::a::X;\npub struct Y;\n"}, "a/x.rs a/y.rs"),
            ("in a list", {"a/y.rs": "use super::{self, x::{self, X}};\npub struct Y;\n"}, "a/x.rs a/y.rs"),
            ("without use", {"a/y.rs": "pub struct Y(Option<crate::a::X>);\n"}, "a/x.rs a/y.rs"),
            ("under another name", {"a/y.rs": "use super::x as z;\npub struct Y(z::X);\n"}, "a/x.rs a/y.rs"),
            ("of two folders", {"a/y.rs": "use crate::b::b;\npub struct Y;\n"}, "a/x.rs a/y.rs b.rs"),
            (
                "a child and an item that its parent defines",
                {
                    "a.rs": "mod x;\nmod y;\npub use x::X;\npub struct Z(y::Y);\n",
                    "a/y.rs": "use super::Z;\npub struct Y;\n",
                },
                "a.rs a/y.rs",
            ),
            (
                "an item that the parent re-exports and uses",
                {
                    "a.rs": "mod x;\nmod y;\npub use x::X;\npub use y::Y;\npub struct Z(Y);\n",
                    "a/y.rs": "use super::Z;\npub struct Y;\n",
                },
                "a.rs a/y.rs",
            ),
        ]:
            self.assertEqual(self.cycles(changed), [cycle], label)

    def test_other_imports_are_not_cycles(self):
        for label, changed in [
            ("the cycle-free files", {}),
            ("in a comment", {"a/y.rs": "// use super::x::X;\n/* super::x::X */\npub struct Y;\n"}),
            ("in a text", {"a/y.rs": 'pub struct Y;\nconst TEXT: &str = "super::x::X \\" super::x::X";\n'}),
            ("in a raw text", {"a/y.rs": 'pub struct Y;\nconst TEXT: &str = r#"" super::x::X"#;\n'}),
            ("in tests", {"a/y.rs": "pub struct Y;\n#[cfg(test)]\nmod tests {\n use super::super::x::X;\n}\n"}),
            (
                "in the tests' own file",
                {"a/y.rs": "pub struct Y;\n#[cfg(test)]\nmod tests;\n", "a/y/tests.rs": "use crate::a::X;\n"},
            ),
            ("behind a lifetime", {"a/y.rs": "pub struct Y<'a>(&'a str);\n// '\nfn f<'a>() {}\n"}),
            (
                "a child and a parent's item that does not use the child",
                {
                    "a.rs": "mod x;\nmod y;\npub use x::X;\npub use y::Y;\npub struct Z;\n",
                    "a/y.rs": "use super::Z;\npub struct Y;\n",
                },
            ),
            ("another crate's module of that name", {"a/y.rs": "use x::X;\npub struct Y;\n"}),
        ]:
            self.assertEqual(self.cycles(changed), [], label)

    def test_cycles_of_top_level_modules(self):
        of_b = {"b.rs": "mod z;\nuse crate::a::X;\npub fn b(x: X) {}\n", "b/z.rs": "pub struct Z;\n"}
        for label, changed, expected in [
            ("the cycle-free files", {}, []),
            ("siblings of one module", {"a/y.rs": "use super::x::X;\npub struct Y;\n"}, []),
            ("files of both", of_b | {"a/y.rs": "use crate::b::z::Z;\npub struct Y(Z);\n"}, ["a b"]),
            (
                "through a third module",
                of_b | {"a/y.rs": "use crate::c::C;\npub struct Y(C);\n", "c.rs": "pub struct C(crate::b::z::Z);\n"},
                ["a b c"],
            ),
            ("in tests", of_b | {"a/y.rs": "pub struct Y;\n#[cfg(test)]\nmod tests {\n use crate::b::z::Z;\n}\n"}, []),
        ]:
            self.assertEqual(self.module_cycles(changed), expected, label)
        both = of_b | {"a/y.rs": "use crate::b::z::Z;\npub struct Y(Z);\n"}
        self.assertEqual(self.cycles(both), [], "no files form a cycle")


if __name__ == "__main__":
    unittest.main()
