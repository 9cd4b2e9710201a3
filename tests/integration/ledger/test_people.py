"""Names that prove to be one person's share consent, window and history, in whatever order that is learned."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harkara.errors import Invalid
from harkara.ledger.contacts.consent import record_consent
from harkara.ledger.contacts.queries import all_names, find_name, iterate_proofs, list_contacts
from harkara.ledger.database import Database
from harkara.ledger.messages.search import MessageFilter, list_messages
from harkara.ledger.tables import contact
from tests.integration.ledger.people import (
    Step,
    apply_steps,
    choice,
    chose,
    contacts,
    link,
    minute,
    people_of,
    record_as_release_before,
    wrote,
)
from tests.integration.ledger.steps import DAY, accept_messages, marketing, reply, run_sweep, states_of

ASHA, ASHA_LATER = "919876500001", "919876500002"
BRAZIL, BRAZIL_OLD = "5531988888888", "553188888888"
USER_ID, OTHER_ID = "IN.13491208655302741918", "IN.99"

NAMES = (ASHA, ASHA_LATER, BRAZIL, BRAZIL_OLD, USER_ID)
LANES = (f"lane-{n}" for n in count())

steps = st.lists(
    st.one_of(
        st.builds(link, *[st.sampled_from(NAMES)] * 2),
        st.builds(wrote, st.sampled_from(NAMES), st.integers(0, 5)),
        st.builds(
            chose,
            st.sampled_from(NAMES),
            st.sampled_from(("opt-out", "opt-in")),
            st.sampled_from(("everything", "marketing")),
            st.integers(0, 5),
        ),
    ),
    max_size=8,
)


@settings(max_examples=25)
@given(steps, st.randoms(use_true_random=False))
def test_the_order_of_links_choices_and_messages_does_not_matter(
    db: Database, applied: list[Step], random: Random
) -> None:
    one, other = next(LANES), next(LANES)
    apply_steps(db, one, applied)
    apply_steps(db, other, shuffled(applied, random))
    assert people_of(db, one) == people_of(db, other)


@settings(max_examples=10)
@given(steps)
def test_a_link_or_a_message_that_comes_twice_changes_nothing(db: Database, applied: list[Step]) -> None:
    one, other = next(LANES), next(LANES)
    apply_steps(db, one, applied)
    apply_steps(db, other, [step for step in applied for _ in range(2)])
    assert people_of(db, one) == people_of(db, other)


@pytest.mark.parametrize("seed", range(5))
def test_two_transactions_at_once_come_to_the_same_state(db: Database, seed: int) -> None:
    random = Random(seed)
    applied = [
        *(link(*random.sample(NAMES, 2)) for _ in range(6)),
        *(wrote(name, n, USER_ID) for n, name in enumerate((ASHA, BRAZIL_OLD))),
        *(chose(name, random.choice(("opt-out", "opt-in")), "marketing", n) for n, name in enumerate(NAMES)),
    ]
    apply_steps(db, "alone", applied)
    random.shuffle(applied)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda half: apply_steps(db, "together", half), (applied[::2], applied[1::2])))
    assert people_of(db, "together") == people_of(db, "alone")


def test_two_contacts_that_prove_to_be_one_share_the_sum_of_their_proofs(db: Database) -> None:
    apply_steps(db, "default", [chose(ASHA, "opt-in", "marketing", 1), chose(ASHA_LATER, "opt-out", "everything", 2)])
    apply_steps(db, "default", [wrote(ASHA, 3), wrote(ASHA_LATER, 5)])
    (waiting,) = accept_messages(db, marketing(1))
    apply_steps(db, "default", [link(ASHA, ASHA_LATER)])
    assert people_of(db, "default") == {
        frozenset((ASHA, ASHA_LATER)): (minute(5), "everything", None, minute(2), minute(2))
    }
    assert states_of(db, [waiting]) == ["cancelled"]
    (found,) = list_contacts(db, ASHA)
    assert found.names == (ASHA, ASHA_LATER)
    assert [proof.recipient for proof in found.proofs] == [ASHA, ASHA_LATER]


def test_a_link_of_a_link_is_the_same_person_and_keeps_the_first_id(db: Database) -> None:
    apply_steps(db, "default", [wrote(ASHA, 1)])
    (first,) = contacts(db, "default")
    apply_steps(db, "default", [wrote(USER_ID, 2), link(USER_ID, OTHER_ID), link(OTHER_ID, ASHA)])
    assert {row["person"] for row in contacts(db, "default")} == {first["person"]}
    assert len(contacts(db, "default")) == 3


def test_a_person_is_another_one_in_each_lane(db: Database) -> None:
    apply_steps(db, "default", [link(ASHA, ASHA_LATER)])
    apply_steps(db, "north", [chose(ASHA, "opt-out", "everything", 1)])
    assert len(accept_messages(db, reply(1), reply(2))) == 2
    assert len(accept_messages(db, reply(1, lane="north"), reply(2, lane="north"))) == 1


def test_an_opt_out_under_one_spelling_cancels_and_refuses_messages_to_all(db: Database) -> None:
    waiting = accept_messages(db, reply(to=BRAZIL), reply(to="551161234567"))
    assert record_consent(db, "default", [choice(BRAZIL_OLD)]) == waiting[:1]
    assert accept_messages(db, reply(to=BRAZIL)) == []
    record_consent(db, "default", [choice(BRAZIL, action="opt-in", at=1)])
    assert len(accept_messages(db, reply(to=BRAZIL))) == 1
    (found,) = list_contacts(db, BRAZIL_OLD)
    assert (found.stopped, len(found.proofs)) == (None, 2)


def test_a_person_is_found_by_every_way_to_write_a_name_that_the_ledger_knows(db: Database) -> None:
    apply_steps(db, "default", [wrote(BRAZIL_OLD, 1, USER_ID), wrote("6590123456", 1), wrote("99999999999", 1)])
    for text in (BRAZIL_OLD, f"+{BRAZIL_OLD}", "+55 (31) 98888-8888", USER_ID):
        assert list_contacts(db, find_name(db, text))[0].names == (BRAZIL_OLD, BRAZIL, USER_ID)
    assert find_name(db, "6590123456") == "6590123456"
    assert find_name(db, "+99999999999") == "99999999999"
    assert find_name(db, "6590123456", ["north"]) == "916590123456"
    with pytest.raises(Invalid, match="to: "):
        find_name(db, "99999999998")


def test_messages_are_listed_by_all_names_of_the_person(db: Database) -> None:
    ids = accept_messages(db, reply(1), reply(2), reply(to=BRAZIL), reply(3))
    apply_steps(db, "default", [link(ASHA, ASHA_LATER, USER_ID)])
    for text in (ASHA, ASHA_LATER, USER_ID):
        assert {one.id for one in list_messages(db, MessageFilter(recipients=all_names(db, text)))} == set(ids[:2])
    assert [one.id for one in list_messages(db, MessageFilter(recipients=all_names(db, BRAZIL_OLD)))] == [ids[2]]
    assert all_names(db, ASHA, ["north"]) == {ASHA}


def test_a_proof_is_exported_under_the_name_that_the_person_used(db: Database) -> None:
    apply_steps(db, "default", [link(ASHA, USER_ID), chose(USER_ID, "opt-out", "marketing", 1)])
    assert [proof.recipient for proof in iterate_proofs(db, None)] == [USER_ID]


def test_a_choice_by_a_worker_of_the_release_before_reaches_the_other_names_with_the_next_sweep(db: Database) -> None:
    apply_steps(db, "default", [link(ASHA, ASHA_LATER)])
    waiting = accept_messages(db, reply(2), reply(to=BRAZIL))
    record_as_release_before(db, ASHA)
    record_as_release_before(db, BRAZIL_OLD)
    assert run_sweep(db) == {"people": 2}
    assert states_of(db, waiting) == ["cancelled", "cancelled"]
    assert set(people_of(db, "default")) == {frozenset((ASHA, ASHA_LATER)), frozenset((BRAZIL, BRAZIL_OLD))}
    assert accept_messages(db, reply(2), reply(to=BRAZIL)) == []
    assert run_sweep(db) == {}


def test_the_next_message_repairs_what_the_release_before_wrote(db: Database) -> None:
    record_as_release_before(db, BRAZIL_OLD)
    apply_steps(db, "default", [wrote(BRAZIL, 1)])
    assert accept_messages(db, marketing(to=BRAZIL)) == []
    assert set(people_of(db, "default")) == {frozenset((BRAZIL, BRAZIL_OLD))}


def test_an_inactive_person_is_deleted_with_all_names_or_not_at_all(db: Database) -> None:
    apply_steps(
        db, "default", [wrote(ASHA, 1, USER_ID), link(BRAZIL, OTHER_ID), chose(ASHA_LATER, "opt-in", "marketing", 1)]
    )
    apply_steps(db, "default", [link(ASHA_LATER, "IN.5")])
    age_links(db, DAY)
    assert run_sweep(db, retention=2 * DAY) == {"strangers": 2}
    assert set(people_of(db, "default")) == {frozenset((ASHA_LATER, "IN.5")), frozenset((BRAZIL, BRAZIL_OLD, OTHER_ID))}
    age_links(db, 2 * DAY)
    assert run_sweep(db, retention=2 * DAY) == {"strangers": 3}
    assert set(people_of(db, "default")) == {frozenset((ASHA_LATER, "IN.5"))}


def test_a_person_is_not_deleted_while_one_name_is_active(db: Database) -> None:
    apply_steps(db, "default", [wrote(ASHA, 1, USER_ID)])
    record_as_release_before(db, ASHA)
    assert run_sweep(db, retention=2 * DAY).get("strangers") is None
    assert len(contacts(db, "default")) == 2


def age_links(db: Database, seconds: float) -> None:
    """Move the times of all links into the past."""
    with db.write() as tx:
        for row in tx.rows(contact.select()):
            key = (contact.c.lane == row["lane"], contact.c.recipient == row["recipient"])
            tx.execute(contact.update().where(*key).values(linked_at=row["linked_at"] - timedelta(seconds=seconds)))


def shuffled(applied: Sequence[Step], random: Random) -> list[Step]:
    return random.sample(applied, len(applied))
