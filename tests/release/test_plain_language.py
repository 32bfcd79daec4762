"""The phrases that scripts/plain-language finds.

Each row starts from a plain sentence and changes one phrase.
"""

import unittest

from repository import script

plain_language = script("plain-language")


class PlainLanguage(unittest.TestCase):
    def test_a_plain_sentence_has_no_finding(self):
        for sentence in [
            "The filter denies the request and logs the reason.",
            "Only the worker that holds the lease fetches the keys.",
            "The table shows `nobody` for `deny: true`.",
        ]:
            with self.subTest(sentence):
                self.assertEqual(list(plain_language.findings(sentence)), [])

    def test_a_phrase_is_found_with_its_line(self):
        for phrase in [
            "whoever asks", "Somebody", "nobody but the issuer", "is to be told", "goes by those alone",
            "but where", "stands here", "is told", "is meant, perhaps", "has not the",
        ]:
            with self.subTest(phrase):
                found = list(plain_language.findings(f"The first line is plain.\nThe request {phrase} passes."))
                self.assertEqual({number for number, _, _ in found}, {2})

    def test_the_repository_is_read(self):
        names = {str(path) for path in plain_language.texts()}
        self.assertTrue({"README.md", "src/lib.rs", "Makefile", "docs/policy.md", "scripts/fuzz"} <= names)
        self.assertNotIn("scripts/plain-language", names)
        self.assertNotIn("tests/release/test_plain_language.py", names)


if __name__ == "__main__":
    unittest.main()
