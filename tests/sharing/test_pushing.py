import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from huggingface_hub import constants

from crossemo.sharing.model_facts import ModelError
from crossemo.sharing.pushing import push
from tests.loopback import QuietHandler, serving

NAME = "owner/name"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """What a hub was told, and the files that it holds."""

    def __init__(self, files: dict[str, bytes], refuse: tuple[str, int] | None) -> None:
        self.files, self.refuse = files, refuse
        self.private: bool | None = None
        self.tokens: set[str | None] = set()
        self.commits: list[str] = []

    def answer(self, path: str, body: bytes) -> object:
        if path == "/api/repos/create":
            sent = json.loads(body)  # older libraries say private
            self.private = sent.get("visibility") == "private" or sent.get("private")
            return {"url": f"{constants.ENDPOINT}/{NAME}"}
        if path.endswith("/preupload/main"):
            files = [one["path"] for one in json.loads(body)["files"]]
            regular = {"uploadMode": "regular", "shouldIgnore": False}
            return {"files": [{"path": path, **regular} for path in files]}
        if path.endswith("/commit/main"):
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "header":
                    self.commits.append(value["summary"])
                elif line["key"] == "file":
                    self.files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "deletedFile":
                    del self.files[value["path"]]
            return {
                "commitUrl": f"{constants.ENDPOINT}/{NAME}/commit/1",
                "commitOid": COMMIT,
            }
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        if "/tree/" in path:
            return [
                {"type": "file", "path": name, "size": 1, "oid": COMMIT}
                for name in self.files
            ]
        siblings = [{"rfilename": name} for name in self.files]
        return {"id": NAME, "sha": COMMIT, "siblings": siblings}


@contextmanager
def hub(
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, bytes] | None = None,
    refuse: tuple[str, int] | None = None,
) -> Iterator[Hub]:
    place = Hub(files if files is not None else {".gitattributes": b""}, refuse)

    class Handler(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 (http.server names it)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.partition("?")[0]
            place.tokens.add(self.headers.get("Authorization"))
            refused = place.refuse is not None and path.startswith(place.refuse[0])
            content = (
                b"{}" if refused else json.dumps(place.answer(path, body)).encode()
            )
            self.send_response(place.refuse[1] if refused and place.refuse else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

    with serving(Handler) as address:
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setenv("HF_TOKEN", "secret")
        yield place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "adapter").mkdir()
    contents = {"crossemo.yaml": "form: crossemo\n", "README.md": "# A model\n"}
    contents |= {"model.safetensors": "weights", "adapter/adapter_config.json": "{}"}
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("public", [False, True])
def test_a_repository_then_holds_the_folder_by_one_commit(
    folder: Path, public: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = {".gitattributes": b"", "crossemo.yaml": b"old", "model.onnx": b"old"}
    with hub(monkeypatch, earlier) as place:
        address = push(folder, NAME, public=public)
    assert address.endswith(f"/{NAME}/commit/1")
    assert place.files == content(folder) | {".gitattributes": b""}
    assert place.commits == ["crossemo export"]
    assert place.private is not public
    assert "Bearer secret" in place.tokens


def test_a_repository_of_something_else_is_left_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {".gitattributes": b"", "thesis.pdf": b"all of it"}
    with (
        hub(monkeypatch, dict(files)) as place,
        pytest.raises(ModelError, match=r"holds something else, such as thesis\.pdf"),
    ):
        push(folder, NAME)
    assert (place.files, place.commits) == (files, [])


@pytest.mark.parametrize(
    ("where", "status", "sentence"),
    [
        ("/api/", 401, r"doesn't know you: log in with `hf auth login`"),
        ("/api/", 403, r"may not write to owner/name .* own account"),
        (f"/api/models/{NAME}/preupload", 403, r"may not write to owner/name"),
        (f"/api/models/{NAME}/commit", 413, r"refused owner/name with status 413"),
    ],
)
def test_what_the_hub_refuses_is_said_and_nothing_is_pushed(
    folder: Path,
    where: str,
    status: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        hub(monkeypatch, refuse=(where, status)) as place,
        pytest.raises(ModelError, match=sentence),
    ):
        push(folder, NAME)
    assert (place.files, place.commits) == ({".gitattributes": b""}, [])


def test_without_a_network_a_sentence_says_where_the_model_lies(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # discard
    monkeypatch.setenv("HF_TOKEN", "secret")
    with pytest.raises(ModelError, match=r"can't be pushed .* network\. It lies in "):
        push(folder, NAME)


@pytest.mark.parametrize("name", ["model", "a/b/c", "", "owner/", "../x"])
def test_what_is_no_name_is_refused_before_anything_is_sent(
    folder: Path, name: str
) -> None:
    with pytest.raises(ModelError, match="is no name of a repository"):
        push(folder, name)
