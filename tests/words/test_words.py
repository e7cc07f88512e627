#!/usr/bin/env python3
"""words.py finds banned phrases in each kind of text, and ignores quoted code."""

import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent


def words(*arguments: str) -> tuple[int, list[str]]:
    done = subprocess.run([sys.executable, HERE / "words.py", *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()


class Words(unittest.TestCase):
    def test_every_banned_phrase_is_found(self) -> None:
        for file, expected in (
            ("page.md", ['3: "all the same": anyway, still', '11: "stands in": is, has, contains, follows']),
            (
                "code.rs",
                [
                    '1: "anew": again',
                    '4: "none the less": still, even so',
                    '5: "nothing else than": only',
                    '5: "is told": say who reports what',
                ],
            ),
            (
                "policy.toml",
                ['1: "is no writer": "is not a …", "has no …"', '2: "whose like": such as'],
            ),
            ("script.py", ['1: "hears of": is notified of, receives', '4: "that which": what, the one that']),
        ):
            path = f"tests/words/texts/{file}"
            code, lines = words("check", path)
            found = [line.removeprefix(f"{path}:").rsplit(": ", 1)[0] for line in lines[:-1]]
            self.assertEqual((code, found, lines[-1]), (1, expected, f"{len(expected)} banned words or phrases"), file)

    def test_good_text_passes(self) -> None:
        self.assertEqual(words("check", "tests/words/texts/good.md"), (0, ["0 banned words or phrases"]))

    def test_a_seed_gives_the_same_sentences(self) -> None:
        first, again, other = words("sample", "a"), words("sample", "a"), words("sample", "b")
        self.assertEqual(len(first[1]), 40)
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)


if __name__ == "__main__":
    unittest.main()
