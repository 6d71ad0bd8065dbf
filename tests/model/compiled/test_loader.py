"""A model file that can't be right is refused, with file and line, the key, and the nearest right name."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_worker.errors import ExitCode, ModelError
from sync_worker.model.compiled.loader import load, loads

VALID_MODEL = """\
name: test
score:
  criteria:
    clicks: {event: email_click, tiers: {1: 1, 3: 2}}
    careers: {event: page_view, where: {url: {matches: /careers/*}}, points: -5}
  bands: [{name: nurture, from: 0}, {name: mql, from: 3}]
qualification:
  threshold: 3
"""


def load_error(text: str) -> str:
    with pytest.raises(ModelError) as caught:
        loads(text, "model.yaml")
    assert caught.value.exit_code == ExitCode.USAGE
    return caught.value.message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: test", "nam: test", "model.yaml:1: nam: unknown key; expected version, name"),
        ("name: test\n", "", "model.yaml:1: name: this key is missing"),
        ("email_click", "email_clik", "model.yaml:4: score.criteria.clicks.event: unknown kind of event"),
        ("email_click", "email_clik", 'did you mean "email_click"?'),
        ("matches:", "matchs:", "model.yaml:5: score.criteria.careers.where.url.matchs: unknown key"),
        ("matches:", "matchs:", 'did you mean "matches"?'),
        ("where: {url", "where: {ulr", "model.yaml:5: score.criteria.careers.where.ulr: unknown property of an event"),
        ("points: -5", "points: much", "model.yaml:5: score.criteria.careers.points: expected a number of points"),
        ("points: -5", "points: 0", "never adds anything"),
        ("points: -5", "points: 0.00000001", "at most six digits after the point"),
        ("points: -5", "points: -5, each: -1", "expected one of tiers, each, points or importance, found each and points"),
        ("points: -5", "importance: hihg", 'did you mean "high"?'),
        ("points: -5", "points: -5, within: soon", "expected a duration in seconds"),
        ("points: -5", "points: -5, within: 3 months", "expected a duration in seconds"),
        ("{1: 1, 3: 2}", "{1: 1, 3: 0}", "score.criteria.clicks.tiers[3]: this tier never adds anything"),
        ("{1: 1, 3: 2}", "{0: 1}", "a tier starts at 1 event or more"),
        ("{1: 1, 3: 2}", "{1: 1, 3: -2}", "either all add or all take away"),
        ("{1: 1, 3: 2}", "{}", "expected at least one tier"),
        ("from: 3}", "from: 0}", "model.yaml:6: score.bands[1].from: bands ascend"),
        ("name: mql", "name: Nurture", "a second band of the name"),
        ("threshold: 3", "threshold: -3", "model.yaml:8: qualification.threshold: expected a threshold above 0"),
        ("threshold: 3", "threshold: 3\n  leave_below: 4", "everybody would leave at once"),
        ("threshold: 3", "threshold: 3\n  known_at_least: 2", "2 criteria can never be known: the grade has 0"),
        ("threshold: 3", "threshold: 3\n  direct: {a: {valid_for: 3 days}}", "expected either event"),
        ("threshold: 3", "threshold: 3\n  grade_at_least: E", "expected F, D-, D"),
        ("tiers: {1: 1, 3: 2}", "each: -1, at_most: 3", "nothing adds points: the maximum of the score would not be above 0"),
        ("points: -5", "points: -5}\n    when_old: {when: {createdate: {older_than: 9 days}}, points: 5", "becomes true by time alone"),
        ("points: -5", "points: -5}\n    x: {when: {not: {createdate: {within: 9 days}}}, points: 5", "becomes true by time alone"),
        ("points: -5", "points: -5}\n    x: {when: {jobtitel: a}, points: 5", 'did you mean "jobtitle"?'),
        ("points: -5", "points: -5}\n    x: {when: {seats: {at_least: 3}}, points: 5", "declare it: properties: {seats: text}"),
        ("points: -5", "points: -5}\n    x: {when: {jobtitle: {at_least: 3}}, points: 5", "cannot be asked of a property of type text"),
        ("points: -5", "points: -5}\n    x: {when: {hs_email_click: {at_least: many}}, points: 5", "expected a number, not 'many'"),
        ("points: -5", "points: -5}\n    x: {when: {createdate: {at_least: soon}}, points: 5", "expected a date such as 2026-01-31"),
        ("points: -5", "points: -5}\n    x: {when: {hs_email_optout: 1}, points: 5", "expected true or false, not 1"),
        ("points: -5", "points: -5}\n    x: {when: {jobtitle: {regex: '(ceo'}}, points: 5", "does not compile: unclosed group"),
        ("points: -5", "points: -5}\n    x: {when: {country: {country_in: Germny}}, points: 5", 'did you mean "germany"?'),
        ("points: -5", "points: -5}\n    x: {when: {email: {domain_in: freemail}}, points: 5", 'did you mean "free_mail"?'),
        (
            "points: -5",
            "points: -5}\n    x: {when: {hs_email_click: {between: [9, 3]}}, points: 5",
            "the first bound lies above the second",
        ),
        ("points: -5", "points: -5}\n    x: {when: {jobtitle: {}}, points: 5", "expected an operator: is, is_not"),
        ("points: -5", "points: -5}\n    x: {when: {jobtitle: {contains_any: '*'}}, points: 5", "an empty text is found everywhere"),
        ("  bands", "  degradation: {kind: per_event}\n  bands", "expected either half_life or expiry, found neither"),
        ("  bands", "  degradation: {expiry: 9 days}\n  bands", "makes no sense with kind: inactivity"),
        ("  bands", "  degradation: {lose: a lot}\n  bands", "expected a share or a number of points"),
        ("  bands", "  degradation: {floor: 50}\n  bands", "expected a percentage from 0 % to 100 %, such as 50 %, not 50"),
        ("  bands", "  degradation: {every: 3 hours}\n  bands", "expected at least 1 day"),
        ("name: test", "name: test\nlanguage: klingon", "expected en, de, es, fr, it, ca or zh, not 'klingon'"),
        ("name: test", "name: test\ntime_zone: Europe/Berlín", "unknown time zone"),
        ("name: test", "name: test\nproperties: {plan: colour}", "expected text, number, boolean, date or enumeration"),
        ("name: test", "name: test\ndomains: {rivals: {add: ['not a domain']}}", "expected a domain such as example.com"),
    ],
)
def test_each_mistake_is_reported_at_its_line(old: str, new: str, said: str) -> None:
    assert old in VALID_MODEL
    assert said in load_error(VALID_MODEL.replace(old, new, 1))


def test_several_mistakes_are_named_at_once_in_the_order_of_lines() -> None:
    text = VALID_MODEL.replace("name: test", "nam: test").replace("email_click", "klick").replace("threshold: 3", "threshold: high")
    lines = [line.split(": ")[0] for line in load_error(text).splitlines()]
    assert lines == ["model.yaml:1", "model.yaml:1", "model.yaml:4", "model.yaml:8"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "model.yaml:1: the file is empty"),
        ("a: [1", "model.yaml:1: this is no valid YAML"),
        ("name: test\nscore:\n\tcriteria: 1", "model.yaml:3: this is no valid YAML: a tab indents this line"),
        ("name: a\nname: b", "model.yaml:2: name: this key stands here a second time (first on line 1)"),
        ("a: &a [x, x]\nb: &b [*a, *a]", "model.yaml:2: YAML aliases (*a) are not allowed"),
        ("name: !!python/object:os.system x", "YAML tags"),
        ("--- {}\n--- {}", "expected one YAML document"),
        ("[" * 500, "nested deeper than 40 levels"),
        ("? [a]\n: b", "expected a name as key"),
        ("name: 12345678901234567890123456789", "expected a number of reasonable size"),
        ("x" * 600_000, "more than 500000 characters"),
        ("- a list", "model.yaml:1: expected keys with values, not a list"),
        ("name: a\nscore: 3", "model.yaml:2: score: expected keys with values, not 3"),
    ],
)
def test_yaml_that_could_surprise_is_refused(text: str, said: str) -> None:
    assert said in load_error(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: Größe".encode("latin-1"))
    with pytest.raises(ModelError, match="is no UTF-8 text"):
        load(tmp_path / "latin.yaml")


def test_what_is_allowed_and_hardly_meant_is_a_warning() -> None:
    text = VALID_MODEL.replace("threshold: 3", "threshold: 4").replace("from: 3}", "from: 9}").replace("points: -5", "each: -5")
    assert loads(text, "model.yaml").warnings == (
        "model.yaml:8: qualification.threshold: 4 lies above the reachable maximum of 3: nobody can be an MQL by score",
        "model.yaml:6: score.bands[1].from: 9 lies above the reachable maximum of 3: nobody reaches mql",
        "model.yaml:5: score.criteria.careers.each: there is no cap (at_most): one busy contact can outweigh everything else",
    )


def test_the_hash_is_of_the_meaning() -> None:
    model = loads(VALID_MODEL, "a.yaml")
    reordered = """\
# the same, said differently
qualification: {threshold: 3.0, leave_below: null}
score:
  bands: [{from: 0, name: nurture}, {from: 3, name: mql}]
  degradation: {floor: 50%}
  criteria:
    careers: {points: -5, where: {url: {matches: [/careers/*]}}, event: page_view, enabled: true}
    clicks: {tiers: {3: 2, 1: 1.0}, event: email_click}
name: test
description: whatever
"""
    assert loads(reordered, "b.yaml").hash == model.hash
    assert loads(VALID_MODEL.replace("-5", "-6"), "c.yaml").hash != model.hash
    assert len(model.hash) == 12


def test_a_pathological_regular_expression_takes_no_time() -> None:
    text = VALID_MODEL.replace("points: -5", "points: -5}\n    x: {when: {jobtitle: {regex: '(a*)*$b'}}, points: 5")
    from tests.model.factories import evaluate_contact  # noqa: PLC0415 -- the only test here that judges

    assert evaluate_contact(loads(text, "model.yaml"), {"jobtitle": "a" * 20_000})["score"] == 0
