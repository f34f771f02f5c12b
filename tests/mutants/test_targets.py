"""Which files are mutated, which tests are theirs, and which mutants are known to be equivalent."""

import subprocess
from pathlib import Path

import pytest

from tests.mutants.mutant import mutants
from tests.mutants.targets import Equivalent, changed, equivalents, mirrored, targets


@pytest.mark.parametrize(
    ("file", "tests"),
    [
        ("suites/data_protection/test_ssh.py", "tests/suites/data_protection/test_ssh.py"),
        ("suites/data_protection/secrets_in_text.py", "tests/suites/data_protection/test_secrets_in_text.py"),
        ("suites/data_protection/expected_certificate.py", "tests/suites/data_protection/test_certificate.py"),
        ("trustprobe/judging/judge.py", "tests/trustprobe/judging/test_judge.py"),
        ("trustprobe/probe.py", "tests/trustprobe/test_probe.py"),
    ],
)
def test_the_tests_of_a_file_mirror_its_path(file: str, tests: str) -> None:
    assert mirrored(file) == tests
    assert file in targets()


def test_an_entry_of_the_list_is_about_its_own_lines_in_its_own_file() -> None:
    flip = next(one for one in mutants("suites/a.py", "def f():\n    x = True\n") if "False" in one.text)
    entry = Equivalent("suites/a.py", was="x = True", becomes="x = False\n", reason="It is never read.")
    assert entry.describes(flip)
    assert not Equivalent("suites/b.py", entry.was, entry.becomes, entry.reason).describes(flip)
    assert not Equivalent("suites/a.py", "x = 1", entry.becomes, entry.reason).describes(flip)
    assert not Equivalent("suites/a.py", entry.was, "x = 1", entry.reason).describes(flip)


def test_every_entry_of_the_list_is_about_a_mutant_and_has_a_reason() -> None:
    for entry in equivalents():
        assert entry.file in targets(), entry.file
        assert len(entry.reason) > 20, entry


def test_a_file_counts_as_changed_if_it_or_its_tests_changed_since_a_revision(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )

    for name in ("one", "two", "three", "four"):
        for folder in ("suites/a", "tests/suites/a"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / f"test_{name}.py").write_text("x = 1\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    (tmp_path / "suites/a/test_one.py").write_text("x = 2\n")
    (tmp_path / "tests/suites/a/test_two.py").write_text("x = 2\n")
    git("commit", "-am", "second")
    (tmp_path / "suites/a/test_four.py").write_text("x = 2\n")
    (tmp_path / "suites/a/test_new.py").write_text("x = 2\n")
    assert changed("HEAD", tmp_path) == ["suites/a/test_four.py", "suites/a/test_new.py"]
    assert changed("HEAD~1", tmp_path) == [f"suites/a/test_{name}.py" for name in ("four", "new", "one", "two")]
