from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0005_news")]

    initial = False

    operations = [
        ops.AddField(
            model_name="SubscriptionRow",
            name="asked_us",
            field=fields.BigIntField(null=True),
        ),
    ]
