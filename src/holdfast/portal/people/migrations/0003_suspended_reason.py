from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0002_sessions_and_trials'),
    ]

    operations = [
        migrations.AddField(
            model_name='person',
            name='suspended_reason',
            field=models.TextField(blank=True),
        ),
    ]
