"""`headgate prices update`, `diff` and `list`, and the tool that signs lists."""

from __future__ import annotations

import http.server
import importlib.util
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from headgate.cli.app import run
from headgate.config import load
from headgate.config.price_lists import catalog_of
from price_notes import KEY, OTHER, built_in, price_note

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADGATE_CONFIG", raising=False)
    (tmp_path / "headgate.yaml").write_text(
        f'price_list: {{keys: ["{KEY}"]}}\nproviders: {{sim: {{kind: simulator}}}}\n'
        "models: {chat: {targets: [sim/gpt-4o-mini]}}\n"
    )
    return tmp_path


def offered(name: str = "new.prices", *arguments: object, **members: object) -> str:
    Path(name).write_bytes(price_note(*arguments, **members))  # pyright: ignore[reportArgumentType]
    return name


def test_an_update_is_installed_whole_and_shown(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert run(["prices", "diff"]) == 3
    assert run(["prices", "update", offered()]) == 0
    assert "The prices of 2099-01-01 count from now on" in capsys.readouterr().out
    assert (folder / "headgate.prices").read_bytes() == Path("new.prices").read_bytes()
    assert [each.name for each in folder.iterdir() if each.name.startswith(".")] == []
    assert run(["prices", "list"]) == 0
    told = capsys.readouterr()
    assert told.out == "openai/gpt-4o-mini\t1\t2\n"
    assert "prices of 2099-01-01, from test" in told.err
    assert run(["prices", "show", "openai/gpt-4o-mini", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"].startswith("2099-01-01+")
    assert run(["prices", "update", "new.prices"]) == 0
    assert "count already" in capsys.readouterr().out


def test_a_difference_is_told_before_and_after(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "update", offered(date="2099-01-01", input="1")]) == 0
    capsys.readouterr()
    assert run(["prices", "diff", offered("next.prices", date="2099-02-01", input="3"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == [
        {"model": "openai/gpt-4o-mini", "what": "input_tokens", "before": "1", "after": "3"},
        {"model": "openai/gpt-4o-mini", "what": "cached_tokens", "before": "1", "after": "3"},
    ]
    assert run(["prices", "diff", "--json"]) == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert {"model": "anthropic/claude-opus-4-5", "what": "input_tokens", "before": "5", "after": None} in changes


@pytest.mark.parametrize(
    ("date", "revision", "taken"),
    [
        ("2099-01-01", 2, False),
        ("2099-01-01", 3, False),
        ("2098-12-31", 9, False),
        ("2099-01-01", 4, True),
        ("2099-01-02", 0, True),
    ],
)
def test_only_a_newer_list_takes_the_place_of_one(
    date: str, revision: int, taken: bool, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    assert run(["prices", "update", offered("first.prices", input="1", revision=3)]) == 0
    code = run(["prices", "update", offered("next.prices", date=date, input="7", revision=revision)])
    assert code == (0 if taken else 1)
    counts = Path("next.prices" if taken else "first.prices").read_bytes()
    assert (folder / "headgate.prices").read_bytes() == counts
    if not taken:
        assert "are not newer" in capsys.readouterr().err


def test_rows_priced_by_a_list_that_was_replaced_can_still_be_explained(folder: Path) -> None:
    for date in ("2099-01-01", "2099-02-01", "2099-03-01"):
        assert run(["prices", "update", offered(date=date, input=date[6])]) == 0
    catalog = catalog_of(load(folder / "headgate.yaml"))
    found: list[str] = []
    for kept in sorted(folder.glob("headgate.prices.*")):
        price = catalog.versioned(f"{kept.name.removeprefix('headgate.prices.')}:openai/gpt-4o-mini")
        assert price is not None
        found.append(price.per_million()["input_tokens"])
    assert found == ["1", "2"]
    kept = next(folder.glob("headgate.prices.2099-01-01*"))
    kept.write_bytes(price_note(date="2099-01-01", input="9"))
    version = f"{kept.name.removeprefix('headgate.prices.')}:openai/gpt-4o-mini"
    assert catalog_of(load(folder / "headgate.yaml")).versioned(version) is None, "it is not that edition"
    assert catalog.versioned("2099-01-01+../../x:openai/gpt-4o-mini") is None


def test_what_is_older_than_the_built_in_list_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "update", offered(date="2020-01-01")]) == 1
    assert "(built in)" in capsys.readouterr().err


@pytest.mark.parametrize("note", [price_note().replace(b'"1"', b'"0"'), price_note(signer=OTHER), b"nothing"])
def test_what_was_tampered_with_or_signed_by_others_is_refused(
    note: bytes, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    Path("bad.prices").write_bytes(note)
    assert run(["prices", "update", "bad.prices"]) == 1
    assert "bad.prices is refused" in capsys.readouterr().err
    assert not (folder / "headgate.prices").exists()


def test_without_a_key_nobody_is_trusted(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "headgate.yaml").unlink()
    assert run(["prices", "update", offered()]) == 3
    assert "price_list: {keys:" in capsys.readouterr().err


def test_a_broken_list_can_be_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "headgate.prices").write_bytes(b"broken")
    assert run(["check"]) == 1
    assert "price_list.file" in capsys.readouterr().err
    assert run(["prices", "update", offered()]) == 0
    assert run(["check"]) == 0


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    """A server on this machine that has the list at /list, and sends elsewhere from /moved."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/list?a=1" else 302)
            self.send_header("location", "/list?a=1")
            self.end_headers()
            self.wfile.write(price_note())

        def log_message(self, format: str, *args: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_list_can_come_from_an_address(address: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "update", f"{address}/moved"]) == 3
    assert "answered 302" in capsys.readouterr().err
    assert run(["prices", "update", f"{address}/list?a=1"]) == 0
    assert (folder / "headgate.prices").read_bytes() == price_note()


@pytest.mark.parametrize("url", ["http://prices.example.com/list", "ftp://h/list", "https://", "http://[/"])
def test_addresses_that_are_none_or_in_the_clear_are_not_asked(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "update", url]) == 3
    assert "cannot be fetched" not in capsys.readouterr().err


# ── the tool ──


@pytest.fixture
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sign_prices", ROOT / "tools" / "sign_prices.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tool_makes_what_update_takes(tool: ModuleType, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main(["key", "prices.example.com", "key.pem"]) == 0
    key = capsys.readouterr().out.strip()
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    Path("list.json").write_text(json.dumps(built_in()), "utf-8")
    assert tool.main(["sign", "key.pem", "prices.example.com", "list.json", "--date", "2099-01-01"]) == 0
    Path("signed").write_text(capsys.readouterr().out, "utf-8")
    text = (folder / "headgate.yaml").read_text().replace(KEY, key)
    (folder / "headgate.yaml").write_text(text)
    assert run(["prices", "update", "signed", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["installed"], told["changes"]) == (True, [])


def test_the_tool_signs_no_nonsense(tool: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    tool.main(["key", "prices.example.com", "key.pem"])
    Path("list.json").write_text("{}")
    assert tool.main(["sign", "key.pem", "prices.example.com", "list.json"]) == 1
    assert tool.main(["key", "prices.example.com", "key.pem"]) == 1
    assert "it is no price list" in capsys.readouterr().err
