"""Seniority levels of job titles, by words in seven languages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Final, get_args

from sync_worker.model.file.conditions import SeniorityLevel
from sync_worker.model.lookup.text import normalize_text, phrase_pattern

SENIORITY_LEVELS: Final[tuple[SeniorityLevel, ...]] = get_args(SeniorityLevel)

# English, German, French, Spanish, Italian, Catalan, Chinese; * matches letters of the same word.
_PHRASES: Final[Mapping[SeniorityLevel, tuple[str, ...]]] = {
    "c_level": (
        "ceo", "cfo", "cto", "coo", "cmo", "cio", "cso", "cro", "cpo", "chro", "ciso", "cdo", "chief * officer", "chief", "founder",
        "cofounder", "co-founder", "owner", "co-owner", "president", "chairman", "chairwoman", "chair", "managing director",
        "managing partner", "general manager", "executive director", "board member", "proprietor",
        "geschäftsführer*", "geschaeftsfuehrer*", "geschäftsführung", "geschaeftsfuehrung", "geschäftsführend*", "geschäftsleiter*",
        "geschäftsleitung", "vorstand*", "inhaber*", "gründer*", "gruender*", "mitgründer*", "generaldirektor*",
        "pdg", "dg", "directeur général", "directrice générale", "président*", "gérant*", "fondateur", "fondatrice", "cofondateur",
        "cofondatrice", "propriétaire", "dirigeant*",
        "director general", "directora general", "director gerente", "directora gerente", "consejero delegado", "consejera delegada",
        "presidente", "presidenta", "fundador*", "cofundador*", "propietari*", "dueño", "dueña", "director ejecutivo",
        "directora ejecutiva",
        "amministratore", "amministratrice", "amministratore delegato", "direttore generale", "direttrice generale", "titolare",
        "fondatore", "fondatrice", "imprenditore", "imprenditrice", "presidentessa",
        "conseller delegat", "consellera delegada", "director gerent", "gerent", "president*", "amo", "mestressa",
        "首席", "总裁", "总经理", "董事长", "董事", "创始人", "创办人", "老板", "行长", "法人代表",
    ),
    "vp": (
        "vp", "svp", "evp", "avp", "vice president", "vice-president", "deputy ceo", "prokurist*", "vizepräsident*",
        "vice-président*", "vice président*", "directeur général adjoint", "directrice générale adjointe", "dga",
        "vicepresident*", "vice presidente", "vicedirettore generale", "subdirector general", "subdirectora general",
        "sotsdirector general",
        "副总裁", "副总经理", "副总", "副董事长",
    ),
    "director": (
        "director", "head of", "head", "direktor*", "bereichsleit*", "hauptabteilungsleit*", "vertriebsleit*", "marketingleit*",
        "verkaufsleit*", "werksleit*", "entwicklungsleit*", "personalleit*", "it-leit*", "leiter*", "leitung", "directeur*", "directrice*",
        "direction", "directora*", "direttore", "direttrice", "dirigente", "partner", "principal", "总监", "主任", "部长", "处长", "院长",
    ),
    "manager": (
        "manager*", "mgr", "supervisor*", "team lead", "teamlead", "lead", "group leader", "team leader", "abteilungsleit*", "teamleit*",
        "gruppenleit*", "projektleit*", "produktmanager*", "responsable*", "chef de*", "chef d'*", "cheffe", "chef", "jefe", "jefa",
        "gerente",
        "encargad*", "coordinador*", "responsabile", "capo", "caporeparto", "coordinatore", "coordinatrice", "cap", "cap d'*",
        "encarregad*",
        "coordinator", "koordinator*", "coordinateur", "coordinatrice", "经理", "主管", "组长", "科长", "店长", "领班",
    ),
    "senior": (
        "senior", "sr", "expert*", "architect*", "architekt*", "architecte", "arquitecto", "arquitecta", "architetto", "specialist lead",
        "staff engineer", "sènior", "sénior", "资深", "高级", "专家",
    ),
    "employee": (
        "assistant*", "assistent*", "assistenz*", "assistante*", "asistente*", "assistente*", "secretary", "sekretär*", "secretaria",
        "segretari*", "secrétaire", "ajudant", "associate", "junior", "sachbearbeit*", "referent*", "mitarbeit*", "employee", "angestellt*",
        "employé*", "empleado", "empleada", "impiegat*", "empleat", "empleada", "clerk", "administrative",
        "助理", "秘书", "员工", "文员", "专员",
    ),
    "intern": (
        "intern", "internship", "trainee", "apprentice", "student*", "pupil", "unemployed", "praktikant*", "azubi", "auszubildend*",
        "werkstudent*", "studierend*", "schüler*", "arbeitslos*", "arbeitssuchend*", "stagiaire", "étudiant*", "apprenti*", "alternant*",
        "chômeur", "chômeuse", "becario", "becaria", "estudiante*", "desemplead*", "aprendiz", "tirocinante", "stagista", "studente",
        "studentessa", "studenti", "apprendista", "disoccupat*", "becari", "becària", "estudiant*", "aprenent*", "aturat", "aturada",
        "实习", "学生", "研究生", "本科生", "失业", "待业",
    ),
}  # fmt: skip

# "Assistant to the CEO" is an assistant and a student of management is a student, but an assistant manager is a manager.
_RANKED_ASSISTANTS: Final = re.compile(
    r"\bassistant (manager|director|vice president|vp)\b|\bassociate (director|partner|vice president|vp)\b"
)

_CACHE_SIZE: Final = 50_000  # titles; successive batches contain the same ones

_UNINFORMATIVE_TITLES: Final = frozenset(
    normalize_text(text)
    for text in (
        "other", "others", "n/a", "na", "none", "unknown", "not specified", "select", "-", "--", ".", "?", "x", "test", "misc",
        "sonstige", "sonstiges", "andere", "keine angabe", "k.a.", "autre", "autres", "aucun", "otro", "otra", "otros", "ninguno",
        "altro", "altra", "nessuno", "altre", "cap altre", "其他", "无", "professional", "working professional",
    )
)  # fmt: skip


@lru_cache(maxsize=_CACHE_SIZE)
def seniority(title: str) -> int | None:
    """Return the seniority of a job title as an index of SENIORITY_LEVELS; None if the title has no information.

    A title without a word of rank counts as employee.
    """
    words = normalize_text(title)
    if not words or words in _UNINFORMATIVE_TITLES:
        return None
    found = [(level, match) for level in SENIORITY_LEVELS for match in _level_pattern(level).finditer(words)]
    levels = {level for level, _ in found}
    if "intern" in levels:
        return SENIORITY_LEVELS.index("intern")
    if "employee" in levels and not _RANKED_ASSISTANTS.search(words):
        return SENIORITY_LEVELS.index("employee")
    return _highest_level(found)


def _highest_level(matches: Sequence[tuple[SeniorityLevel, re.Match[str]]]) -> int:
    """Return the highest level; a phrase inside a longer one does not count: a vice president is not a president."""
    levels = [level for level, match in matches if not any(_covers(other, match) for name, other in matches if name != level)]
    return max((SENIORITY_LEVELS.index(level) for level in levels), default=SENIORITY_LEVELS.index("employee"))


def _covers(longer: re.Match[str], shorter: re.Match[str]) -> bool:
    return longer.start() <= shorter.start() and shorter.end() <= longer.end() and longer[0] != shorter[0]


@cache
def _level_pattern(level: SeniorityLevel) -> re.Pattern[str]:
    """Return the pattern of a level, with long phrases first, so that the longest one matches."""
    phrases = sorted(_PHRASES[level], key=len, reverse=True)
    return re.compile("|".join(phrase_pattern(phrase) for phrase in phrases))
