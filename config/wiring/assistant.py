"""The language model and the lookups of the assistant, from the settings and config/assistant.toml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from config.files import ConfigFiles
from config.settings import Settings, settings
from config.wiring.loaded_files import of_files
from config.wiring.shared import database
from harkara.assistant.guarded_model import GuardedModel
from harkara.assistant.lookups import MAX_BODY, TIMEOUT_SECONDS, LookupData, LookupFailure, Lookups, LookupTool
from harkara.assistant.model import LanguageModel
from harkara.assistant.model_rules import LookupRules
from harkara.assistant.rules import AssistantRules
from harkara.callbacks.connector import BoundedReply
from harkara.callbacks.endpoint import Endpoint
from harkara.delivery.thinking import Proposer
from harkara.errors import Invalid
from harkara.ledger.model_halt import may_ask, record_outcome

_NO_KEY = "none"
"""The client demands a key, also for a local server that ignores it."""


def proposer(files: ConfigFiles) -> Proposer:
    """Return the assistant. Raises SystemExit, with the next step, for a model or lookup that is wrong."""
    from config.wiring.answering import build_assistant, build_index  # imported here: only where a lane has it

    model, tools = language_model(), lookup_tools()
    guarded = GuardedModel(model, partial(may_ask, database()), partial(record_outcome, database())) if model else None
    return build_assistant(files, build_index(files), guarded, partial(Lookups, tools) if tools else None)


def think_seconds(rules: AssistantRules) -> float:
    """Return how long one answer may take, lookups included."""
    return rules.model.timeout.total_seconds() if rules.model.enabled else 0.0


@of_files
def language_model(files: ConfigFiles) -> LanguageModel | None:
    """Return the model, or None when none is named. Raises SystemExit when its library is missing."""
    return build_model(files.assistant, settings())


@of_files
def lookup_tools(files: ConfigFiles) -> Mapping[str, LookupTool]:
    """Return the lookups by name. Raises SystemExit, with the next step, for one whose URL or secret is wrong."""
    return {rules.name: build_lookup(rules, settings()) for rules in files.assistant.lookups}


def build_model(rules: AssistantRules, s: Settings) -> LanguageModel | None:
    """As `language_model`."""
    if not rules.model.enabled:
        return None
    try:
        from harkara.assistant.openai_model import OpenAIModel  # imported here: it takes half a second, and an extra
    except ModuleNotFoundError:
        raise SystemExit(
            "[model] of assistant.toml needs the extra assistant: pip install 'harkara[assistant]'"
        ) from None
    key = s.model_key.get_secret_value() if s.model_key else _NO_KEY
    return OpenAIModel(rules.model, key, rules.business.name)


def build_lookup(rules: LookupRules, s: Settings, ca_bundle: str | None = None) -> LookupTool:
    """Return a tool whose calls are signed with the secret of the callbacks, and go to no private address."""
    if not s.callback_secret:
        raise SystemExit(f"The lookup {rules.name} must be signed: set HARKARA_CALLBACK_SECRET.")
    secret = s.callback_secret.get_secret_value()
    try:
        endpoint = Endpoint(rules.url, secret, private=s.callback_private, seconds=TIMEOUT_SECONDS, ca_bundle=ca_bundle)
    except Invalid as error:
        raise SystemExit(f"The lookup {rules.name} of assistant.toml: {error.field} {error.rule}.") from error
    return LookupTool(rules, partial(_fetch, endpoint))


def _fetch(endpoint: Endpoint, identity: str, body: bytes) -> LookupData | LookupFailure:
    match endpoint.ask(identity, body, MAX_BODY):
        case BoundedReply(status=200, body=found):
            return LookupData(found)
        case BoundedReply(status=status):
            return LookupFailure(f"the application responds {status}")
        case failed:
            return LookupFailure(failed.reason)
