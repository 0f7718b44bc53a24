"""Recognise, by a column's name and by its values, what stands for a person or for a trait that law protects."""

import ipaddress
import re
from collections.abc import Callable

# words of a column's name, as `words` splits it; English first, then what is common in German, French and Spanish tables
SENSITIVE_WORDS = {
    "sex or gender": "sex gender male female geschlecht sexe sexo genre genero",
    "age": "age aged birth birthday birthdate birthyear dob alter geburtsdatum edad naissance",
    "race or ethnic origin": "race racial ethnic ethnicity origin afam black hispanic latino asian caucasian indigenous herkunft",
    "nationality": "nationality citizenship citizen immigrant migrant foreign foreigner birthplace staatsangehoerigkeit nationalite",
    "religion": "religion religious faith church konfession",
    "marital or family status": "marital married single divorced widowed spouse familienstand pregnant pregnancy kids children",
    "disability or health": "disability disabled handicap handicapped behinderung",
    "political opinion": "political politics",
    "place of living": "postcode postal zip zipcode plz neighborhood neighbourhood",
}
SENSITIVE_VALUES = {
    "sex or gender": "m f male female man woman men women masculine feminine w maennlich weiblich homme femme hombre mujer",
    "marital or family status": "single married divorced widowed unmarried separated spouse",
    "race or ethnic origin": "black white asian hispanic latino caucasian african",
    "religion": "christian catholic protestant muslim jewish hindu buddhist atheist",
}
TOKEN = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
PHONE = re.compile(r"(\+|00)\d[\d ()/.-]{6,17}\d|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}|0\d{2,4}[ /-]\d[\d -]{4,10}\d")
IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
CARD = re.compile(r"\d{4}([ -]?)\d{4}\1\d{4}\1\d{1,7}")
FULL_NAME = re.compile(r"((Mr|Mrs|Ms|Dr|Herr|Frau)\.? )?[A-Z][a-z'’-]+,? ([A-Z]\.? )?[A-Z][a-z'’-]+")
NAME_WORDS = {"name", "names", "surname", "firstname", "lastname", "fullname", "forename", "vorname", "nachname", "passenger"}
PERSONAL_WORDS = {
    "an e-mail address": {"email", "mail"},
    "a phone number": {"phone", "telephone", "mobile", "telefon", "fax"},
    "a street address": {"address", "street", "adresse", "strasse"},
    "a social security or passport number": {"ssn", "passport", "nin"},
}
MOST = 0.5  # share of the values that have to look alike


def words(name: str) -> list[str]:
    """Return the words of a column's name in lower case: `maritalStatus`, `marital_status` and `MARITAL STATUS` have the same."""
    return [token.lower() for token in TOKEN.findall(name)]


def sensitive(name: str, values: list[str]) -> str | None:
    """Return the protected trait that a column seems to be, by its name or else by its commonest `values`, or None."""
    for trait, known in SENSITIVE_WORDS.items():
        if set(words(name)) & set(known.split()):
            return trait
    if not values:
        return None
    spoken = [set(words(value)) for value in values]
    for trait, known in SENSITIVE_VALUES.items():
        allowed = set(known.split())
        if len(values) >= 2 and len(set.union(*spoken) & allowed) >= 2 and all(word & allowed for word in spoken):
            return trait
    return None


def personal(name: str, values: list[str]) -> str | None:
    """Return the kind of personal data that text `values` are, by pattern on most of them or by the column's name, or None."""
    patterns: dict[str, Callable[[str], object]] = {
        "an e-mail address": EMAIL.fullmatch,
        "an IBAN": _is_iban,
        "a card number": _is_card,
        "an IP address": _is_ip,
        "a phone number": PHONE.fullmatch,
    }
    for kind, matches in patterns.items():
        if values and sum(bool(matches(value.strip())) for value in values) > MOST * len(values):
            return kind
    spoken = set(words(name))
    if spoken & NAME_WORDS and len(values) > 20 and sum(bool(FULL_NAME.match(value)) for value in values) > MOST * len(values):
        return "a person's name"
    named = [kind for kind, known in PERSONAL_WORDS.items() if spoken & known]
    return named[0] if named and len(values) > 20 else None


def _is_iban(text: str) -> bool:
    """Tell whether `text` is an IBAN with a right check number (ISO 13616)."""
    text = text.replace(" ", "")
    return bool(IBAN.fullmatch(text)) and int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    """Tell whether `text` is a card number with a right check digit (Luhn, ISO 7812)."""
    if not CARD.fullmatch(text):
        return False
    digits = [int(sign) for sign in reversed(text) if sign.isdigit()]
    return sum(digits[::2]) % 10 == (10 - sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2]) % 10) % 10


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
