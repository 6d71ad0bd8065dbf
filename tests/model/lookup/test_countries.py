"""Countries: the names of all languages against each other, spellings that people type, and texts that are not a country."""

from __future__ import annotations

import pycountry
import pytest

from sync_worker.model.lookup.countries import country_code, country_names, read_usual_names
from sync_worker.model.lookup.data import read_data
from tests.model.lookup.country_data import FILE, all_territory_names, generate_file, iso_names

# A sample of the spellings that people type.
SPELLINGS = {
    "AE": ["VAE", "U.A.E.", "ОАЭ", "阿联酋", "الامارات"],
    "AT": ["Oesterreich", "Osterreich", "ÖSTERREICH", "Autriche"],
    "CD": ["DR Congo", "Congo (Kinshasa)", "Congo, Democratic Republic of the"],
    "CH": ["Schweiz/Suisse/Svizzera", "Die Schweiz"],
    "CI": ["Ivory Coast", "Cote d'Ivoire", "Cote d’Ivoire", "Cote d Ivoire", "COTE DIVOIRE", "Elfenbeinküste"],
    "CN": ["P.R. China", "China (PRC)", "中國"],
    "CZ": ["Czechia", "Czech Republic (Czechia)", "Tschechei", "Česko"],
    "DE": ["BRD", "DE - Germany", "Germany (Deutschland)", "L'Allemagne", "ألمانيا", "المانيا", "Alemanha"],
    "EG": ["مصر", "Ägypten", "Aegypten", "Agypten"],
    "ES": ["Espana", "ESPANYA", "Espagne"],
    "FR": ["La France", "France métropolitaine", "프랑스"],
    "GB": ["UK", "U.K.", "England", "England, UK", "United Kingdom (UK)", "Gran Bretaña", "英国"],
    "GE": ["Georgia"],
    "GR": ["ΕΛΛΑΔΑ", "Ελλάδα", "Hellas"],
    "KR": ["Korea", "South Korea", "Korea (South)", "Korea, Republic of", "한국", "대한 민국"],
    "MR": ["موريتانيا"],
    "MW": ["Malawi"],
    "NL": ["Holland", "Pays Bas", "The Netherlands", "Netherlands (the)", "Países Bajos", "paises bajos"],
    "RU": ["Россия", "россия ", "РФ", "Russian Federation"],
    "TR": ["Turkey", "Türkiye", "Turkiye", "TÜRKİYE"],
    "US": ["U.S.A", "U.S.A.", "U. S.", "EE.UU.", "EEUU", "Vereinigte Staaten von Amerika", "Mỹ", "США", "ארה״ב", "USA - United States"],
}
NO_COUNTRIES = [
    *("Atlantis", "", "  ", "-", "N/A", "n.a.", "TBD", "unknown", "null", "EU", "Europe", "Berlin, Germany", "Georgia, US", "Kongo", "Nga"),
    *("Deutschland, Österreich", "DE;FR", "/", "()", ",", "the", "x" * 1_000),
]


def test_every_territory_name_of_every_language_is_its_own_country_or_none() -> None:
    names = all_territory_names()
    assert [(code, name) for code, name in sorted(names) if country_code(name) not in (code, None)] == []
    unknown = [name for _, name in names if country_code(name) is None]
    assert len(names) > 30_000
    assert len(unknown) < 50


def test_every_official_name_and_code_is_its_country() -> None:
    assert [(code, name) for code, name in iso_names() if country_code(name) != code] == []
    codes = [
        (each.alpha_2, typed) for each in pycountry.countries for code in (each.alpha_2, each.alpha_3) for typed in (code, code.lower())
    ]
    assert [(code, typed) for code, typed in codes if country_code(typed) != code] == []


def test_every_usual_name_is_its_country() -> None:
    names = list(read_usual_names(read_data("usual_country_names.txt")))
    assert [(code, name) for code, name in names if country_code(name) != code and name != "Nga"] == []


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in SPELLINGS.items() for text in texts])
def test_a_usual_spelling_is_a_country(code: str, text: str) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize("text", NO_COUNTRIES)
def test_other_texts_are_no_country(text: str) -> None:
    assert country_code(text) is None


@pytest.mark.parametrize(("text", "code"), [("MY", "MY"), ("Mỹ", "US"), ("MSR", "MS"), ("مصر", "EG"), ("NGA", "NG"), ("NA", "NA")])
def test_a_code_is_a_code_only_as_typed(text: str, code: str) -> None:
    assert country_code(text) == code


def test_suggestions_are_names_in_the_languages_of_most_portals() -> None:
    assert {"germany", "deutschland", "allemagne", "德国", "holland", "de"} <= set(country_names())
    assert "saksa" not in country_names()


def test_the_data_file_is_current() -> None:
    assert FILE.read_text("utf-8") == generate_file(), "run `make countries`"
