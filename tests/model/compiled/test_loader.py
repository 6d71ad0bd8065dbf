"""Loading model files: errors with file, line, key and suggestion; warnings; the hash."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sync_worker.errors import ExitCode, ModelError
from sync_worker.model.compiled.loader import load, loads
from sync_worker.model.file.yaml_source import parse_yaml

VALID_MODEL = """\
name: test
score:
  criteria:
    clicks: {event: email_click, tiers: {1: 1, 3: 2}}
    careers: {event: page_view, where: {url: {matches: /careers/*}}, points: -5}
  bands: [{name: nurture, from: 0}, {name: hot, from: 3}]
qualification:
  threshold: 3
"""


def load_error(text: str) -> str:
    with pytest.raises(ModelError) as caught:
        loads(text, "model.yaml")
    assert caught.value.exit_code == ExitCode.USAGE
    return caught.value.message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: test", "nam: test", "model.yaml:1:1: nam: unknown key; expected version, name"),
        ("name: test\n", "", "model.yaml:1:1: name: this key is missing"),
        ("email_click", "email_clik", "model.yaml:4:14: score.criteria.clicks.event: unknown kind of event"),
        ("email_click", "email_clik", 'did you mean "email_click"?'),
        ("matches:", "matchs:", "model.yaml:5:47: score.criteria.careers.where.url.matchs: unknown key"),
        ("matches:", "matchs:", 'did you mean "matches"?'),
        ("where: {url", "where: {ulr", "model.yaml:5:41: score.criteria.careers.where.ulr: unknown property of an event"),
        ("points: -5", "points: much", "model.yaml:5:70: score.criteria.careers.points: expected a number of points"),
        ("points: -5", "points: 0", "score.criteria.careers.points: has no effect; use enabled: false"),
        ("points: -5", "points: 0.00000001", "at most six decimal places"),
        ("points: -5", "points: -5, each: -1", "expected one of tiers, each, points or importance, found each and points"),
        ("points: -5", "importance: hihg", 'did you mean "high"?'),
        ("points: -5", "points: -5, within: soon", "expected a duration in seconds"),
        ("points: -5", "points: -5, within: 3 months", "expected a duration in seconds"),
        ("{1: 1, 3: 2}", "{1: 1, 3: 0}", "score.criteria.clicks.tiers[3]: this tier has no effect"),
        ("{1: 1, 3: 2}", "{0: 1}", "a tier must start at 1 event or more"),
        ("{1: 1, 3: 2}", "{1: 1, 3: -2}", "must be all positive or all negative"),
        ("{1: 1, 3: 2}", "{}", "expected at least one tier"),
        ("from: 3}", "from: 0}", "model.yaml:6:49: score.bands[1].from: bands must ascend: hot (0) comes after nurture (0)"),
        ("name: hot", "name: Nurture", "duplicate band name 'Nurture'"),
        ("threshold: 3", "threshold: -3", "model.yaml:8:3: qualification.threshold: expected a threshold above 0"),
        ("threshold: 3", "threshold: 3\n  leave_below: 4", "is above the threshold (3): a new MQL by score would lose the status at once"),
        ("threshold: 3", "threshold: 3\n  known_at_least: 2", "expected at most 0, the number of grade criteria, not 2"),
        ("threshold: 3", "threshold: 3\n  direct: {a: {valid_for: 3 days}}", "expected either event"),
        ("threshold: 3", "threshold: 3\n  grade_at_least: E", "expected F, D-, D"),
        ("tiers: {1: 1, 3: 2}", "each: -1, at_most: 3", "no criterion adds points: the maximum score must be above 0"),
        (
            "points: -5",
            "points: -5}\n    when_old: {when: {createdate: {older_than: 9 days}}, points: 5",
            "becomes true just because time passes",
        ),
        (
            "points: -5",
            "points: -5}\n    x: {when: {not: {createdate: {within: 9 days}}}, points: 5",
            "becomes true just because time passes",
        ),
        ("points: -5", "points: -5}\n    x: {when: {jobtitel: a}, points: 5", 'did you mean "jobtitle"?'),
        (
            "points: -5",
            "points: -5}\n    x: {when: {seats: {at_least: 3}}, points: 5",
            "not a standard property of HubSpot; declare a custom property first: properties: {seats: text}",
        ),
        ("points: -5", "points: -5}\n    x: {when: {jobtitle: {at_least: 3}}, points: 5", "does not apply to a property of type text"),
        ("points: -5", "points: -5}\n    x: {when: {hs_email_click: {at_least: many}}, points: 5", "expected a number, not 'many'"),
        ("points: -5", "points: -5}\n    x: {when: {createdate: {at_least: soon}}, points: 5", "expected a date such as 2026-01-31"),
        ("points: -5", "points: -5}\n    x: {when: {hs_email_optout: 1}, points: 5", "expected true or false, not 1"),
        ("points: -5", "points: -5}\n    x: {when: {jobtitle: {regex: '(ceo'}}, points: 5", "does not compile: unclosed group"),
        ("points: -5", "points: -5}\n    x: {when: {country: {country_in: Germny}}, points: 5", 'did you mean "germany"?'),
        ("points: -5", "points: -5}\n    x: {when: {email: {domain_in: freemail}}, points: 5", 'did you mean "free_mail"?'),
        (
            "points: -5",
            "points: -5}\n    x: {when: {hs_email_click: {between: [9, 3]}}, points: 5",
            "the first bound is above the second",
        ),
        ("points: -5", "points: -5}\n    x: {when: {jobtitle: {}}, points: 5", "expected an operator: is, is_not"),
        ("points: -5", "points: -5}\n    x: {when: {jobtitle: {contains_any: '*'}}, points: 5", "an empty text matches everything"),
        ("  bands", "  degradation: {kind: per_event}\n  bands", "expected either half_life or expiry, found neither"),
        ("  bands", "  degradation: {expiry: 9 days}\n  bands", "not allowed with kind: inactivity"),
        ("  bands", "  degradation: {lose: a lot}\n  bands", "expected a share or a number of points"),
        ("  bands", "  degradation: {floor: 50}\n  bands", "expected a percentage from 0 % to 100 %, such as 50 %, not 50"),
        ("  bands", "  degradation: {every: 3 hours}\n  bands", "expected at least 1 day"),
        ("name: test", "name: test\nlanguage: klingon", "expected en, de, es, fr, it, ca or zh, not 'klingon'"),
        ("name: test", "name: test\ntime_zone: Europe/Berlín", "unknown time zone"),
        ("name: test", "name: test\nproperties: {plan: color}", "expected text, number, boolean, date or enumeration"),
        ("name: test", "name: test\ndomains: {rivals: {add: ['not a domain']}}", "expected a domain such as example.com"),
    ],
)
def test_each_mistake_is_reported_at_its_line(old: str, new: str, message: str) -> None:
    assert old in VALID_MODEL
    assert message in load_error(VALID_MODEL.replace(old, new, 1))


def test_several_mistakes_are_reported_at_once_in_the_order_of_lines() -> None:
    text = VALID_MODEL.replace("name: test", "nam: test").replace("email_click", "klick").replace("threshold: 3", "threshold: high")
    lines = [line.split(": ")[0] for line in load_error(text).splitlines()]
    assert lines == ["model.yaml:1:1", "model.yaml:1:1", "model.yaml:4:14", "model.yaml:8:3"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "model.yaml:1:1: the file is empty"),
        ("a: [1", "model.yaml:1:4: the [ here has no closing ]"),
        ("name: test\nscore:\n\tcriteria: 1", "model.yaml:3:1: this line is indented with a tab"),
        ("name: a\nname: b", "model.yaml:2:1: name: duplicate key (first on line 1)"),
        ("a: &a [x, x]\nb: &b [*a, *a]", "model.yaml:2:8: YAML aliases (*a) are not allowed"),
        ("name: !!python/object:os.system x", "YAML tags"),
        ("--- {}\n--- {}", "expected one YAML document"),
        ("[" * 500, "nested deeper than 40 levels"),
        ("? [a]\n: b", "expected a name as key"),
        ("000: [a]", "keys should be strings, not 0"),
        ("name: 123456789012345678901", "model.yaml:1:7: name: number out of range: 123456789012345678901"),
        (f"name: {'1234567890' * 4}", f"model.yaml:1:7: name: number out of range: {'1234567890' * 3}"),
        (
            "score: {criteria: {a: {event: webinar, points: 1, enabled: 'no'}}}",
            "score.criteria.a.enabled: expected a boolean, not 'no'",
        ),
        ("x" * 600_000, "more than 500000 characters"),
        ("- a list", "model.yaml:1:1: expected keys with values, not a list"),
        ("name: a\nscore: 3", "model.yaml:2:1: score: expected keys with values, not 3"),
    ],
)
def test_ambiguous_or_unsafe_yaml_is_refused(text: str, message: str) -> None:
    assert message in load_error(text)


def test_an_unexpected_value_is_quoted_in_sixty_characters() -> None:
    assert load_error(f"score: {'x' * 80}").endswith(f"not '{'x' * 59}")


def test_an_invalid_key_does_not_hide_a_later_mistake() -> None:
    errors = load_error("? [a]\n: b\nname: a\nname: b")
    assert "model.yaml:1:3: expected a name as key" in errors
    assert "model.yaml:4:1: name: duplicate key" in errors


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: Größe".encode("latin-1"))
    with pytest.raises(ModelError, match="is not UTF-8 text"):
        load(tmp_path / "latin.yaml")


def test_valid_but_suspicious_values_are_warnings() -> None:
    text = VALID_MODEL.replace("threshold: 3", "threshold: 4").replace("from: 3}", "from: 9}").replace("points: -5", "each: -5")
    assert loads(text, "model.yaml").warnings == (
        "model.yaml:8:3: qualification.threshold: 4 is above the reachable maximum of 3: no contact can be an MQL by score",
        "model.yaml:6:49: score.bands[1].from: 9 is above the reachable maximum of 3: no contact can reach hot",
        "model.yaml:5:70: score.criteria.careers.each: no cap (at_most): many events of this kind outweigh all other criteria",
        (
            "model.yaml:6:49: score.bands[1].from: the top band starts at 9, but the threshold of an MQL by score is 4; "
            "use one number for both"
        ),
    )


def add_criterion(text: str) -> str:
    return VALID_MODEL.replace("  bands:", f"    x: {text}\n  bands:")


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        ("{event: page_view, where: {url: {matches: pricing}}, points: 1}", "for the path, write /pricing or */pricing/*"),
        ("{event: page_view, where: {not: {url: {starts_with: [/a, pricing/]}}}, points: 1}", "x.where.not.url.starts_with: 'pricing/'"),
        ("{event: download, where: {url: guides/*}, points: 1}", "'guides/*' is compared with the host"),
        (
            "{event: email_click, where: {name: {contains_any: news}}, points: 1}",
            "email_click has no name, so this is never true; it has url",
        ),
        (
            "{event: form_submission, where: {any: [{form: a}, {name: b}]}, points: 1}",
            "x.where.any[1].name: an event of kind form_submission",
        ),
        ("{event: page_view, where: {form: {matches: a}}, points: 1}", "an event of kind page_view has no form"),
        ("{event: webinar, where: {url: {matches: /a}}, points: 1}", "an event of kind webinar has no url"),
        ("{event: 'custom:login', where: {form: a}, points: 1}", "an event of kind custom:login has no form"),
        ("{when: {hs_lead_status: [NEW, UNQUALIFED]}, points: 1}", "x.when.hs_lead_status.in: HubSpot has no option 'UNQUALIFED'"),
        ("{when: {hs_lead_status: [NEW, UNQUALIFED]}, points: 1}", 'did you mean "UNQUALIFIED"?'),
        ("{when: {company.industry: {is_not: COMPUTER_SOFTWRE}}, points: 1}", 'did you mean "COMPUTER_SOFTWARE"?'),
        ("{when: {hs_emailconfirmationstatus: {is_known: true}}, points: 1}", "is true for pending confirmations too"),
    ],
)
def test_a_condition_that_is_never_true_is_a_warning_with_the_correction(criterion: str, message: str) -> None:
    assert message in "\n".join(loads(add_criterion(criterion), "model.yaml").warnings)


@pytest.mark.parametrize(
    "criterion",
    [
        "{event: page_view, where: {url: {matches: [docs.example.com/*, localhost/x, '*pricing*', /pricing]}}, points: 1}",
        "{event: page_view, where: {url: {matches: 'https://www.example.com/a'}}, points: 1}",
        "{event: page_view, where: {url: {regex: pricing}, name: {contains_any: pricing}}, points: 1}",
        "{event: form_submission, where: {url: {matches: /a}, form: b}, points: 1}",
        "{event: 'custom:login', where: {url: {matches: /a}}, points: 1}",
        "{when: {hs_lead_status: [NEW, unqualified, NURTURE_LATER], lifecyclestage: '123456'}, points: 1}",
        "{when: {company.industry: FARMING, numemployees: 1-5}, points: 1}",
        "{event: page_view, where: {form: a}, points: 1, enabled: false}",
    ],
)
def test_a_condition_that_can_be_true_is_no_warning(criterion: str) -> None:
    assert loads(add_criterion(criterion), "model.yaml").warnings == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (add_criterion("{when: {list: Target accounts}, points: 1}"), "x.when.list: list membership cannot be part of a condition"),
        (add_criterion("{when: {deal.stage: won}, points: 1}"), "such as company.industry, not those of deal"),
        (
            "properties: {deal.stage: text}\n" + VALID_MODEL,
            "model.yaml:1:14: properties.deal.stage: expected a property of contacts or company",
        ),
        (add_criterion("{event: webinar, except: direct, points: 1}"), "x.except: no direct qualifier has event: webinar"),
        (add_criterion("{when: {jobtitle: a}, except: direct, points: 1}"), "x.except: applies only to events"),
        (
            add_criterion("{event: webinar, except: direct, points: 1}") + "  direct: {w: {event: webinar}}\n",
            "no event would count, because the direct qualifier w has no where",
        ),
    ],
)
def test_a_question_that_no_contact_can_answer_is_refused(text: str, message: str) -> None:
    assert message in load_error(text)


def test_a_model_without_caps_is_accepted_and_the_warning_names_each_criterion() -> None:
    text = VALID_MODEL.replace("tiers: {1: 1, 3: 2}", "each: 90")
    model = loads(text, "model.yaml")
    assert model.maximum == 900_000
    assert "model.yaml:4:34: score.criteria.clicks.each: no cap (at_most)" in model.warnings[0]
    many = "".join(f"    x{n}: {{event: page_view, each: 10000}}\n" for n in range(10))
    assert "is above the limit of 999999999; add at_most to x0, x1" in load_error(VALID_MODEL.replace("  bands:", f"{many}  bands:"))


def test_a_list_declared_as_a_property_and_bands_named_like_the_status_are_warnings() -> None:
    text = "properties: {list: text}\n" + VALID_MODEL.replace("name: nurture", "name: MQL")
    warnings = loads(text.replace("threshold: 3", "threshold: 3\n  grade_at_least: C"), "model.yaml").warnings
    assert [warning.split(": ")[1] for warning in warnings] == ["score.bands[0].name", "properties.list", "qualification.grade_at_least"]


def test_the_hash_depends_only_on_the_meaning() -> None:
    model = loads(VALID_MODEL, "a.yaml")
    reordered = """\
# the same meaning
qualification: {threshold: 3.0, leave_below: null}
score:
  bands: [{from: 0, name: nurture}, {from: 3, name: hot}]
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
    from tests.model.factories import evaluate_contact  # noqa: PLC0415 -- the only test here that evaluates

    assert evaluate_contact(loads(text, "model.yaml"), {"jobtitle": "a" * 20_000})["score"] == 0


MARKETERS_MODEL = """\
name: test
score:
  criteria:
    clicks:
      label: clicked
      event: email_click
      points: 3
    careers:
      event: page_view
      where: {url: {matches: [/careers/*]}}
      points: -5
    size:
      when: {company.annualrevenue: {at_least: 5000000}}
      points: 1
  bands:
    - {name: nurture, from: 0}
    - {name: mql, from: 3}
qualification:
  threshold: 3
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "5000000",
            "5,000,000",
            "13:48: score.criteria.size.when.company.annualrevenue: a number has no separators: 5000000, not 5,000,000",
        ),
        (
            "at_least: 5000000",
            'at_least: "5,000,000"',
            "13:38: score.criteria.size.when.company.annualrevenue.at_least: expected",
        ),
        ("at_least: 5000000", 'at_least: "5.000.000"', "not '5.000.000'; write 5000000"),
        (
            "points: -5",
            "points: −5",
            "11:7: score.criteria.careers.points: expected a number of points, such as 5 or -2.5, not '−5'; write -5",
        ),
        ("points: -5", 'points: "-5"', "not '-5'; write -5 without quotes"),
        ("[/careers/*]", "*/careers/*", '10:30: a text that starts with * needs quotes: "*/careers/*"'),
        ("[/careers/*]", "[/jobs/*, */careers/*, /karriere/*]", '10:40: a text that starts with * needs quotes: "*/careers/*"'),
        ("label: clicked", "label: *clicked*  # twice", '5:14: a text that starts with * needs quotes: "*clicked*"'),
        ("label: clicked", "label: @all", '5:14: a text that starts with @ needs quotes: "@all"'),
        ("label: clicked", "label: 50 % off: clicked", '5:14: a text with a colon needs quotes: label: "50 % off: clicked"'),
        ("{name: mql, from: 3}", "{name: sales: ready, from: 3}", '17:14: a text with a colon needs quotes: name: "sales: ready"'),
        (
            "      label: clicked",
            "     label: clicked",
            "6:7: this line is indented by 6 spaces, the line above by 5 spaces; keys",
        ),
        ("      label: clicked", "       label: clicked", "6:7: this line is indented by 6 spaces, the line above by 7 spaces"),
        ("event: email_click", "event:email_click", "6:12: a space is missing after the colon: event: email_click"),
        ("label: clicked", 'label: "clicked', '5:14: this line has a quote (") without its other half'),
        ("{name: mql, from: 3}", "{name: mql, from: 3", "17:7: the { here has no closing }"),
        ("    - {name: nurture, from: 0}", "    nurture: 0", "17:5: this line is an item of a list (-), the lines above are keys"),
        ("    clicks:", "    Email Clicks:", "4:5: score.criteria.Email Clicks: a key is a short name of lower-case letters, digits and _"),
        ("    clicks:", "    Email Clicks:", "such as email_clicks"),
        ("    clicks:", "    2 clicks:", "such as c_2_clicks"),
        (
            "size:\n      when: {company.annualrevenue: {at_least: 5000000}}\n      points: 1",
            "size:\n    points: 1",
            "12:5: score.criteria.size: expected keys with values, but nothing",
        ),
    ],
)
def test_a_marketer_reads_where_the_mistake_is_and_what_to_write(old: str, new: str, message: str) -> None:
    assert old in MARKETERS_MODEL
    assert message in load_error(MARKETERS_MODEL.replace(old, new, 1)).replace("model.yaml:", "")


def test_thousands_of_unknown_keys_are_refused_in_seconds() -> None:
    many = "".join(f"unknown_{number}: 1\n" for number in range(20_000))
    started = time.process_time()
    message = load_error(MARKETERS_MODEL + many)
    assert time.process_time() - started < 10 * measure_parse(MARKETERS_MODEL + many)
    lines = message.splitlines()
    assert (len(lines), lines[-1]) == (26, "... and 19975 more")


def measure_parse(text: str) -> float:
    """Return the CPU seconds to read the YAML alone."""
    started = time.process_time()
    parse_yaml(text)
    return time.process_time() - started


def test_thousands_of_unknown_properties_are_refused_in_seconds() -> None:
    many = "".join(f"        p{number}: 1\n" for number in range(10_000))
    text = MARKETERS_MODEL.replace("when: {company.annualrevenue: {at_least: 5000000}}", f"when:\n{many}")
    started = time.process_time()
    assert load_error(text).splitlines()[-1].endswith("more")
    assert time.process_time() - started < 10 * measure_parse(text)


@pytest.mark.parametrize(("share", "message"), [("33.333333 %", None), ("33.3333333 %", "expected at most six decimal places")])
def test_percentages_have_up_to_six_decimal_places(share: str, message: str | None) -> None:
    text = VALID_MODEL.replace("  bands", f"  degradation: {{lose: {share}}}\n  bands")
    if message is None:
        assert loads(text, "model.yaml").document.score.degradation.lose == share
    else:
        assert message in load_error(text)
