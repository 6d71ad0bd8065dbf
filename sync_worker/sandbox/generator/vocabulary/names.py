"""First and last names by language, for fictional people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from anyascii import anyascii


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A first or last name and its form in email addresses."""

    text: str
    latin: str


def _parse_names(words: str) -> tuple[Name, ...]:
    return tuple(Name(text=word, latin=anyascii(word).lower().replace("'", "").replace(" ", "")) for word in words.split())


FIRST_NAMES: Final[Mapping[str, tuple[Name, ...]]] = {
    language: _parse_names(words)
    for language, words in {
        "en": "Olivia Jack Emma Harry Amelia George Grace Noah Ruby Oscar Ella Thomas Chloe Ryan Megan Aaron Priya Daniel Zoe Marcus",
        "de": "Anna Lukas Lena Felix Marie Jonas Sophie Maximilian Laura Paul Jürgen Katharina Björn Heike Stefan Ayşe Dörte Tobias Ute",
        "fr": "Camille Hugo Léa Julien Manon Théo Chloé Antoine Inès François Élodie Mathieu Aurélie Loïc Nathalie Benoît Zoé Sébastien",
        "es": "Lucía Pablo María Javier Carmen Álvaro Sofía Diego Elena Rubén Marta Íñigo Nuria Andrés Pilar Sergio Begoña Raúl Alba",
        "it": "Giulia Marco Chiara Luca Francesca Matteo Sara Alessandro Elisa Davide Martina Niccolò Paola Stefano Noemi Simone Ilaria",
        "ca": "Laia Jordi Núria Marc Montserrat Oriol Mercè Pau Mireia Arnau Roser Xavier Gemma Ferran Meritxell Bernat Aina Roger",
        "zh": "伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 秀英 霞 平 晓明 思远 雨桐",
    }.items()
}

LAST_NAMES: Final[Mapping[str, tuple[Name, ...]]] = {
    language: _parse_names(words)
    for language, words in {
        "en": "Ashford Bellamy Carver Dunmore Everly Fairbank Garrow Hollis Ingram Jessop Kendrick Lovell Marlowe Norwood Okafor "
        "Patel Quillan Redfern Sutherland Thackeray Underhill Vance Whitlock Yarrow",
        "de": "Ackermann Brandtner Czerny Dorfmüller Eichholz Fährmann Grünewald Hagedorn Immergrün Jäkel Kirchhöfer Lindqvist Mühlbauer "
        "Niedermeier Ostwald Pfannkuch Rothländer Sonnleitner Tannhäuser Uhlmann Voßkamp Weißhaupt Yıldız Zöllner",
        "fr": "Aubertin Beaufils Chevrier Delacour Estève Fontanel Garnier Hébrard Jacquemin Lavigne Moreuil Noiret Ollivier Pèlerin Quéré "
        "Rousselot Sauvageot Tessier Vasseur Wattelet",
        "es": "Alcázar Beltrán Cifuentes Domínguez Echeverría Figueroa Gallardo Hinojosa Izquierdo Jurado Lozano Montesinos Núñez Olmedo "
        "Pedraza Quintanilla Robledo Salvatierra Torrecilla Zúñiga",
        "it": "Albertini Bellandi Caruso Donati Esposito Ferraro Galliani Iacobelli Lombardini Mancuso Nardelli Orsini Pagliari Quaranta "
        "Romanelli Santoro Tedesco Venturi Zanetti",
        "ca": "Amorós Busquets Casadevall Dalmau Estruch Ferrer Gispert Llobera Masferrer Noguera Oliveras Puigdomènech Rovira Sunyer "
        "Torrents Urgell Vilanova Xirgu",
        "zh": "王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗",
    }.items()
}
