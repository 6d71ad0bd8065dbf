"""Countries, job titles, domains, normalization of text."""

from __future__ import annotations

import polars as pl
import pytest

from sync_worker.model.file.schema import DomainList
from sync_worker.model.lookup.countries import country_code
from sync_worker.model.lookup.domains import compile_domain_lists, extract_hosts, match_domains
from sync_worker.model.lookup.job_titles import SENIORITY_LEVELS, seniority
from sync_worker.model.lookup.text import normalize_text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *(
            (name, "DE")
            for name in ("Deutschland", "germany", "DE", "DEU", "Allemagne", "Alemania", "Germania", "Alemanya", "德国", "Niemcy")
        ),
        *((name, "ES") for name in ("Spain", "España", "Espagne", "Spanien", "Spagna", "Espanya", "西班牙")),
        *((name, "US") for name in ("USA", "United States", "U.S.", "Vereinigte Staaten", "Estados Unidos", "美国")),
        *((name, "GB") for name in ("UK", "United Kingdom", "England", "Royaume-Uni", "Reino Unido")),
        *((name, "CH") for name in ("Schweiz", "Suisse", "Svizzera", "Switzerland", "Suïssa")),
        ("Türkiye", "TR"),
        ("Côte d'Ivoire", "CI"),
        ("Saksa", "DE"),  # Finnish: only in the list of all languages
        ("Atlantis", None),
        ("", None),
    ],
)
def test_a_country_is_known_in_any_language(text: str, code: str | None) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("title", "level"),
    [
        ("CEO", "c_level"),
        ("Chief Revenue Officer", "c_level"),
        ("Co-Founder & CTO", "c_level"),
        ("Geschäftsführerin", "c_level"),
        ("Geschaeftsfuehrer", "c_level"),
        ("Directeur général", "c_level"),
        ("PDG", "c_level"),
        ("Consejera Delegada", "c_level"),
        ("Amministratore delegato", "c_level"),
        ("Consellera delegada", "c_level"),
        ("总经理", "c_level"),
        ("Vice President, Sales", "vp"),
        ("Executive Vice President & CFO", "c_level"),
        ("SVP Marketing", "vp"),
        ("Vicepresidenta", "vp"),
        ("Vizepräsident", "vp"),
        ("副总裁", "vp"),
        ("Head of Growth", "director"),
        ("Vertriebsleiter", "director"),
        ("Directrice des ventes", "director"),
        ("Directora de compras", "director"),
        ("Direttore vendite", "director"),
        ("市场总监", "director"),
        ("Marketing Manager", "manager"),
        ("Teamleiterin", "manager"),
        ("Responsable des achats", "manager"),
        ("Jefe de compras", "manager"),
        ("Responsabile acquisti", "manager"),
        ("Cap de vendes", "manager"),
        ("销售经理", "manager"),
        ("Senior Engineer", "senior"),
        ("Software Engineer", "employee"),
        ("Assistant to the CEO", "employee"),
        ("Assistenz der Geschäftsführung", "employee"),
        ("Assistant Manager", "manager"),
        ("Associate Director", "director"),
        ("Student of business administration", "intern"),
        ("Werkstudentin Marketing", "intern"),
        ("Becaria", "intern"),
        ("Étudiante", "intern"),
        ("实习生", "intern"),
        ("Unemployed", "intern"),
        ("Other", None),
        ("n/a", None),
        ("  ", None),
    ],
)
def test_a_job_title_has_a_seniority(title: str, level: str | None) -> None:
    found = seniority(title)
    assert (None if found is None else SENIORITY_LEVELS[found]) == level


def test_a_domain_includes_its_subdomains_and_the_more_specific_exception_wins() -> None:
    declared = {"academic": DomainList.model_validate({"add": [".uni.example"], "except": ["alumni.uni.example"]})}
    lists = compile_domain_lists(declared, ["academic", "free_mail"])
    academic = lists["academic"]
    assert [name in academic for name in ("cs.uni.example", "uni.example", "x.alumni.uni.example", "mit.edu", "a.ac.uk", "a.edu.au")] == [
        *(True, True, False),
        *(True, True, True),
    ]
    assert "ac.com" not in academic
    assert "example.com" not in lists["free_mail"]


@pytest.mark.parametrize(
    ("address", "lists"),
    [
        ("a@lmu.de", {"academic"}),
        ("a@hs-mannheim.de", {"academic"}),
        ("a@universitaet-ulm.de", {"academic"}),
        ("a@lincoln.k12.ca.us", {"academic"}),
        ("a@student.ethz.ch", {"academic", "student_mail"}),
        ("a@alumnos.upm.es", {"academic", "student_mail"}),
        ("a@etu.univ-lyon1.fr", {"academic", "student_mail"}),
        ("a@stud.firm.example", {"student_mail"}),
        ("a@student.example", set()),
        ("a@alumni.stanford.edu", {"free_mail", "alumni_mail"}),
        ("a@mail.alumni.ox.ac.uk", {"free_mail", "alumni_mail"}),
        ("a@alumni.example", set()),
        ("a@culture.gouv.fr", {"public_sector"}),
        ("a@comune.milano.it", {"public_sector"}),
        ("a@nhs.net", {"public_sector"}),
        ("a@siemens.com", set()),
        ("a@universal-robots.com", set()),
        ("a@hs-automation.de", set()),
        ("a@gov.com", set()),
    ],
)
def test_an_address_is_in_the_built_in_lists(address: str, lists: set[str]) -> None:
    names = ("free_mail", "academic", "student_mail", "alumni_mail", "public_sector")
    matches = match_domains(pl.Series([address]), compile_domain_lists({}, names).values())
    assert {name for name, match in zip(names, matches, strict=True) if match.item()} == lists


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("A@B.com", "b.com"),
        ("https://www.foo.de:80/x", "foo.de"),
        ("foo.de/x", "foo.de"),
        ("//foo.example?x@y.z", "foo.example"),
        ("foo", None),
        ("a@b..c", None),
        ("http://[::1", None),
        (None, None),
    ],
)
def test_the_domain_of_an_address(text: str | None, host: str | None) -> None:
    assert extract_hosts(pl.Series([text], dtype=pl.String)).item() == host


def test_text_is_compared_without_case_accents_and_extra_spaces() -> None:
    assert normalize_text("  ÉTÉ\u00a0à  Łódź ß ") == "ete a lodz ss"
    assert normalize_text("Москва") == normalize_text("МОСКВА")
    assert normalize_text("销售经理 VP") == "销售经理 vp"
