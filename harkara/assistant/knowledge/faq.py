"""The FAQ of a deployment: questions that customers ask and their answers, validated when the file is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, Self
from unicodedata import category

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from harkara.assistant.message_form import LONGEST, LONGEST_GREETING, MOST_MESSAGES, script_of, split_messages
from harkara.errors import Invalid
from harkara.inbound.word_lists import normalize
from harkara.messages.text_rules import TextRule
from harkara.text_files import is_missing
from harkara.toml import Location, TomlDocument, load_toml, validate

MAX_BUTTONS: Final = 3
"""Chat Mitra docs, Validation Rules: Interactive Messages."""

_MAX_ANSWER = MOST_MESSAGES * LONGEST - LONGEST_GREETING
_MESSAGE = TextRule(LONGEST, lines=True)
_MAX_QUESTION = 200
_MAX_GROUPS, _MAX_SAME = 50, 20
_BREAKS = frozenset({"Cc", "Cs", "Zl", "Zp"})

SameWords = tuple[str, ...]
"""Words and phrases that mean the same in this business, such as `lehenga`, `ghagra` and `chaniya choli`."""


def _question(value: str) -> str:
    """Validate how customers ask. It is never sent, so that it may have both scripts, as they write."""
    if len(value) > _MAX_QUESTION:
        raise Invalid("", f"at most {_MAX_QUESTION} characters", f"this has {len(value)}")
    if any(category(each) in _BREAKS for each in value):
        raise Invalid("", "has line breaks or control characters; write it on one line")
    if not normalize(value):
        raise Invalid("", "must have a word")
    return value


def _same(words: SameWords) -> SameWords:
    distinct = dict.fromkeys(map(normalize, words))
    if "" in distinct or not 2 <= len(distinct) <= _MAX_SAME or max(map(len, words)) > _MAX_QUESTION:
        raise Invalid("", f"each list must have 2 to {_MAX_SAME} different words or phrases that mean the same")
    return tuple(distinct)


def _answer(value: str) -> str:
    if len(value) > _MAX_ANSWER:
        raise Invalid("", f"at most {_MAX_ANSWER:,} characters", f"this has {len(value):,}")
    for message in split_messages(value) or ("",):
        _MESSAGE(message)
    if not _fits_after_greeting(value):
        raise Invalid(
            "", f"at most {MOST_MESSAGES} messages of {LONGEST:,} characters with a greeting; write it shorter"
        )
    return value


def _fits_after_greeting(answer: str) -> bool:
    """Whether the first answer of a conversation is sent whole: it begins with a greeting in the same script."""
    letter = "ग" if script_of(answer) == "devanagari" else "g"
    messages = split_messages(f"{letter * LONGEST_GREETING}\n\n{answer}")
    return messages is not None and len(messages) <= MOST_MESSAGES


class FaqEntry(BaseModel):
    """The answer to a question in one language, and how customers ask."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?$")]
    """Lower-case letters, digits and hyphens, at most 60."""
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?$")] = "en"
    """Of the answer; `hi-Latn` is Hindi in Latin letters."""
    questions: Annotated[tuple[Annotated[str, AfterValidator(_question)], ...], Field(min_length=1, max_length=30)]
    answer: Annotated[str, AfterValidator(_answer)]
    valid_until: date | None = None
    """The last day on which the answer is true, in the time zone of the lane."""
    buttons: Annotated[tuple[Annotated[str, AfterValidator(TextRule(20))], ...], Field(max_length=MAX_BUTTONS)] = ()
    synonyms: Annotated[tuple[Annotated[SameWords, AfterValidator(_same)], ...], Field(max_length=_MAX_GROUPS)] = ()
    """Words that mean the same in this business; they count for the questions of all entries."""

    @model_validator(mode="after")
    def _distinct_buttons(self) -> Self:
        if len(set(self.buttons)) < len(self.buttons):
            raise ValueError("buttons must have different titles")
        return self

    @property
    def key(self) -> tuple[str, str]:
        """Return what is unique in an FAQ: the id and the language."""
        return self.id, self.language

    def is_valid(self, day: date) -> bool:
        """Whether the answer is true on this day."""
        return self.valid_until is None or day <= self.valid_until


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    entry: tuple[FaqEntry, ...] = ()

    @model_validator(mode="after")
    def _distinct_keys(self) -> Self:
        seen: set[tuple[str, str]] = set()
        for each in self.entry:
            if each.key in seen:
                raise ValueError(f'the id "{each.id}" has two entries in the language {each.language}; keep one')
            seen.add(each.key)
        return self


@dataclass(frozen=True, slots=True)
class Faq:
    """All entries. `version` changes whenever an entry does."""

    entries: tuple[FaqEntry, ...] = ()
    version: str = ""

    @property
    def synonyms(self) -> tuple[SameWords, ...]:
        """Return the words that mean the same, of all entries."""
        return tuple(words for each in self.entries for words in each.synonyms)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load config/faq.toml; a missing file is an empty FAQ. Raises Invalid, which names the entry and its fault."""
        if is_missing(path):
            return cls()
        document = load_toml(path)
        return cls.of(validate(_File, document, path.name, _namer(document)).entry)

    @classmethod
    def of(cls, entries: Iterable[FaqEntry]) -> Self:
        """Return an FAQ with these entries, which the caller has validated."""
        ordered = tuple(sorted(entries, key=lambda each: each.key))
        content = "\n".join(each.model_dump_json() for each in ordered)
        return cls(ordered, sha256(content.encode()).hexdigest()[:16])

    def find(self, entry_id: str, languages: Iterable[str], day: date) -> FaqEntry | None:
        """Return the entry in the first of the languages that it has and in which it is valid on this day."""
        valid = {each.language: each for each in self.entries if each.id == entry_id and each.is_valid(day)}
        wanted = next((valid[language] for language in languages if language in valid), None)
        return wanted or next(iter(valid.values()), None)

    def expired(self, day: date) -> Iterator[FaqEntry]:
        """Yield the entries that are no longer used."""
        return (each for each in self.entries if not each.is_valid(day))


def parse_entry(values: dict[str, Any]) -> FaqEntry:
    """Return the entry with these values. Raises Invalid, which names the field and its fault."""
    try:
        return FaqEntry.model_validate(values)
    except ValidationError as error:
        deepest = max(error.errors(), key=lambda each: len(each["loc"]))
        cause = deepest.get("ctx", {}).get("error")
        field = str(next(iter(deepest["loc"]), ""))
        if isinstance(cause, Invalid):
            raise Invalid(field, cause.rule, cause.measure) from None
        raise Invalid(field, _plain(deepest["msg"].removeprefix("Value error, "))) from None


def _namer(document: TomlDocument) -> Any:
    """Return the function that names a place of the file by the id of the entry and its field."""

    def name(where: Location) -> str:
        entries = document.get("entry", [])
        if len(where) < 2 or not isinstance(where[1], int) or not isinstance(entries, list):
            return ".".join(map(str, where)) or "the file"
        found = entries[where[1]]
        known = found.get("id") if isinstance(found, dict) else None
        entry = f'entry "{known}"' if isinstance(known, str) else f"entry {where[1] + 1}"
        return ", ".join([entry, *map(str, where[2:3])])

    return name


def _plain(rule: str) -> str:
    """Return pydantic's sentence about a form as one for people."""
    if "a-z0-9-" in rule:
        return "must have lower-case letters, digits and hyphens alone, at most 60, for example delivery-time"
    if "a-z]{2,3}" in rule:
        return "must be the code of a language, for example en, hi or hi-Latn"
    return rule
