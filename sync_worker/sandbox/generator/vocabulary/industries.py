"""Industries of generated companies, with HubSpot's values and a word for company names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sync_worker.sandbox.generator.seeded_random import expand_weights
from sync_worker.sandbox.generator.vocabulary.job_titles import LANGUAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Industry:
    """An industry: HubSpot's value and label, the word in company names by language, the fit (0..1)."""

    value: str
    label: str
    name_words: Mapping[str, str]
    market_fit: float


_INDUSTRY_TABLE: Final = """
16 1.0 COMPUTER_SOFTWARE Software|Software|Logiciels|Software|Software|Programari|软件
12 0.9 INFORMATION_TECHNOLOGY_AND_SERVICES IT Services|Systemhaus|Informatique|Sistemas|Informatica|Informàtica|信息技术
12 0.9 MACHINERY Machines|Maschinenbau|Machines|Maquinaria|Macchine|Maquinària|机械
 8 0.9 INDUSTRIAL_AUTOMATION Automation|Automation|Automatismes|Automatización|Automazione|Automatització|自动化
 8 0.7 LOGISTICS_AND_SUPPLY_CHAIN Logistics|Logistik|Logistique|Logística|Logistica|Logística|物流
 8 0.7 FINANCIAL_SERVICES Finance|Finanz|Finance|Finanzas|Finanza|Finances|金融
 6 0.5 HOSPITAL_HEALTH_CARE Care|Gesundheit|Santé|Salud|Salute|Salut|医疗
 6 0.6 RENEWABLES_ENVIRONMENT Renewables|Energie|Énergies|Renovables|Energie|Renovables|新能源
 7 0.4 RETAIL Retail|Handel|Distribution|Comercio|Commercio|Comerç|零售
 6 0.5 FOOD_PRODUCTION Foods|Lebensmittel|Agroalimentaire|Alimentación|Alimentari|Alimentació|食品
 6 0.6 MARKETING_AND_ADVERTISING Media|Medien|Médias|Publicidad|Media|Publicitat|传媒
 5 0.3 CONSTRUCTION Construction|Bau|Construction|Construcciones|Costruzioni|Construccions|建筑
 4 0.2 HIGHER_EDUCATION Academy|Akademie|Académie|Academia|Accademia|Acadèmia|教育
 3 0.3 RESTAURANTS Kitchens|Gastro|Restauration|Restauración|Ristorazione|Restauració|餐饮
"""


def _parse_industry(line: str) -> tuple[Industry, float]:
    weight, market_fit, value, words = line.split(maxsplit=3)
    by_language = dict(zip(LANGUAGES, words.split("|"), strict=True))
    return Industry(value=value, label=value.replace("_", " ").title(), name_words=by_language, market_fit=float(market_fit)), float(weight)


WEIGHTED_INDUSTRIES: Final = expand_weights([_parse_industry(line) for line in _INDUSTRY_TABLE.strip().splitlines()])
