"""Countries of generated people and companies: spellings, cities, languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sync_worker.sandbox.generator.seeded_random import expand_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """A country: `spellings` are the values in the country property, `hs_language` is HubSpot's language code."""

    code: str
    language: str  # language of names, job titles and company names: en, de, fr, es, it, ca, zh
    hs_language: str
    spellings: tuple[str, ...]
    cities: tuple[str, ...]
    legal_forms: tuple[str, ...]
    phone_prefix: str
    market_fit: float  # fit of buyers in this country, 0..1


_COUNTRY_TABLE: Final = """
22 DE de de    Germany|Deutschland|DE|Germany            Berlin|München|Hamburg|Köln|Stuttgart|Leipzig    GmbH|AG|GmbH & Co. KG +49 1.0
 5 AT de de-at Austria|Österreich|AT                     Wien|Graz|Linz|Salzburg                          GmbH|AG               +43 0.9
 5 CH de de-ch Switzerland|Schweiz|CH                    Zürich|Basel|Bern|Luzern                         AG|GmbH               +41 0.9
14 US en en-us United States|USA|US|United States        New York|Chicago|Austin|Boston|Seattle|Denver    Inc.|LLC|Corp.        +1  0.6
 9 GB en en-gb United Kingdom|UK|Great Britain           London|Manchester|Leeds|Bristol|Edinburgh        Ltd|plc               +44 0.8
 2 IE en en    Ireland|IE                                Dublin|Cork|Galway                               Ltd                   +353 0.7
 2 SG en en    Singapore|SG                              Singapore                                        Pte. Ltd.             +65 0.3
10 FR fr fr    France|FR|France                          Paris|Lyon|Nantes|Lille|Toulouse                 SAS|SARL|SA           +33 0.8
 3 BE fr fr-be Belgium|Belgique|BE                       Bruxelles|Liège|Namur                            SA|SRL                +32 0.7
 9 ES es es    Spain|España|ES                           Madrid|Valencia|Sevilla|Bilbao|Zaragoza          S.L.|S.A.             +34 0.8
 3 MX es es-mx Mexico|México|MX                          Ciudad de México|Monterrey|Guadalajara           S.A. de C.V.          +52 0.3
 3 ES ca ca    Spain|Espanya|España                      Barcelona|Girona|Lleida|Tarragona|Reus           S.L.|S.A.             +34 0.8
 7 IT it it    Italy|Italia|IT                           Milano|Torino|Bologna|Roma|Verona                S.r.l.|S.p.A.         +39 0.7
 6 CN zh zh-cn China|中国|CN                             上海|北京|深圳|杭州|成都                         有限公司              +86 0.3
"""


def _parse_country(line: str) -> tuple[Country, float]:
    weight, code, language, hs_language, rest = line.split(maxsplit=4)
    rest, phone, market_fit = rest.rsplit(maxsplit=2)
    spellings, cities, legal_forms = (tuple(part.strip().split("|")) for part in rest.split("  ") if part.strip())
    country = Country(
        code=code,
        language=language,
        hs_language=hs_language,
        spellings=spellings,
        cities=cities,
        legal_forms=legal_forms,
        phone_prefix=phone,
        market_fit=float(market_fit),
    )
    return country, float(weight)


WEIGHTED_COUNTRIES: Final = expand_weights([_parse_country(line) for line in _COUNTRY_TABLE.strip().splitlines()])
