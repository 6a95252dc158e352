from base64 import b64encode
from hashlib import sha256
from itertools import pairwise

import pytest

from crossemo.report.report_files import PAGE
from tests.report.conftest import Written
from tests.report.frames import HOSTILE
from tests.report.html import Element, everything, file_of, read_page


@pytest.fixture(scope="module")
def page(written: Written) -> Element:
    return read_page(written.folder / PAGE)


def by_id(page: Element) -> dict[str, Element]:
    ids = [e.attributes["id"] for e in everything(page) if "id" in e.attributes]
    assert sorted(ids) == sorted(set(ids))
    return {e.attributes["id"]: e for e in everything(page) if "id" in e.attributes}


def test_what_looks_like_markup_is_shown_as_text(
    page: Element, written: Written
) -> None:
    assert [one.text.count(HOSTILE) for one in page.within("script")] == [0]
    assert [one.text.count("alert") for one in page.within("style")] == [0]
    assert page.within("h1")[0].text == f"Study {HOSTILE}"
    ids = by_id(page)
    left_out = [cell.text for cell in ids["left-out"].within("td")]
    assert left_out == written.frames["exclusions"]["reason"].to_list()
    names = [row.within("th")[0].text for row in ids["runs-table"].within("tr")[1:]]
    assert names == written.frames["runs"]["run"].to_list()
    assert any(HOSTILE in one.text for one in page.within("summary"))
    assert any(HOSTILE in one.text for one in page.within("pre"))
    assert any(HOSTILE in one.attributes["alt"] for one in page.within("img"))
    assert not [n for e in everything(page) for n in e.attributes if n[:2] == "on"]


def test_nothing_comes_from_elsewhere(page: Element) -> None:
    policies = {
        one.attributes["content"]
        for one in page.within("meta")
        if one.attributes.get("http-equiv") == "Content-Security-Policy"
    }
    digests = {
        kind: b64encode(sha256(page.within(kind)[0].text.encode()).digest()).decode()
        for kind in ("script", "style")
    }
    assert policies == {
        "default-src 'none'; img-src data:; "
        f"style-src 'sha256-{digests['style']}'; "
        f"script-src 'sha256-{digests['script']}'; "
        "base-uri 'none'; form-action 'none'"
    }
    for one in page.within("img"):
        assert one.attributes["src"].startswith("data:image/svg+xml;base64,")
    for kind in ("link", "iframe", "object", "form", "base"):
        assert page.within(kind) == []
    assert not [
        e for e in everything(page) if e.attributes.keys() & {"style", "srcset"}
    ]
    assert len(page.within("script")) == len(page.within("style")) == 1


def test_every_link_leads_somewhere(page: Element, written: Written) -> None:
    ids = by_id(page)
    for link in page.within("a"):
        href = link.attributes["href"]
        if href.startswith("#"):
            assert href[1:] in ids
        else:
            assert file_of(href, written.folder / PAGE).exists(), href


def test_a_number_leads_to_its_runs_and_their_clips(
    page: Element, written: Written
) -> None:
    ids, frames = by_id(page), written.frames
    row = ids["two_stages_1-table"].within("tr")[1]
    names = [one.text for one in row.within("th")]
    assert names == ["baseline", "tiny"]
    head = ids[row.within("a")[0].attributes["href"][1:]]
    assert head.text == "6 runs"
    assert head.above is not None
    place = head.above.elements.index(head)
    links = head.above.elements[place + 1].within("a")
    runs = frames["folds"].iloc[0]["runs"]
    assert [one.text for one in links[::2]] == list(runs)
    of_run = frames["runs"].set_index("run")
    for name, run, clips in zip(runs, links[::2], links[1::2], strict=True):
        assert ids[run.attributes["href"][1:]].within("th")[0].text == name
        file = file_of(clips.attributes["href"], written.folder / PAGE)
        assert file.name == "predictions.csv"
        assert str(file.parent) == of_run["folder"][name]


def test_every_number_of_an_exhibit_has_runs(page: Element) -> None:
    ids = by_id(page)
    for tag in (
        "two_stages_1",
        "by_emotion_1",
        "layers_1",
        "bias_1",
        "layer_weights_1",
    ):
        cells = ids[f"{tag}-table"].within("td")
        numbers = [cell for cell in cells if any(map(str.isdigit, cell.text))]
        assert len(numbers) > 4, tag
        assert all(cell.within("a") for cell in numbers[1:] if "." in cell.text), tag


def test_the_page_is_built_as_readers_of_screens_need_it(page: Element) -> None:
    assert page.within("html")[0].attributes["lang"] == "en"
    levels = [int(e.tag[1]) for e in everything(page) if e.tag in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for table in page.within("table"):
        assert table.within("caption")[0].text.strip()
        assert all(
            head.attributes["scope"] in ("col", "row") for head in table.within("th")
        )
    for image in page.within("img"):
        assert len(image.attributes["alt"]) > 60
    assert [len(page.within(one)) for one in ("main", "nav", "header", "footer")] == [
        1
    ] * 4
