"""mkdwarfs: filter rules, --debug-filter, --remove-empty-dirs, --input-list."""

import os
import stat
import subprocess
import sys

import pytest
from images import describe_image

from dwarfsmith.tui.commands.mkdwarfs import attach_rules, main

COMMAND = (
    sys.executable,
    "-c",
    f"import sys; from {main.__module__} import main; sys.exit(main(sys.argv[1:]))",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder `in` to pack, in the current one."""
    root = tmp_path / "in"
    for path in ("a.txt", "b.o", "cache/x", "cache/y.o", "src/a.txt", "src/b.O"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    (root / "void/inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return root


def run(capfd, *words):
    code = main(list(words))
    out, err = capfd.readouterr()
    return code, out, err


def pack(capfd, *words):
    """Run mkdwarfs to the end and return the paths in the image."""
    code, out, err = run(capfd, "-l1", "-o", "image", "--log-level=error", *words)
    assert (code, out, err) == (0, "", "")
    return paths()


def paths():
    return {path.decode() for path in describe_image("image") if path}


ALL = {
    *("a.txt", "b.o", "cache", "cache/x", "cache/y.o", "src", "src/a.txt", "src/b.O"),
    *("void", "void/inner"),
}


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        ([], set()),
        (["-F", "- *.o"], {"b.o", "cache/y.o"}),
        (["-F", "-i *.o"], {"b.o", "cache/y.o", "src/b.O"}),
        (["-F- *.o"], {"b.o", "cache/y.o"}),
        (["--filter=- *.o"], {"b.o", "cache/y.o"}),
        (["--filter", "- *.o"], {"b.o", "cache/y.o"}),
        (["--filt", "- *.o"], {"b.o", "cache/y.o"}),
        (["-F", "- cache/"], {"cache", "cache/x", "cache/y.o"}),
        (["-F", "+ /b.o", "-F", "- *.o"], {"cache/y.o"}),
        (["-F", "+ /b.o", "+ y.o", "-F", "- *.o"], set()),
        (["-F", "- *.o", "-F", "+ b.o"], {"b.o", "cache/y.o"}),
        (["-F", "- void/", "-F", "- b.*", "-f"], {"void", "void/inner", "b.o", "src/b.O"}),
        (["--remove-empty-dirs"], {"void", "void/inner"}),
        (
            ["-F", "- x", "-F", "- *.o", "--remove-empty-dirs"],
            {"void", "void/inner", "cache", "cache/x", "cache/y.o", "b.o"},
        ),
        (["-F", "- **"], ALL),
        (["-F", "- *", "--remove-empty-dirs"], ALL),
    ],
)  # fmt: skip
def test_filtering(capfd, folder, words, gone):
    assert pack(capfd, "-i", "in", *words) == ALL - gone


def test_rules_from_a_file(capfd, folder):
    with open("rules", "w") as file:
        file.write("# objects\n-i *.o\n. more\n")
    with open("more", "w") as file:
        file.write("- /cache/\n")
    found = pack(capfd, "-i", "in", "-F", ". rules")
    assert found == {"a.txt", "src", "src/a.txt", "void", "void/inner"}


@pytest.mark.parametrize("option", [["-o", "image"], ["--debug-filter"]])
@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("", "empty filter rule"),
        ("-", "invalid filter rule: -"),
        ("-x", "invalid filter rule: -x"),
        ("-o image", "unknown option 'o' in filter rule: -o image"),
        ("--force", "invalid filter rule: --force"),
        ("- [", "unmatched '[' in pattern: ["),
        (". no", "cannot open 'no': No such file or directory"),
        (". loop", "recursion detected while opening file: loop, at loop:1"),
    ],
)
def test_bad_rules(capfd, folder, option, rule, reason):
    with open("loop", "w") as file:
        file.write(". loop\n")
    code, out, err = run(capfd, "-i", "in", *option, "-F", rule)
    assert (code, out) == (1, "")
    assert err == f"error: could not parse filter rule '{rule}': {reason}\n"
    assert not os.path.exists("image")


def test_a_rule_must_follow(capfd, folder):
    code, _, err = run(capfd, "-i", "in", "-o", "image", "-F")
    assert code == 1
    assert "-F" in err
    assert "expected one argument" in err


@pytest.mark.parametrize(
    ("words", "attached"),
    [
        ([], []),
        (["-i", "x"], ["-i", "x"]),
        (["-F", "- x", "-f"], ["--filter=- x", "-f"]),
        (["-F", "+ x", "+ y", "-f", "z"], ["--filter=+ x", "--filter=+ y", "-f", "z"]),
        (["-F-i x"], ["--filter=-i x"]),
        (["-F=+ x"], ["--filter==+ x"]),
        (["--filter=- x", "y"], ["--filter=- x", "y"]),
        (["--filter", "-i", "x"], ["--filter=-i", "--filter=x"]),
        (["-f", "-F"], ["-f", "-F"]),
    ],
)
def test_rules_are_attached_to_their_option(words, attached):
    assert attach_rules(words) == attached


class TestDebugFilter:
    """What --debug-filter prints."""

    RULES = ("-F", "+ b.o", "-F", "- cache/", "-F", "-i *.o")

    @pytest.mark.parametrize(
        ("mode", "expected"),
        [
            (
                "all",
                "+ a.txt,+ b.o,- cache/,+ src/,+ src/a.txt,- src/b.O,+ void/,+ void/inner/",
            ),
            ("files", "+ a.txt,+ b.o,+ src/a.txt,- src/b.O"),
            ("included", "a.txt,b.o,src/,src/a.txt,void/,void/inner/"),
            ("included-files", "a.txt,b.o,src/a.txt"),
            ("excluded", "cache/,src/b.O"),
            ("excluded-files", "src/b.O"),
        ],
    )
    def test_modes(self, capfd, folder, mode, expected):
        code, out, err = run(capfd, "-i", "in", f"--debug-filter={mode}", *self.RULES)
        assert (code, err) == (0, "")
        above = os.path.realpath("in")
        signed = mode in ("all", "files")
        assert sorted(out.splitlines()) == sorted(
            f"{line[:2]}{above}/{line[2:]}" if signed else f"{above}/{line}"
            for line in expected.split(",")
        )

    def test_all_is_the_default(self, capfd, folder):
        one = run(capfd, "-i", "in", "--debug-filter", *self.RULES)
        assert one == run(capfd, "-i", "in", "--debug-filter=all", *self.RULES)

    def test_unknown_mode(self, capfd, folder):
        assert run(capfd, "-i", "in", "--debug-filter=some") == (
            1,
            "",
            "error: invalid filter debug mode 'some'\n",
        )

    def test_without_rules_everything_is_included(self, capfd, folder):
        _, out, _ = run(capfd, "-i", "in", "--debug-filter=included")
        above = os.path.realpath("in") + "/"
        assert {
            line.removeprefix(above).rstrip("/") for line in out.splitlines()
        } == ALL

    def test_directories_come_before_what_is_in_them(self, capfd, folder):
        _, out, _ = run(capfd, "-i", "in", "--debug-filter=included")
        lines = out.splitlines()
        top = os.path.realpath("in")
        for number, line in enumerate(lines):
            parent = os.path.dirname(line.rstrip("/"))
            assert parent == top or f"{parent}/" in lines[:number]
        # A directory is read completely before those in it.
        assert [line.count("/") - line.endswith("/") for line in lines[:5]] == [
            top.count("/") + 1
        ] * 5

    def test_makes_no_image(self, capfd, folder):
        code, out, _ = run(capfd, "-i", "in", "--debug-filter", "-o", "image")
        assert code == 0
        assert out
        assert not os.path.exists("image")

    def test_devices_and_specials_have_lines(self, capfd, folder):
        os.mkfifo(folder / "pipe")
        _, out, _ = run(capfd, "-i", "in", "--debug-filter", "-F", "- *")
        assert f"- {os.path.realpath('in')}/pipe" in out.splitlines()

    def test_a_symlink_to_the_input_is_resolved(self, capfd, folder):
        os.symlink("in", "link")
        one = run(capfd, "-i", "link", "--debug-filter")
        assert one == run(capfd, "-i", "in/", "--debug-filter")
        assert one[1]

    @pytest.mark.skipif(sys.platform == "darwin", reason="names are UTF-8 there")
    def test_any_bytes(self, capfdbinary, folder):
        (folder / os.fsdecode(b"\xff\n")).touch()
        assert main(["-i", "in", "--debug-filter=excluded", "-F", "- [!a-z]?"]) == 0
        out, _ = capfdbinary.readouterr()
        assert out == os.fsencode(os.path.realpath("in")) + b"/\xff\n\n"

    def test_the_input_must_be_a_directory(self, capfd, folder):
        code, out, err = run(capfd, "-i", "in/a.txt", "--debug-filter")
        assert (code, out) == (1, "")
        assert "expected a directory as input" in err

    def test_without_input_it_is_the_help(self, capfd):
        code, out, _ = run(capfd, "--debug-filter")
        assert code == 0
        assert out.startswith("usage: mkdwarfs")

    def test_not_for_lists(self, capfd, folder):
        code, _, err = run(capfd, "--input-list=x", "--debug-filter")
        assert (code, err) == (
            1,
            "error: cannot combine --input-list and --debug-filter\n",
        )

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_problems_are_told_and_counted(self, capfd, folder):
        (folder / "cache").chmod(0)
        code, out, err = run(capfd, "-i", "in", "--debug-filter=excluded")
        (folder / "cache").chmod(0o700)
        assert (code, out) == (2, "")
        assert "cannot read directory" in err

    def test_nothing_is_said_when_the_reader_is_gone(self, folder):
        for number in range(3000):
            (folder / f"{number:0200}").touch()
        with subprocess.Popen(
            [*COMMAND, "-i", "in", "--debug-filter"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout.readline()
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 141


class TestInputList:
    """What --input-list takes in."""

    def write(self, *lines):
        with open("list", "w") as file:
            file.write("".join(f"{line}\n" for line in lines))

    def test_takes_what_is_listed(self, capfd, folder):
        self.write("src/b.O", "a.txt", "void")
        found = pack(capfd, "-i", "in", "--input-list", "list")
        assert found == {"src", "src/b.O", "a.txt", "void"}

    def test_the_default_input_is_the_current_folder(self, capfd, folder):
        self.write("in/a.txt", os.path.abspath("in/b.o"))
        assert pack(capfd, "--input-list=list") == {"in", "in/a.txt", "in/b.o"}

    def test_from_standard_input(self, folder):
        done = subprocess.run(
            [*COMMAND, "--input-list=-", "-i", "in", "-o", "image", "-l1"],
            input=b"./cache/x\n./a.txt\n",
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr
        assert paths() == {"cache", "cache/x", "a.txt"}

    def test_devices_and_specials_are_taken(self, capfd, folder):
        os.mkfifo(folder / "pipe")
        self.write("pipe")
        assert pack(capfd, "-i", "in", "--input-list=list") == {"pipe"}
        (mode,) = [row[0] for path, row in describe_image("image").items() if path]
        assert stat.S_ISFIFO(int(mode, 8))

    def test_empty_directories_can_be_removed(self, capfd, folder):
        self.write("void", "cache", "src/a.txt")
        words = ["-i", "in", "--input-list=list", "--remove-empty-dirs"]
        assert pack(capfd, *words) == {"src", "src/a.txt"}

    def test_what_is_missing_is_a_problem(self, capfd, folder):
        self.write("no", "a.txt", "a.txt")
        words = ["-i", "in", "--input-list=list", "-o", "image", "-l1"]
        code, _, err = run(capfd, *words)
        assert code == 2
        assert f"error reading entry {os.path.realpath('in/no')}: No such file" in err
        assert "skipping duplicate entry 'a.txt' in input list" in err
        assert "filesystem created with 1 error" in err
        assert paths() == {"a.txt"}

    def test_what_leads_through_a_file_is_fatal(self, capfd, folder):
        self.write("a.txt/b")
        words = ["-i", "in", "--input-list=list", "-o", "image", "-l1"]
        code, _, err = run(capfd, *words)
        assert code == 1
        assert "invalid path 'a.txt' in input list: expected a directory" in err
        assert not os.path.exists("image")

    def test_a_list_that_is_not_there(self, capfd, folder):
        code, _, err = run(capfd, "-i", "in", "--input-list=list", "-o", "image")
        assert code == 1
        assert "cannot open input list file" in err
        assert "No such file or directory" in err
        assert not os.path.exists("image")

    def test_not_with_rules(self, capfd, folder):
        self.write("a.txt")
        words = ["-i", "in", "--input-list=list", "-o", "image", "-F", "- x"]
        assert run(capfd, *words) == (
            1,
            "",
            "error: cannot combine --input-list and --filter\n",
        )

    def test_without_output_it_is_the_help(self, capfd):
        code, out, _ = run(capfd, "--input-list=list")
        assert code == 0
        assert out.startswith("usage: mkdwarfs")

    def test_equal_lists_make_equal_images(self, capfd, folder):
        words = ["-i", "in", "--input-list=list", "--no-create-timestamp"]
        words += ["--no-history", "-f"]
        images = []
        for lines in (["src/a.txt", "b.o"], ["./src/a.txt", "src", "b.o", "b.o"]):
            self.write(*lines)
            pack(capfd, *words)
            with open("image", "rb") as file:
                images.append(file.read())
        assert images[0] == images[1]


def test_the_image_may_lie_in_its_input(capfd, folder, monkeypatch):
    monkeypatch.chdir(folder)
    for _ in range(2):
        found = pack(capfd, "-i", ".", "-f", "-F", "- void/")
        assert found == ALL - {"void", "void/inner"}
