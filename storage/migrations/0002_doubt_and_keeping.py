from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    initial = False

    operations = [
        ops.AddField(
            model_name="LaneRow",
            name="doubt",
            field=fields.BooleanField(db_default=False),
        ),
        ops.AddField(
            model_name="OutboxRow",
            name="doubt",
            field=fields.BooleanField(db_default=False),
        ),
        ops.AlterModelOptions(
            name="ReferenceRow",
            options={
                "table": "reference",
                "app": "models",
                "pk_attr": "name",
                "table_description": "A platform's name for something that later messages refer to, or what a plugin keeps.",
            },
        ),
        ops.AddField(
            model_name="ReferenceRow",
            name="kept_us",
            field=fields.BigIntField(null=True),
        ),
    ]
