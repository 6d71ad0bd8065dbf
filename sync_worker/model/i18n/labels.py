"""What an admin of HubSpot reads of ours, in each language: labels, descriptions, options, names of lists.

Internal names and values of options never change with the language: HubSpot keeps data under them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sync_worker.model.file.schema import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyLabel:
    """What a property is called, and what it says of itself."""

    label: str  # {prefix}
    description: str  # {range}


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The texts of one language; `{prefix}`, `{maximum}`, `{label}`, `{band}` ... are filled in."""

    lead: str  # the prefix, unless the portal has one of its own
    group: str
    properties: Mapping[str, PropertyLabel]  # by name without prefix
    range: str  # {maximum}
    points: str
    trends: Mapping[str, str]
    direct: str  # {label}
    by_score: str
    direct_list: str
    by_score_list: str
    band_list: str  # {band}


_ENGLISH: Final = Labels(
    lead="Lead",
    group="Lead scoring",
    properties={
        "score": PropertyLabel(
            label="{prefix} score",
            description="How ready this contact is to buy ({range}): what they did, and what speaks against them.",
        ),
        "score_band": PropertyLabel(
            label="{prefix} score band",
            description="The range that the lead score falls into.",
        ),
        "grade": PropertyLabel(
            label="{prefix} grade",
            description="How well this contact fits, from A+ to F: who they are, not what they did.",
        ),
        "score_trend": PropertyLabel(
            label="{prefix} score trend",
            description="Where the lead score is going.",
        ),
        "mql_reason": PropertyLabel(
            label="{prefix} MQL reason",
            description="Why this contact is a marketing qualified lead; empty when it is none.",
        ),
        "score_reasons": PropertyLabel(
            label="{prefix} score reasons",
            description="What the lead score is made of, the most important first.",
        ),
        "grade_reasons": PropertyLabel(
            label="{prefix} grade reasons",
            description="What the lead grade rests on, and what is not known.",
        ),
        "score_model": PropertyLabel(
            label="{prefix} score model",
            description="The scoring model that made these values.",
        ),
    },
    range="0 to {maximum}",
    points="points",
    trends={"rising": "Rising", "steady": "Steady", "falling": "Falling"},
    direct="Direct: {label}",
    by_score="By score and grade",
    direct_list="MQL · direct",
    by_score_list="MQL · by score",
    band_list="Leads · {band}",
)

_GERMAN: Final = Labels(
    lead="Lead",
    group="Lead-Scoring",
    properties={
        "score": PropertyLabel(
            label="{prefix}-Score",
            description="Wie kaufbereit dieser Kontakt ist ({range}): was er getan hat und was gegen ihn spricht.",
        ),
        "score_band": PropertyLabel(
            label="{prefix}-Score: Stufe",
            description="Der Bereich, in den der Lead-Score fällt.",
        ),
        "grade": PropertyLabel(
            label="{prefix}-Note",
            description="Wie gut dieser Kontakt passt, von A+ bis F: wer er ist, nicht was er getan hat.",
        ),
        "score_trend": PropertyLabel(
            label="{prefix}-Score: Trend",
            description="Wohin sich der Lead-Score bewegt.",
        ),
        "mql_reason": PropertyLabel(
            label="{prefix}-Score: MQL-Grund",
            description="Warum dieser Kontakt ein Marketing Qualified Lead ist; leer, wenn er keiner ist.",
        ),
        "score_reasons": PropertyLabel(
            label="{prefix}-Score: Gründe",
            description="Woraus der Lead-Score besteht, das Wichtigste zuerst.",
        ),
        "grade_reasons": PropertyLabel(
            label="{prefix}-Note: Gründe",
            description="Worauf die Lead-Note beruht und was nicht bekannt ist.",
        ),
        "score_model": PropertyLabel(
            label="{prefix}-Score: Modell",
            description="Das Bewertungsmodell, von dem diese Werte stammen.",
        ),
    },
    range="0 bis {maximum}",
    points="Punkte",
    trends={"rising": "Steigend", "steady": "Gleichbleibend", "falling": "Fallend"},
    direct="Direkt: {label}",
    by_score="Nach Score und Note",
    direct_list="MQL · direkt",
    by_score_list="MQL · nach Score",
    band_list="Leads · {band}",
)

_SPANISH: Final = Labels(
    lead="Lead",
    group="Puntuación de leads",
    properties={
        "score": PropertyLabel(
            label="{prefix}: puntuación",
            description="Hasta qué punto este contacto está listo para comprar ({range}): lo que ha hecho y lo que habla en su contra.",
        ),
        "score_band": PropertyLabel(
            label="{prefix}: tramo de puntuación",
            description="El tramo en el que cae la puntuación.",
        ),
        "grade": PropertyLabel(
            label="{prefix}: calificación",
            description="Hasta qué punto encaja este contacto, de A+ a F: quién es, no lo que ha hecho.",
        ),
        "score_trend": PropertyLabel(
            label="{prefix}: tendencia de la puntuación",
            description="Hacia dónde va la puntuación.",
        ),
        "mql_reason": PropertyLabel(
            label="{prefix}: motivo de MQL",
            description="Por qué este contacto es un lead cualificado por marketing (MQL); vacío si no lo es.",
        ),
        "score_reasons": PropertyLabel(
            label="{prefix}: motivos de la puntuación",
            description="De qué se compone la puntuación, lo más importante primero.",
        ),
        "grade_reasons": PropertyLabel(
            label="{prefix}: motivos de la calificación",
            description="En qué se basa la calificación y qué no se sabe.",
        ),
        "score_model": PropertyLabel(
            label="{prefix}: modelo de puntuación",
            description="El modelo de puntuación del que proceden estos valores.",
        ),
    },
    range="de 0 a {maximum}",
    points="puntos",
    trends={"rising": "Subiendo", "steady": "Estable", "falling": "Bajando"},
    direct="Directo: {label}",
    by_score="Por puntuación y calificación",
    direct_list="MQL · directo",
    by_score_list="MQL · por puntuación",
    band_list="Leads · {band}",
)

_FRENCH: Final = Labels(
    lead="Lead",
    group="Scoring des leads",
    properties={
        "score": PropertyLabel(
            label="{prefix} : score",
            description="À quel point ce contact est prêt à acheter ({range}) : ce qu’il a fait et ce qui parle contre lui.",
        ),
        "score_band": PropertyLabel(
            label="{prefix} : tranche de score",
            description="La tranche dans laquelle tombe le score.",
        ),
        "grade": PropertyLabel(
            label="{prefix} : note",
            description="À quel point ce contact correspond, de A+ à F : qui il est, non ce qu’il a fait.",
        ),
        "score_trend": PropertyLabel(
            label="{prefix} : tendance du score",
            description="Dans quel sens évolue le score.",
        ),
        "mql_reason": PropertyLabel(
            label="{prefix} : motif du MQL",
            description="Pourquoi ce contact est un lead qualifié par le marketing (MQL) ; vide s’il n’en est pas un.",
        ),
        "score_reasons": PropertyLabel(
            label="{prefix} : raisons du score",
            description="De quoi se compose le score, le plus important d’abord.",
        ),
        "grade_reasons": PropertyLabel(
            label="{prefix} : raisons de la note",
            description="Sur quoi repose la note, et ce qui n’est pas connu.",
        ),
        "score_model": PropertyLabel(
            label="{prefix} : modèle de score",
            description="Le modèle de score dont viennent ces valeurs.",
        ),
    },
    range="de 0 à {maximum}",
    points="points",
    trends={"rising": "En hausse", "steady": "Stable", "falling": "En baisse"},
    direct="Direct : {label}",
    by_score="Par score et note",
    direct_list="MQL · direct",
    by_score_list="MQL · par score",
    band_list="Leads · {band}",
)

_ITALIAN: Final = Labels(
    lead="Lead",
    group="Punteggio dei lead",
    properties={
        "score": PropertyLabel(
            label="{prefix}: punteggio",
            description="Quanto questo contatto è pronto ad acquistare ({range}): che cosa ha fatto e che cosa parla contro di lui.",
        ),
        "score_band": PropertyLabel(
            label="{prefix}: fascia di punteggio",
            description="La fascia in cui cade il punteggio.",
        ),
        "grade": PropertyLabel(
            label="{prefix}: voto",
            description="Quanto questo contatto è adatto, da A+ a F: chi è, non che cosa ha fatto.",
        ),
        "score_trend": PropertyLabel(
            label="{prefix}: andamento del punteggio",
            description="Dove sta andando il punteggio.",
        ),
        "mql_reason": PropertyLabel(
            label="{prefix}: motivo MQL",
            description="Perché questo contatto è un lead qualificato dal marketing (MQL); vuoto se non lo è.",
        ),
        "score_reasons": PropertyLabel(
            label="{prefix}: motivi del punteggio",
            description="Di che cosa è fatto il punteggio, prima le cose più importanti.",
        ),
        "grade_reasons": PropertyLabel(
            label="{prefix}: motivi del voto",
            description="Su che cosa si basa il voto e che cosa non si sa.",
        ),
        "score_model": PropertyLabel(
            label="{prefix}: modello di punteggio",
            description="Il modello di punteggio da cui vengono questi valori.",
        ),
    },
    range="da 0 a {maximum}",
    points="punti",
    trends={"rising": "In crescita", "steady": "Stabile", "falling": "In calo"},
    direct="Diretto: {label}",
    by_score="Per punteggio e voto",
    direct_list="MQL · diretto",
    by_score_list="MQL · per punteggio",
    band_list="Leads · {band}",
)

_CATALAN: Final = Labels(
    lead="Lead",
    group="Puntuació de leads",
    properties={
        "score": PropertyLabel(
            label="{prefix}: puntuació",
            description="Fins a quin punt aquest contacte està a punt de comprar ({range}): què ha fet i què hi juga en contra.",
        ),
        "score_band": PropertyLabel(
            label="{prefix}: tram de puntuació",
            description="El tram on cau la puntuació.",
        ),
        "grade": PropertyLabel(
            label="{prefix}: qualificació",
            description="Fins a quin punt encaixa aquest contacte, d’A+ a F: qui és, no què ha fet.",
        ),
        "score_trend": PropertyLabel(
            label="{prefix}: tendència de la puntuació",
            description="Cap on va la puntuació.",
        ),
        "mql_reason": PropertyLabel(
            label="{prefix}: motiu de l’MQL",
            description="Per què aquest contacte és un lead qualificat per màrqueting (MQL); buit si no ho és.",
        ),
        "score_reasons": PropertyLabel(
            label="{prefix}: motius de la puntuació",
            description="De què es compon la puntuació, primer el més important.",
        ),
        "grade_reasons": PropertyLabel(
            label="{prefix}: motius de la qualificació",
            description="En què es basa la qualificació i què no se sap.",
        ),
        "score_model": PropertyLabel(
            label="{prefix}: model de puntuació",
            description="El model de puntuació d’on venen aquests valors.",
        ),
    },
    range="de 0 a {maximum}",
    points="punts",
    trends={"rising": "A l’alça", "steady": "Estable", "falling": "A la baixa"},
    direct="Directe: {label}",
    by_score="Per puntuació i qualificació",
    direct_list="MQL · directe",
    by_score_list="MQL · per puntuació",
    band_list="Leads · {band}",
)

_CHINESE: Final = Labels(
    lead="线索",
    group="线索评分",
    properties={
        "score": PropertyLabel(
            label="{prefix}评分",
            description="该联系人的购买意愿（{range}）：其行为，以及不利因素。",
        ),
        "score_band": PropertyLabel(
            label="{prefix}评分区间",
            description="线索评分所处的区间。",
        ),
        "grade": PropertyLabel(
            label="{prefix}等级",
            description="该联系人的匹配程度，从 A+ 到 F：看其身份，而非行为。",
        ),
        "score_trend": PropertyLabel(
            label="{prefix}评分趋势",
            description="线索评分的走向。",
        ),
        "mql_reason": PropertyLabel(
            label="{prefix} MQL 原因",
            description="该联系人成为营销合格线索 (MQL) 的原因；不是则为空。",
        ),
        "score_reasons": PropertyLabel(
            label="{prefix}评分理由",
            description="线索评分的构成，最重要的在前。",
        ),
        "grade_reasons": PropertyLabel(
            label="{prefix}等级理由",
            description="线索等级的依据，以及未知项。",
        ),
        "score_model": PropertyLabel(
            label="{prefix}评分模型",
            description="给出这些数值的评分模型。",
        ),
    },
    range="0 至 {maximum} 分",
    points="分数",
    trends={"rising": "上升", "steady": "持平", "falling": "下降"},
    direct="直接：{label}",
    by_score="按评分和等级",
    direct_list="MQL · 直接",
    by_score_list="MQL · 按评分",
    band_list="线索 · {band}",
)

LABELS: Final[Mapping[Language, Labels]] = {
    "en": _ENGLISH,
    "de": _GERMAN,
    "es": _SPANISH,
    "fr": _FRENCH,
    "it": _ITALIAN,
    "ca": _CATALAN,
    "zh": _CHINESE,
}
