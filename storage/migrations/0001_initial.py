from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="CounterRow",
            fields=[
                (
                    "series",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=16),
                ),
                ("value", fields.IntField()),
            ],
            options={
                "table": "counter",
                "app": "models",
                "pk_attr": "series",
                "table_description": "The last number of a series (F9).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="InboxRow",
            fields=[
                (
                    "id",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=320),
                ),
                ("received_us", fields.BigIntField()),
                ("sender", fields.CharField(null=True, max_length=512)),
                ("outcome", fields.CharField(null=True, max_length=64)),
            ],
            options={
                "table": "inbox",
                "app": "models",
                "pk_attr": "id",
                "table_description": "An inbound event that was seen, and what became of it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="IncidentRow",
            fields=[
                (
                    "id",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32),
                ),
                ("state", fields.TextField(unique=False)),
                ("schema", fields.IntField()),
                ("title", fields.TextField(unique=False)),
                ("severity", fields.SmallIntField()),
                ("phase", fields.CharField(max_length=16)),
                ("running", fields.BooleanField()),
                ("postmortem", fields.CharField(null=True, max_length=16)),
                ("commander", fields.CharField(null=True, max_length=512)),
                ("declared_us", fields.BigIntField()),
                ("due_us", fields.BigIntField(null=True)),
            ],
            options={
                "table": "incident",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The projection of an incident's timeline, with the columns that queries need.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="EventRow",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "incident",
                    fields.ForeignKeyField(
                        "models.IncidentRow",
                        source_field="incident_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="events",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("n", fields.IntField()),
                ("type", fields.CharField(max_length=32)),
                ("schema", fields.IntField()),
                ("data", fields.TextField(unique=False)),
                ("recorded_us", fields.BigIntField()),
            ],
            options={
                "table": "event",
                "app": "models",
                "unique_together": (("incident", "n"),),
                "pk_attr": "id",
                "table_description": "A timeline entry: append-only, and the audit record.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LaneRow",
            fields=[
                (
                    "name",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=600),
                ),
                ("owner", fields.CharField(null=True, max_length=64)),
                ("lease_us", fields.BigIntField(null=True)),
                ("fence", fields.BigIntField()),
                ("not_before_us", fields.BigIntField(null=True)),
            ],
            options={
                "table": "lane",
                "app": "models",
                "pk_attr": "name",
                "table_description": "The queue of one conversation or plugin, held by one worker at a time.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="MemberRow",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("conversation", fields.CharField(max_length=600)),
                (
                    "incident",
                    fields.ForeignKeyField(
                        "models.IncidentRow",
                        source_field="incident_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="conversations",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "member",
                "app": "models",
                "unique_together": (("conversation", "incident"),),
                "pk_attr": "id",
                "table_description": "An incident's conversation.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OutboxRow",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("key", fields.CharField(max_length=32)),
                ("lane", fields.CharField(max_length=600)),
                ("target", fields.CharField(max_length=64)),
                ("what", fields.TextField(null=True, unique=False)),
                ("incident", fields.CharField(null=True, max_length=32)),
                ("urgent", fields.SmallIntField()),
                ("slot", fields.CharField(null=True, max_length=700)),
                ("state", fields.CharField(max_length=8)),
                ("version", fields.IntField()),
                ("attempts", fields.IntField()),
                ("created_us", fields.BigIntField()),
                ("done_us", fields.BigIntField(null=True)),
                ("error", fields.TextField(null=True, unique=False)),
            ],
            options={
                "table": "outbox",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Something to deliver, or delivered.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PlaceRow",
            fields=[
                (
                    "logical",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=600),
                ),
                ("real", fields.CharField(db_index=True, max_length=600)),
                ("own", fields.BooleanField()),
            ],
            options={
                "table": "place",
                "app": "models",
                "pk_attr": "logical",
                "table_description": "What a conversation that Sitrep opened is called on its platform.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ReferenceRow",
            fields=[
                (
                    "name",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=700),
                ),
                ("value", fields.TextField(unique=False)),
            ],
            options={
                "table": "reference",
                "app": "models",
                "pk_attr": "name",
                "table_description": "A platform's name for something that later messages refer to.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RotationRow",
            fields=[
                (
                    "person",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=512),
                ),
                ("served_us", fields.BigIntField()),
            ],
            options={
                "table": "rotation",
                "app": "models",
                "pk_attr": "person",
                "table_description": "When a commander last served (C2).",
            },
            bases=["Model"],
        ),
        # What is due, runs or waits is few among all that ever was: indexes of it alone are small,
        # quick to read, and most rows never enter them.
        ops.RunSQL(
            "CREATE INDEX incident_due ON incident (due_us) WHERE due_us IS NOT NULL",
            reverse_sql="DROP INDEX incident_due",
        ),
        ops.RunSQL(
            "CREATE INDEX incident_running ON incident (declared_us) WHERE running",
            reverse_sql="DROP INDEX incident_running",
        ),
        ops.RunSQL(
            "CREATE INDEX outbox_waiting ON outbox (lane, urgent DESC, id) WHERE state = 'waiting'",
            reverse_sql="DROP INDEX outbox_waiting",
        ),
        ops.RunSQL(
            "CREATE INDEX outbox_slot ON outbox (slot)"
            " WHERE state = 'waiting' AND slot IS NOT NULL",
            reverse_sql="DROP INDEX outbox_slot",
        ),
    ]
