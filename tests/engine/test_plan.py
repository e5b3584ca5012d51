"""Plans: the level table, option values, and the way to JSON and back."""

import msgspec
import pytest

from dwarfsmith.engine.errors import NotAvailableError, UsageError
from dwarfsmith.engine.levels import LEVEL_TABLE
from dwarfsmith.engine.plan import (
    BuildPlan,
    Pack,
    parse_order,
    parse_pack_metadata,
    parse_size,
    parse_time,
)


def plan(**choices):
    return BuildPlan(input=b"/in\xff", output=b"/out", **choices)


def test_level_decides_what_is_not_chosen():
    for level, row in enumerate(LEVEL_TABLE):
        settings = plan(level=level).settings()
        assert settings.block_bits == row.block_bits
        assert settings.compression == row.compression
        assert settings.metadata_compression == row.metadata_compression
        assert settings.window_bits == row.window_bits
        assert settings.order == parse_order(row.order)
        assert settings.history_compression == row.schema_compression


def test_choices_win_over_the_level():
    settings = plan(level=9, block_bits=12, window_bits=0, order="path").settings()
    assert settings.block_bits == 12
    assert settings.window_bits == 0
    assert settings.order.kind == "path"
    assert settings.compression == "lzma:level=9"


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"level": 10}, "invalid compression level"),
        ({"block_bits": 9}, "block size must be between 10 and 30"),
        ({"block_bits": 31}, "block size must be between 10 and 30"),
        ({"window_bits": 25}, "--window-size expects a value from 0 to 24, found 25"),
        ({"window_step": 9}, "--window-step"),
        ({"bloom_bits": 11}, "--bloom-filter-size"),
        ({"workers": 0}, "--num-workers"),
        ({"lookback_blocks": -1}, "--max-lookback-blocks"),
    ],
)
def test_values_out_of_range(choices, message):
    with pytest.raises(UsageError, match=message):
        plan(**choices).settings()


def test_json_keeps_every_byte_of_a_path():
    before = plan(level=3, set_time=7, pack_metadata=("names", "force"))
    after = msgspec.json.decode(msgspec.json.encode(before), type=BuildPlan)
    assert after == before


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1700000000", 1_700_000_000),
        ("20240102", 20_240_102),
        ("20240102T030405", 1704164645),
        ("20240102T0304", 1704164640),
        ("20240102T", 1704153600),
        ("2024-01-02", 1704153600),
        ("2024-01-02T", 1704153600),
        ("2024-01-02 03:04", 1704164640),
        ("2024-01-02T03:04", 1704164640),
        ("2024-01-02 03:04:05", 1704164645),
        ("2024-01-02T03:04:05.999", 1704164645),
    ],
)
def test_times(text, seconds):
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "2024-01-02T03:04:05Z", "+5", "-5", "2024-01-02 x", "tomorrow", "1.5"]
)
def test_bad_times(text):
    with pytest.raises(UsageError, match="cannot parse time point"):
        parse_time(text)


def test_sizes():
    assert parse_size("17", "-L") == 17
    assert parse_size("3k", "-L") == 3 << 10
    assert parse_size("2G", "-L") == 2 << 30
    for text in ("", "k", "1.5m", "1kb", "-1", "1 k", "٣"):
        with pytest.raises(UsageError):
            parse_size(text, "-L")


def test_orders():
    spec = parse_order("nilsimsa:max-children=7:max-cluster-size=9")
    assert (spec.max_children, spec.max_cluster_size) == (7, 9)
    assert str(spec) == "nilsimsa:max-children=7:max-cluster-size=9"
    assert str(parse_order("revpath")) == "revpath"
    for text in (
        "size",
        "path:max-children=1",
        "nilsimsa:max-children=0",
        "nilsimsa:x",
    ):
        with pytest.raises(UsageError):
            parse_order(text)
    with pytest.raises(NotAvailableError):
        parse_order("explicit:file=x")


def test_pack_words():
    assert parse_pack_metadata("auto") == Pack(names=True, symlinks=True)
    assert parse_pack_metadata("none") == Pack()
    everything = parse_pack_metadata("all,force")
    assert everything.chunk_table
    assert everything.symlinks_index
    assert everything.force
    assert not everything.plain
    for text in ("", "auto,force", "none,names", "nmaes", "names,"):
        with pytest.raises(UsageError, match="--pack-metadata"):
            parse_pack_metadata(text)


def test_rules_are_not_for_lists():
    plan = BuildPlan(input=b"a", output=b"b", filters=(b"- x",), input_list=b"list")
    with pytest.raises(UsageError, match="cannot combine --input-list and --filter"):
        plan.settings()


def test_rules_of_any_bytes_travel():
    plan = BuildPlan(input=b"a", output=b"b", filters=(b"- \xff", b". rules"))
    line = msgspec.json.encode(plan)
    assert msgspec.json.decode(line, type=BuildPlan) == plan
