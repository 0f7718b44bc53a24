"""Recognise, by a column's name and by its values, what stands for a person or for a trait that
law protects.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from fnmatch import fnmatchcase

# words of a column's name, as `words` splits it; English first, then what is common in German,
# French and Spanish tables. One that ends
# in * stands for all words that begin so
SENSITIVE_WORDS = {
    "sex or gender": "sex gender* male female geschlecht* sexe sexo genre genero",
    "age": (
        "age aged birth birthday birthdate birthyear dob alter lebensalter geburt* edad naissance"
    ),
    "nationality": (
        "nationalit* citizen* immigra* migrant* migration* foreign foreigner* birthplace"
        " staatsangehoerigkeit staatsbuerger* auslaender* geburtsland"
    ),
    "race or ethnic origin": (
        "race racial ethni* origin afam african black white hispan* latin latino latina latinx"
        " asian caucasian indigenous minority minorities herkunft hautfarbe rasse minderheit*"
    ),
    "religion": "religio* faith church konfession* glaube",
    "marital or family status": (
        "marital* marriage* married unmarried single divorce* widow* spouse familienstand ehe"
        " ehestand verheiratet ledig geschieden verwitwet pregnan* schwanger* kids children kinder"
    ),
    "disability or health": "disabilit* disabled handicap* behinder* schwerbehinder*",
    "political opinion": "political politics",
    "place of living": "postcode postal zip zipcode plz postleitzahl neighborhood neighbourhood",
}
UNLIKE_PERSONS = {
    "blood",
    "cell",
    "cells",
    "wine",
    "list",
    "box",
    "noise",
}  # beside black or white they are no people's
SENSITIVE_VALUES = {
    "sex or gender": (
        "m f male female man woman men women masculine feminine w maennlich weiblich homme femme"
        " hombre mujer"
    ),
    "marital or family status": (
        "single married divorced widowed unmarried separated spouse ledig verheiratet geschieden"
        " verwitwet"
    ),
    "race or ethnic origin": "black white asian hispanic latino caucasian african",
    "religion": (
        "christian catholic protestant muslim jewish hindu buddhist atheist katholisch evangelisch"
        " muslimisch juedisch"
    ),
}
GERMAN = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}
)
TOKEN = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
PHONE = re.compile(
    r"(\+|00)\d[\d ()/.-]{6,17}\d|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}|0\d{2,4}[ /-]\d[\d -]{4,10}\d"
)
IBAN = re.compile(r"[A-Z]{2}\d{2}( ?[A-Z0-9]{4}){2,7} ?[A-Z0-9]{1,4}")
CARD = re.compile(  # as the large issuers begin them: an EAN or a serial number is none
    r"(4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|6\d{3})(?P<sep>[ -]?)\d{4}(?P=sep)\d{4}(?P=sep)\d{4}"
    r"|3[47]\d{2}[ -]?\d{6}[ -]?\d{5}"
)
FULL_NAME = re.compile(
    r"((Mr|Mrs|Ms|Dr|Herr|Frau)\.? )?[A-Z][a-z'’-]+,? ([A-Z]\.? )?[A-Z][a-z'’-]+"
)
NAME_WORDS = {
    "name",
    "names",
    "surname",
    "firstname",
    "lastname",
    "fullname",
    "forename",
    "vorname",
    "nachname",
    "passenger",
}
PERSONAL_WORDS = {
    "an e-mail address": {"email", "mail"},
    "a phone number": {"phone", "telephone", "mobile", "telefon", "fax"},
    "a street address": {"address", "street", "adresse", "strasse"},
    "a social security or passport number": {"ssn", "passport", "nin"},
}
MIN_ALIKE_SHARE = 0.5  # share of the values that have to look alike


def words(name: str) -> list[str]:
    """Return the words of a column's name in lower case: `maritalStatus`, `marital_status` and
    `MARITAL STATUS` have the same.

    Letters lose their accents, and those of German are written out: `Nationalität` is
    nationalitaet.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", name).translate(GERMAN))
    return [
        token.lower()
        for token in TOKEN.findall(
            "".join(sign for sign in plain if not unicodedata.combining(sign))
        )
    ]


def sensitive(name: str, values: list[str]) -> str | None:
    """Return the protected trait that a column seems to be, by its name or else by its commonest
    `values`, or None.
    """
    named = [] if set(words(name)) & UNLIKE_PERSONS else words(name)
    for trait, known in SENSITIVE_WORDS.items():
        if any(fnmatchcase(word, pattern) for word in named for pattern in known.split()):
            return trait
    if not values:
        return None
    spoken = [set(words(value)) for value in values]
    for trait, known in SENSITIVE_VALUES.items():
        allowed = set(known.split())
        if (
            len(values) >= 2
            and len(set.union(*spoken) & allowed) >= 2
            and all(word & allowed for word in spoken)
        ):
            return trait
    return None


def personal(name: str, values: list[str]) -> str | None:
    """Return the kind of personal data that text `values` are, by pattern on most of them or by
    the column's name, or None.
    """
    patterns: dict[str, Callable[[str], object]] = {
        "an e-mail address": EMAIL.fullmatch,
        "an IBAN": IBAN.fullmatch,
        "a card number": CARD.fullmatch,
        "an IP address": _is_ip,
        "a phone number": PHONE.fullmatch,
    }
    for kind, matches in patterns.items():
        if values and sum(bool(matches(value.strip())) for value in values) > MIN_ALIKE_SHARE * len(
            values
        ):
            return kind
    spoken = set(words(name))
    if (
        spoken & NAME_WORDS
        and len(values) > 20
        and sum(bool(FULL_NAME.match(value)) for value in values) > MIN_ALIKE_SHARE * len(values)
    ):
        return "a person's name"
    named = [kind for kind, known in PERSONAL_WORDS.items() if spoken & known]
    return named[0] if named and len(values) > 20 else None


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
