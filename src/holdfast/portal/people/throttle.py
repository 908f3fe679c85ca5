"""Log-ins that fail are let try again later and later, for each account and for each address; apart from these, for
each browser that the person logged in with before.

A try is counted before its password is looked at, so that many at once can't slip through; one that succeeds is taken
back. The first few failures cost nothing; each one after that doubles the wait, up to a quarter of an hour. While
somebody has to wait, nothing is counted, so that nobody is kept out for longer by those who go on trying.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from django.db import transaction

from holdfast.portal.house import house

from .models import Trial

WAIT_S_MAX: Final = 900
FORGET_US: Final = 86_400_000_000
"""After a day without a failure, all is forgotten."""
_S: Final = 1_000_000


class Gate(NamedTuple):
    """Something that tries are counted for."""

    kind: str
    free: int
    """How many failures in a row cost no wait."""
    value: str

    @property
    def key(self) -> str:
        return hashlib.sha256(f"{self.kind}\0{self.value}".encode()).hexdigest()


def account_gate(account: str) -> Gate:
    """Return the gate of one account: a person's id, or what was typed where there is no such person."""
    return Gate("account", 5, account)


def address_gate(address: str) -> Gate:
    """Return the gate of one network address. Many people may be behind one, so that it lets more through."""
    return Gate("address", 50, address)


def browser_gate(person_id: int, browser: str) -> Gate:
    """Return the gate of a browser that a person logged in with before (`known`).

    It is the only one there, so that nobody keeps people out of their own accounts by wrong log-ins.
    """
    return Gate("browser", 5, f"{person_id} {browser}")


def wait_us(count: int, free: int) -> int:
    """Return how long to wait after so many failures."""
    return 0 if count < free else min(2 ** min(count - free + 1, 20), WAIT_S_MAX) * _S


def begin(gates: Sequence[Gate]) -> int:
    """Count a try at all of these gates, or count nothing and return for how many seconds one has to wait."""
    with transaction.atomic():
        # Once nobody else counts: a time from before that would lie before what others wrote.
        now_us = house().now_us()
        known = {trial.key: trial for trial in Trial.objects.filter(key__in=[gate.key for gate in gates])}
        held_us = max((trial.next_us - now_us for trial in known.values()), default=0)
        if held_us > 0:
            return max(1, -(-held_us // _S))
        for gate in gates:
            trial = known.get(gate.key)
            count = 1 if trial is None or now_us - trial.last_us > FORGET_US else trial.count + 1
            Trial.objects.update_or_create(
                key=gate.key,
                defaults={"count": count, "last_us": now_us, "next_us": now_us + wait_us(count, gate.free)},
            )
    return 0


def succeed(account: Gate, address: Gate | None = None) -> None:
    """Take back a try that succeeded: the account, or known browser, begins anew, and the address is where it was.

    An address is not forgiven by one success: it may be the one account of somebody who tries those of others.
    """
    with transaction.atomic():
        forget(account)
        trial = Trial.objects.filter(key=address.key).first() if address is not None else None
        if trial is not None:
            trial.count -= 1
            trial.next_us = trial.last_us
            trial.save()


def forget(gate: Gate) -> None:
    """Forget the failures at a gate."""
    Trial.objects.filter(key=gate.key).delete()


def in_words(wait_s: int) -> str:
    """Return a wait as people read it: `20 seconds`, `4 minutes`."""
    if wait_s < 60:
        return f"{wait_s} second{'' if wait_s == 1 else 's'}"
    minutes = -(-wait_s // 60)
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
