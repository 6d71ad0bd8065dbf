"""Students, buyers and forms under the default model and the presets."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from sync_worker.model.compiled.loader import load
from sync_worker.model.compiled.model import Model
from tests.model.factories import evaluate_facts, make_event, make_facts

DATA: Final = Path(__file__).parent
CONFIG: Final = Path(__file__).parents[3] / "config"
MODELS: Final = (CONFIG / "model.yaml", *sorted((CONFIG / "presets").glob("*.yaml")))
COLUMNS: Final = ("email", "jobtitle", "company.name", "company.domain", "company.industry", "company.numberofemployees", "country")
PAGES: Final = ("https://firm.test/pricing", "https://firm.test/customers/one", "https://firm.test/guide.pdf?q=scoring&utm_campaign=spring")
CUSTOM: Final = ("session_started", "project_created", "limit_reached")


@cache
def read_lines(file: str) -> tuple[str, ...]:
    return tuple(line for line in (DATA / file).read_text("utf-8").splitlines() if not line.startswith("#"))


def read_people(file: str) -> Iterator[tuple[dict[str, str | None], str]]:
    for line in read_lines(file):
        cells = [cell.strip() or None for cell in line.split("|")]
        yield dict(zip(COLUMNS, cells, strict=False)), cells[len(COLUMNS)] or "" if len(cells) > len(COLUMNS) else ""


def busy_events(contact_id: int) -> Iterator[dict[str, object]]:
    """Yield the events of a very active reader: enough for the threshold of every model."""
    for n in range(12):
        own = {"contact_id": contact_id, "days_ago": 1 + n}
        yield make_event("email_click", id_=f"c{n}", campaign=str(n), url=f"https://firm.test/{n}", **own)
        yield make_event("page_view", id_=f"v{n}", url=PAGES[n % 3], **own)
        yield make_event("form_submission", id_=f"f{n}", form_id=f"f{n}", form_name=f"White paper {n}", **own)
        yield make_event("webinar", id_=f"w{n}", name="Webinar", **own)
        for kind in CUSTOM:
            yield make_event(f"custom:{kind}", id_=f"{kind}{n}", **own)


def demo_request(contact_id: int, form: str = "Contact us: request a demo") -> dict[str, object]:
    return make_event("form_submission", contact_id=contact_id, id_="request", form_id="1f3c", form_name=form)


def find_mqls(model: Model, people: list[dict[str, str | None]], events: list[dict[str, object]]) -> list[bool]:
    columns = dict.fromkeys((*model.contact_properties, *(f"company.{name}" for name in model.company_properties)))
    return evaluate_facts(model, make_facts([columns | person for person in people], events)).table["mql"].to_list()


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_no_student_is_an_mql_at_any_score(path: Path) -> None:
    people = [person for person, _ in read_people("students.txt")]
    assert len(people) == 50
    mqls = find_mqls(load(path), people, [event for n in range(1, 51) for event in busy_events(n)])
    assert [person for person, mql in zip(people, mqls, strict=True) if mql] == []


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_student_with_a_sign_is_no_mql_by_a_demo_request(path: Path) -> None:
    people = [person for person, _ in read_people("students.txt") if person["email"] != "rosa@gmail.com"]  # without any sign
    mqls = find_mqls(load(path), people, [demo_request(n) for n in range(1, len(people) + 1)])
    assert [person for person, mql in zip(people, mqls, strict=True) if mql] == []


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_nearly_all_buyers_are_mqls(path: Path) -> None:
    found = list(read_people("buyers.txt"))
    assert len(found) == 150
    events = [event for n, (_, how) in enumerate(found, 1) for event in ([demo_request(n)] if how == "direct" else busy_events(n))]
    mqls = find_mqls(load(path), [person for person, _ in found], events)
    lost = [person for (person, _), mql in zip(found, mqls, strict=True) if not mql]
    print(path.stem, "keeps", sum(mqls), "of 150; lost:", *lost, sep="\n  ")
    assert sum(mqls) >= 143


@pytest.mark.parametrize("path", [path for path in MODELS if path.stem != "product_led"], ids=lambda path: path.stem)
def test_nearly_all_forms_are_read_by_their_words(path: Path) -> None:
    lines = read_lines("forms.txt")
    assert len(lines) >= 60
    people: list[dict[str, str | None]] = [{"email": f"a@firm{n}.example", "jobtitle": "Buyer"} for n in range(len(lines))]
    mqls = find_mqls(load(path), people, [demo_request(n, line[2:]) for n, line in enumerate(lines, 1)])
    wrong = [line for line, mql in zip(lines, mqls, strict=True) if mql != line.startswith("+")]
    print(path.stem, len(wrong), "wrong of", len(lines), *wrong, sep="\n  ")
    assert len(wrong) <= len(lines) // 20
