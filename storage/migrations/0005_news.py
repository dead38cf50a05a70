from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0004_subscriptions")]

    initial = False

    operations = [
        ops.CreateModel(
            name="NewsRow",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("incident", fields.CharField(max_length=32)),
                ("what", fields.CharField(max_length=16)),
                ("highest", fields.SmallIntField()),
                ("service", fields.CharField(null=True, max_length=200)),
                ("at_us", fields.BigIntField()),
            ],
            options={
                "table": "news",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The news that people outside are told: never its words, which can be redacted.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ReaderRow",
            fields=[
                (
                    "address",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=600),
                ),
                ("since_us", fields.BigIntField()),
                ("told", fields.IntField()),
                ("held", fields.BigIntField(null=True)),
            ],
            options={
                "table": "reader",
                "app": "models",
                "pk_attr": "address",
                "table_description": "How much an address was told of late. `held`: the first news that waits to be gathered.",
            },
            bases=["Model"],
        ),
    ]
