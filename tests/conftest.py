"""What all tests share: where things are, and which tests run by default."""

import os
import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).parent
sys.path.insert(0, str(TESTS))

GOLDEN = TESTS / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slow", action="store_true", help="run the tests marked slow as well"
    )


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    slow = pytest.mark.skip(reason="slow; run with --slow")
    root = pytest.mark.skip(reason="needs root: makes devices and changes owners")
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(slow)
        if "root" in item.keywords and os.geteuid() != 0:
            item.add_marker(root)


@pytest.fixture(scope="session")
def golden() -> pathlib.Path:
    """The folder of images made by the reference tools."""
    return GOLDEN


@pytest.fixture(scope="session")
def shared_golden() -> pathlib.Path:
    """A folder with more golden images, beside the checkout or named by DWARFSMITH_GOLDEN."""
    named = os.environ.get("DWARFSMITH_GOLDEN")
    folder = pathlib.Path(named) if named else TESTS.parent.parent / "shared/golden"
    if not folder.is_dir():
        pytest.skip("the folder of further golden images is absent (DWARFSMITH_GOLDEN)")
    return folder
