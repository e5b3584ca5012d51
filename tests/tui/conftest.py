"""The tree of the fake worker, as a module and as columns."""

from __future__ import annotations

import importlib.util
import os
import pathlib
from types import ModuleType

import pytest

from dwarfsmith.engine.source.tree import Tree

FAKE_WORKER = pathlib.Path(__file__).with_name("fake_worker.py")


@pytest.fixture(scope="session")
def fake_worker() -> ModuleType:
    """The fake worker as a module: its tree, and where its file is."""
    spec = importlib.util.spec_from_file_location("fake_worker", FAKE_WORKER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(fake_worker: ModuleType, tmp_path: pathlib.Path) -> Tree:
    """The tree the fake worker scans."""
    folder = tmp_path / "columns"
    folder.mkdir()
    made: Tree = fake_worker.write_tree(os.fspath(folder))
    return made
