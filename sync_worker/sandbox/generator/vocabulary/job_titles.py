"""Job titles in seven languages, by seniority."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sync_worker.sandbox.generator.seeded_random import expand_weights

LANGUAGES: Final = ("en", "de", "fr", "es", "it", "ca", "zh")

EXECUTIVE, DIRECTOR, MANAGER, SPECIALIST, ASSISTANT, STUDENT = 5, 4, 3, 2, 1, 0

_TITLE_TABLE: Final = """
en 5 Chief Executive Officer|CTO|Founder & CEO|Chief Marketing Officer
en 4 VP Sales|Vice President Engineering|Head of Operations|Director of IT
en 3 Marketing Manager|Purchasing Manager|Sales Manager|Team Lead, Customer Success
en 2 Software Engineer|Business Analyst|Project Engineer|Content Specialist
en 1 Executive Assistant|Intern
en 0 Student|PhD Candidate|Lecturer
de 5 Geschäftsführer|Technischer Geschäftsführer|Gründerin und Geschäftsführerin|Vorständin Marketing
de 4 Vertriebsleiter|Bereichsleiterin Technik|Leiter Betrieb|IT-Leiterin
de 3 Marketingmanagerin|Einkaufsleiter|Vertriebsmanager|Teamleiterin Kundenservice
de 2 Softwareentwickler|Sachbearbeiterin|Projektingenieur|Online-Redakteurin
de 1 Assistentin der Geschäftsführung|Praktikant
de 0 Studentin|Doktorand|Wissenschaftliche Mitarbeiterin
fr 5 Directeur général|Directrice technique|Fondatrice|Directrice marketing
fr 4 Directeur commercial|Directrice R&D|Responsable des opérations|DSI
fr 3 Chef de produit|Acheteuse senior|Responsable des ventes|Responsable relation client
fr 2 Développeuse|Chargé d'études|Ingénieure projet|Chargée de communication
fr 1 Assistante de direction|Stagiaire
fr 0 Étudiant|Doctorante|Maître de conférences
es 5 Director general|Directora de tecnología|Fundador y CEO|Directora de marketing
es 4 Director comercial|Directora de ingeniería|Jefe de operaciones|Directora de sistemas
es 3 Responsable de marketing|Jefa de compras|Jefe de ventas|Jefa de equipo
es 2 Ingeniero de software|Analista de negocio|Técnica de proyectos|Técnico de comunicación
es 1 Asistente de dirección|Becaria
es 0 Estudiante|Doctorando|Profesora
it 5 Amministratore delegato|Direttore tecnico|Fondatrice|Direttrice marketing
it 4 Direttore commerciale|Direttrice ricerca e sviluppo|Responsabile operazioni|Direttore IT
it 3 Responsabile marketing|Responsabile acquisti|Responsabile vendite|Capo reparto
it 2 Ingegnere del software|Analista|Tecnico di progetto|Addetta alla comunicazione
it 1 Assistente di direzione|Tirocinante
it 0 Studente|Dottoranda|Ricercatore
ca 5 Director general|Directora tècnica|Fundadora|Directora de màrqueting
ca 4 Director comercial|Directora d'enginyeria|Cap d'operacions|Director de sistemes
ca 3 Responsable de màrqueting|Cap de compres|Cap de vendes|Cap d'equip
ca 2 Enginyer de programari|Analista de negoci|Tècnic de projectes|Tècnica de comunicació
ca 1 Assistent de direcció|Becari
ca 0 Estudiant|Doctoranda|Professor
zh 5 首席执行官|首席技术官|创始人|首席营销官
zh 4 销售副总裁|研发总监|运营总监|信息技术总监
zh 3 市场经理|采购经理|销售经理|客户经理
zh 2 软件工程师|业务分析师|项目工程师|内容专员
zh 1 行政助理|实习生
zh 0 学生|博士生|讲师
"""


def _parse_titles(line: str) -> tuple[tuple[str, int], tuple[str, ...]]:
    language, rank, titles = line.split(maxsplit=2)
    return (language, int(rank)), tuple(titles.split("|"))


#: Job titles by language and seniority.
JOB_TITLES: Final[Mapping[tuple[str, int], tuple[str, ...]]] = dict(map(_parse_titles, _TITLE_TABLE.strip().splitlines()))

#: Seniorities of employees, repeated by weight.
WEIGHTED_SENIORITIES: Final = expand_weights([(EXECUTIVE, 8), (DIRECTOR, 16), (MANAGER, 30), (SPECIALIST, 36), (ASSISTANT, 10)])
