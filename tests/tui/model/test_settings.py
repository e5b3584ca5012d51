"""What is remembered between runs."""

import tomllib

import msgspec
import pytest

from dwarfsmith.tui.model.settings import (
    MOST_RECENT,
    Settings,
    SettingsError,
    SettingsFile,
    to_toml,
)

EVERYTHING = Settings(
    theme="fjord",
    sort="files",
    level=9,
    workers=3,
    with_devices=True,
    with_specials=True,
    keep_all_times=True,
    reproducible=True,
    verify=False,
    recent=("/a b", "/ü\n'\"\\"),
    keys={"tree.up": "ctrl+k"},
)


@pytest.fixture
def file(tmp_path):
    return SettingsFile(str(tmp_path / "config" / "settings.toml"))


@pytest.mark.parametrize("settings", [Settings(), EVERYTHING])
def test_what_is_saved_is_read_again(file, settings):
    file.save(settings)
    assert file.load() == settings


def test_every_field_is_tested_above():
    for field in msgspec.structs.fields(Settings):
        assert getattr(EVERYTHING, field.name) != getattr(Settings(), field.name)


def test_the_file_is_toml_a_person_can_edit():
    text = to_toml(EVERYTHING)
    assert tomllib.loads(text)["keys"] == {"tree.up": "ctrl+k"}
    assert "level = 9\n" in text


def test_a_missing_file_means_the_defaults(file):
    assert file.load() == Settings()


def test_without_a_file_nothing_is_read_or_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nowhere = SettingsFile(None)
    nowhere.save(EVERYTHING)
    assert nowhere.load() == Settings()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("level = 'seven'", "Expected `int`, got `str` - at `$.level`"),
        ("colour = 1", "unknown field `colour`"),
        ("sort = 'age'", "Invalid enum value 'age'"),
        ("level = ", "Invalid value"),
        ("\udcff", "utf-8"),
    ],
)
def test_a_bad_file_is_told_in_one_line_with_its_place(tmp_path, text, said):
    path = tmp_path / "settings.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError) as told:
        SettingsFile(str(path)).load()
    message = str(told.value)
    assert said in message and str(path) in message and "\n" not in message


def test_a_failed_save_leaves_the_former_file_and_no_other(file, tmp_path, monkeypatch):
    file.save(Settings(level=1))

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(SettingsError, match="No space left on device"):
        file.save(Settings(level=2))
    assert file.load().level == 1
    assert len(list((tmp_path / "config").iterdir())) == 1


def test_recent_folders_are_few_and_new_ones_first():
    settings = Settings()
    for number in range(20):
        settings = settings.with_recent(f"/folder{number}")
    settings = settings.with_recent("/folder15")
    assert len(settings.recent) == MOST_RECENT
    assert settings.recent[:3] == ("/folder15", "/folder19", "/folder18")


def test_a_folder_toml_cannot_name_is_not_remembered():
    assert Settings().with_recent("/caf\udce9").recent == ()
