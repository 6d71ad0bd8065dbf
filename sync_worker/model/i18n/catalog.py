"""The words of each language that reps can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sync_worker.model.file.schema import Language
from sync_worker.model.i18n.phrases import Phrases

_ENGLISH: Final = Phrases(
    months=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    day="{day} {month}",
    day_of_year="{day} {month} {year}",
    events={
        "email_click": ("clicked a marketing e-mail", "clicked {count} marketing e-mails"),
        "email_open": ("opened a marketing e-mail", "opened {count} marketing e-mails"),
        "page_view": ("viewed a page", "viewed {count} pages"),
        "form_submission": ("filled in a form", "filled in {count} forms"),
        "download": ("downloaded a file", "downloaded {count} files"),
        "search_term": ("searched the site", "searched the site {count} times"),
        "campaign_touch": ("came by a campaign", "came by a campaign {count} times"),
        "webinar": ("attended a webinar", "attended {count} webinars"),
    },
    custom=("did “{name}”", "did “{name}” {count} times"),
    once=", on {date}",
    last=", last on {date}",
    quiet="no engagement since {date}",
    faded="older activity counts less",
    nothing="nothing counted yet",
    not_visible="not visible in this portal: {names}",
    graded="{grade} on {known} of {of} criteria",
)

_GERMAN: Final = Phrases(
    months=("Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."),
    day="{day}. {month}",
    day_of_year="{day}. {month} {year}",
    events={
        "email_click": ("hat in einer Marketing-E-Mail geklickt", "hat in {count} Marketing-E-Mails geklickt"),
        "email_open": ("hat eine Marketing-E-Mail geöffnet", "hat {count} Marketing-E-Mails geöffnet"),
        "page_view": ("hat eine Seite angesehen", "hat {count} Seiten angesehen"),
        "form_submission": ("hat ein Formular ausgefüllt", "hat {count} Formulare ausgefüllt"),
        "download": ("hat eine Datei heruntergeladen", "hat {count} Dateien heruntergeladen"),
        "search_term": ("hat auf der Website gesucht", "hat {count}-mal auf der Website gesucht"),
        "campaign_touch": ("kam über eine Kampagne", "kam {count}-mal über eine Kampagne"),
        "webinar": ("war in einem Webinar", "war in {count} Webinaren"),
    },
    custom=("„{name}“", "„{name}“, {count}-mal"),
    once=", am {date}",
    last=", zuletzt am {date}",
    quiet="kein Interesse gezeigt seit {date}",
    faded="ältere Aktivität zählt weniger",
    nothing="noch nichts gezählt",
    not_visible="in diesem Portal nicht sichtbar: {names}",
    graded="{grade} aus {known} von {of} Kriterien",
)

_SPANISH: Final = Phrases(
    months=("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"),
    day="{day} {month}",
    day_of_year="{day} {month} {year}",
    events={
        "email_click": ("hizo clic en un correo de marketing", "hizo clic en {count} correos de marketing"),
        "email_open": ("abrió un correo de marketing", "abrió {count} correos de marketing"),
        "page_view": ("vio una página", "vio {count} páginas"),
        "form_submission": ("rellenó un formulario", "rellenó {count} formularios"),
        "download": ("descargó un archivo", "descargó {count} archivos"),
        "search_term": ("buscó en el sitio", "buscó {count} veces en el sitio"),
        "campaign_touch": ("llegó por una campaña", "llegó {count} veces por una campaña"),
        "webinar": ("asistió a un webinar", "asistió a {count} webinars"),
    },
    custom=("«{name}»", "«{name}» {count} veces"),
    once=", el {date}",
    last=", la última vez el {date}",
    quiet="sin interacción desde el {date}",
    faded="la actividad antigua cuenta menos",
    nothing="todavía no cuenta nada",
    not_visible="no visible en este portal: {names}",
    graded="{grade} con {known} de {of} criterios",
)

_FRENCH: Final = Phrases(
    months=("janv.", "févr.", "mars", "avr.", "mai", "juin", "juill.", "août", "sept.", "oct.", "nov.", "déc."),
    day="{day} {month}",
    day_of_year="{day} {month} {year}",
    events={
        "email_click": ("a cliqué dans un e-mail marketing", "a cliqué dans {count} e-mails marketing"),
        "email_open": ("a ouvert un e-mail marketing", "a ouvert {count} e-mails marketing"),
        "page_view": ("a vu une page", "a vu {count} pages"),
        "form_submission": ("a rempli un formulaire", "a rempli {count} formulaires"),
        "download": ("a téléchargé un fichier", "a téléchargé {count} fichiers"),
        "search_term": ("a cherché sur le site", "a cherché {count} fois sur le site"),
        "campaign_touch": ("est venu par une campagne", "est venu {count} fois par une campagne"),
        "webinar": ("a suivi un webinaire", "a suivi {count} webinaires"),
    },
    custom=("« {name} »", "« {name} » {count} fois"),
    once=", le {date}",
    last=", la dernière fois le {date}",
    quiet="aucune interaction depuis le {date}",
    faded="l’activité ancienne compte moins",
    nothing="rien de compté pour l’instant",
    not_visible="non visible dans ce portail : {names}",
    graded="{grade} sur {known} critères connus de {of}",
)

_ITALIAN: Final = Phrases(
    months=("gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"),
    day="{day} {month}",
    day_of_year="{day} {month} {year}",
    events={
        "email_click": ("ha cliccato in un’e-mail di marketing", "ha cliccato in {count} e-mail di marketing"),
        "email_open": ("ha aperto un’e-mail di marketing", "ha aperto {count} e-mail di marketing"),
        "page_view": ("ha visto una pagina", "ha visto {count} pagine"),
        "form_submission": ("ha compilato un modulo", "ha compilato {count} moduli"),
        "download": ("ha scaricato un file", "ha scaricato {count} file"),
        "search_term": ("ha cercato nel sito", "ha cercato {count} volte nel sito"),
        "campaign_touch": ("è arrivato da una campagna", "è arrivato {count} volte da una campagna"),
        "webinar": ("ha seguito un webinar", "ha seguito {count} webinar"),
    },
    custom=("«{name}»", "«{name}» {count} volte"),
    once=", il {date}",
    last=", l’ultima volta il {date}",
    quiet="nessuna interazione dal {date}",
    faded="l’attività passata conta meno",
    nothing="ancora niente da contare",
    not_visible="non visibile in questo portale: {names}",
    graded="{grade} su {known} di {of} criteri",
)

_CATALAN: Final = Phrases(
    months=("gen.", "febr.", "març", "abr.", "maig", "juny", "jul.", "ag.", "set.", "oct.", "nov.", "des."),
    day="{day} {month}",
    day_of_year="{day} {month} {year}",
    events={
        "email_click": ("ha fet clic en un correu de màrqueting", "ha fet clic en {count} correus de màrqueting"),
        "email_open": ("ha obert un correu de màrqueting", "ha obert {count} correus de màrqueting"),
        "page_view": ("ha vist una pàgina", "ha vist {count} pàgines"),
        "form_submission": ("ha omplert un formulari", "ha omplert {count} formularis"),
        "download": ("ha baixat un fitxer", "ha baixat {count} fitxers"),
        "search_term": ("ha cercat al lloc web", "ha cercat {count} vegades al lloc web"),
        "campaign_touch": ("ha arribat per una campanya", "ha arribat {count} vegades per una campanya"),
        "webinar": ("ha assistit a un webinar", "ha assistit a {count} webinars"),
    },
    custom=("«{name}»", "«{name}» {count} vegades"),
    once=", el {date}",
    last=", l’última vegada el {date}",
    quiet="sense interacció des del {date}",
    faded="l’activitat antiga compta menys",
    nothing="encara no compta res",
    not_visible="no visible en aquest portal: {names}",
    graded="{grade} amb {known} de {of} criteris",
)

_CHINESE: Final = Phrases(
    months=tuple(f"{month}月" for month in range(1, 13)),
    day="{month}{day}日",
    day_of_year="{year}年{month}{day}日",
    events={
        "email_click": ("点击了 1 封营销邮件", "点击了 {count} 封营销邮件"),
        "email_open": ("打开了 1 封营销邮件", "打开了 {count} 封营销邮件"),
        "page_view": ("浏览了 1 个页面", "浏览了 {count} 个页面"),
        "form_submission": ("填写了 1 份表单", "填写了 {count} 份表单"),
        "download": ("下载了 1 个文件", "下载了 {count} 个文件"),
        "search_term": ("在网站搜索 1 次", "在网站搜索 {count} 次"),
        "campaign_touch": ("通过营销活动来访 1 次", "通过营销活动来访 {count} 次"),
        "webinar": ("参加了 1 场网络研讨会", "参加了 {count} 场网络研讨会"),
    },
    custom=("“{name}”", "“{name}” {count} 次"),
    once="，{date}",
    last="，最近一次 {date}",
    quiet="自 {date} 起没有互动",
    faded="较早的活动权重降低",
    nothing="尚无计分",
    not_visible="此门户中不可见：{names}",
    graded="{grade}，依据 {of} 项标准中的 {known} 项",
)

PHRASES: Final[Mapping[Language, Phrases]] = {
    "en": _ENGLISH,
    "de": _GERMAN,
    "es": _SPANISH,
    "fr": _FRENCH,
    "it": _ITALIAN,
    "ca": _CATALAN,
    "zh": _CHINESE,
}
