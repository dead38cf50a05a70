"""The tables. Times are microseconds since 1970 in UTC: exact, and alike on both engines.

A class's docstring is its table's comment, so it changes only with a migration.

An index is a page more to write with every command: there are only those that a running bot needs.
Partial ones stand in the first migration; Tortoise's fields cannot make them on SQLite.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class IncidentRow(Model):
    """The projection of an incident's timeline, with the columns that queries need."""

    id = fields.CharField(max_length=32, primary_key=True)
    state = fields.TextField()
    schema = fields.IntField()
    title = fields.TextField()
    severity = fields.SmallIntField()
    phase = fields.CharField(max_length=16)
    running = fields.BooleanField()
    postmortem = fields.CharField(max_length=16, null=True)
    commander = fields.CharField(max_length=512, null=True)
    declared_us = fields.BigIntField()
    due_us = fields.BigIntField(null=True)

    class Meta:
        """The table."""

        table = "incident"


class EventRow(Model):
    """A timeline entry: append-only, and the audit record."""

    id = fields.BigIntField(primary_key=True)
    incident: fields.ForeignKeyRelation[IncidentRow] = fields.ForeignKeyField(
        "models.IncidentRow", related_name="events", on_delete=fields.RESTRICT
    )
    n = fields.IntField()
    type = fields.CharField(max_length=32)
    schema = fields.IntField()
    data = fields.TextField()
    recorded_us = fields.BigIntField()

    class Meta:
        """The table."""

        table = "event"
        unique_together = (("incident", "n"),)


class InboxRow(Model):
    """An inbound event that was seen, and what became of it."""

    id = fields.CharField(max_length=320, primary_key=True)
    received_us = fields.BigIntField()
    sender = fields.CharField(max_length=512, null=True)
    outcome = fields.CharField(max_length=64, null=True)

    class Meta:
        """The table."""

        table = "inbox"


class OutboxRow(Model):
    """Something to deliver, or delivered."""

    id = fields.BigIntField(primary_key=True)
    key = fields.CharField(max_length=32)
    lane = fields.CharField(max_length=600)
    target = fields.CharField(max_length=64)
    what = fields.TextField(null=True)
    incident = fields.CharField(max_length=32, null=True)
    urgent = fields.SmallIntField()
    slot = fields.CharField(max_length=700, null=True)
    state = fields.CharField(max_length=8)
    version = fields.IntField()
    attempts = fields.IntField()
    doubt = fields.BooleanField(db_default=False)
    created_us = fields.BigIntField()
    done_us = fields.BigIntField(null=True)
    error = fields.TextField(null=True)

    class Meta:
        """The table."""

        table = "outbox"


class LaneRow(Model):
    """The queue of one conversation or plugin, held by one worker at a time.

    `doubt`: it was taken over from a worker that had not given it back.
    """

    name = fields.CharField(max_length=600, primary_key=True)
    owner = fields.CharField(max_length=64, null=True)
    lease_us = fields.BigIntField(null=True)
    fence = fields.BigIntField()
    doubt = fields.BooleanField(db_default=False)
    not_before_us = fields.BigIntField(null=True)

    class Meta:
        """The table."""

        table = "lane"


class PlaceRow(Model):
    """What a conversation that Sitrep opened is called on its platform."""

    logical = fields.CharField(max_length=600, primary_key=True)
    real = fields.CharField(max_length=600, db_index=True)
    own = fields.BooleanField()

    class Meta:
        """The table."""

        table = "place"


class MemberRow(Model):
    """An incident's conversation."""

    id = fields.BigIntField(primary_key=True)
    conversation = fields.CharField(max_length=600)
    incident: fields.ForeignKeyRelation[IncidentRow] = fields.ForeignKeyField(
        "models.IncidentRow", related_name="conversations", on_delete=fields.RESTRICT
    )

    class Meta:
        """The table."""

        table = "member"
        unique_together = (("conversation", "incident"),)


class ReferenceRow(Model):
    """A platform's name for something that later messages refer to, or what a plugin keeps.

    `kept_us`: when it was, for what is forgotten like delivered rows; none: for ever.
    """

    name = fields.CharField(max_length=700, primary_key=True)
    value = fields.TextField()
    kept_us = fields.BigIntField(null=True)

    class Meta:
        """The table."""

        table = "reference"


class CounterRow(Model):
    """The last number of a series (F9)."""

    series = fields.CharField(max_length=16, primary_key=True)
    value = fields.IntField()

    class Meta:
        """The table."""

        table = "counter"


class ActionRow(Model):
    """An action item: the table of them, which is the tracker where no other is configured.

    `due_us` is the end of its date. `state` is 0 open, 1 done, 2 dropped.
    """

    id = fields.BigIntField(primary_key=True)
    incident: fields.ForeignKeyRelation[IncidentRow] = fields.ForeignKeyField(
        "models.IncidentRow", related_name="action_rows", on_delete=fields.RESTRICT
    )
    n = fields.IntField()
    data = fields.TextField()
    owner = fields.CharField(max_length=512)
    ticket = fields.CharField(max_length=600, null=True, db_index=True)
    state = fields.SmallIntField()
    drill = fields.BooleanField()
    due_us = fields.BigIntField()
    done_us = fields.BigIntField(null=True)

    class Meta:
        """The table."""

        table = "action"
        unique_together = (("incident", "n"),)
        indexes = (("state", "due_us"),)


class SubscriptionRow(Model):
    """Who outside the response hears of what. `what` tells an address's subscriptions apart."""

    id = fields.BigIntField(primary_key=True)
    address = fields.CharField(max_length=600)
    what = fields.CharField(max_length=300)
    person = fields.CharField(max_length=512, null=True, db_index=True)
    severity = fields.SmallIntField(null=True)
    service = fields.CharField(max_length=200, null=True)
    incident = fields.CharField(max_length=32, null=True)
    postmortems = fields.BooleanField()
    digest = fields.BooleanField()
    token = fields.CharField(max_length=64, unique=True)
    muted = fields.BooleanField()
    asked_us = fields.BigIntField(null=True)

    class Meta:
        """The table."""

        table = "subscription"
        unique_together = (("address", "what"),)


class NewsRow(Model):
    """The news that people outside are told: never its words, which can be redacted."""

    id = fields.BigIntField(primary_key=True)
    incident = fields.CharField(max_length=32)
    what = fields.CharField(max_length=16)
    highest = fields.SmallIntField()
    service = fields.CharField(max_length=200, null=True)
    at_us = fields.BigIntField()

    class Meta:
        """The table."""

        table = "news"


class ReaderRow(Model):
    """How much an address was told of late. `held`: the first news that waits to be gathered."""

    address = fields.CharField(max_length=600, primary_key=True)
    since_us = fields.BigIntField()
    told = fields.IntField()
    held = fields.BigIntField(null=True)

    class Meta:
        """The table."""

        table = "reader"


class RotationRow(Model):
    """When a commander last served (C2)."""

    person = fields.CharField(max_length=512, primary_key=True)
    served_us = fields.BigIntField()

    class Meta:
        """The table."""

        table = "rotation"
