"""Whose job is next: start-time fair queueing between clients, turns between the users of one client. Pure.

Each claim costs its client about what the job takes: a client with recordings of hours delays one with short
ones by a single job, not by one of its jobs for each of the other's. Of two clients, the one with fewer
running jobs goes first in any case. https://dl.acm.org/doi/10.1145/248157.248171
"""

from __future__ import annotations

from dataclasses import dataclass, field

# What a claim costs beside the recording's bytes, and what a recording costs whose size nobody knows yet.
BASE_COST = 100_000
UNKNOWN_COST = 5_000_000

# The last turns of so many users are remembered; the others come before them.
_REMEMBERED_USERS = 64

Client = str | None
User = tuple[str | None, str | None]  # a client, and its `user_id`


def cost_of(size_bytes: int | None, *, is_first_run: bool) -> float:
    """What a claim costs its client; a job that comes back after a wait was paid for."""
    if not is_first_run:
        return BASE_COST
    return BASE_COST + (UNKNOWN_COST if size_bytes is None else size_bytes)


@dataclass(slots=True)
class FairTurns:
    """`clock` is the start of the newest claim, in cost; `finishes` are of the clients that are ahead of it.

    A client starts at its finish or at the clock, whichever is later: who was idle has saved up nothing.
    """

    clock: float = 0.0
    finishes: dict[Client, float] = field(default_factory=dict)
    users: dict[User, None] = field(default_factory=dict)  # the latest turn last

    def note(self, client: Client, user_id: str | None, cost: float) -> None:
        """A job of this client and user was claimed."""
        self.clock = max(self.clock, self.finishes.get(client, 0.0))
        self.finishes[client] = self.clock + cost
        self.finishes = {name: at for name, at in self.finishes.items() if at > self.clock}
        user = (client, user_id)
        self.users.pop(user, None)
        self.users[user] = None
        if len(self.users) > _REMEMBERED_USERS:
            del self.users[next(iter(self.users))]
