from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0002_doubt_and_keeping")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ActionRow",
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
                        related_name="action_rows",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("n", fields.IntField()),
                ("data", fields.TextField(unique=False)),
                ("owner", fields.CharField(max_length=512)),
                ("ticket", fields.CharField(null=True, db_index=True, max_length=600)),
                ("state", fields.SmallIntField()),
                ("drill", fields.BooleanField()),
                ("due_us", fields.BigIntField()),
                ("done_us", fields.BigIntField(null=True)),
            ],
            options={
                "table": "action",
                "app": "models",
                "unique_together": (("incident", "n"),),
                "indexes": [Index(fields=["state", "due_us"])],
                "pk_attr": "id",
                "table_description": "An action item: the table of them, which is the tracker where no other is configured.",
            },
            bases=["Model"],
        ),
    ]
