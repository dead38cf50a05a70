from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0003_actions")]

    initial = False

    operations = [
        ops.CreateModel(
            name="SubscriptionRow",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("address", fields.CharField(max_length=600)),
                ("what", fields.CharField(max_length=300)),
                ("person", fields.CharField(null=True, db_index=True, max_length=512)),
                ("severity", fields.SmallIntField(null=True)),
                ("service", fields.CharField(null=True, max_length=200)),
                ("incident", fields.CharField(null=True, max_length=32)),
                ("postmortems", fields.BooleanField()),
                ("digest", fields.BooleanField()),
                ("token", fields.CharField(unique=True, max_length=64)),
                ("muted", fields.BooleanField()),
            ],
            options={
                "table": "subscription",
                "app": "models",
                "unique_together": (("address", "what"),),
                "pk_attr": "id",
                "table_description": "Who outside the response hears of what. `what` tells an address's subscriptions apart.",
            },
            bases=["Model"],
        ),
    ]
