"""Mail over SMTP: invitations to reviews, as calendars take them, and news for stakeholders.

```toml
[plugins.mail]
host = "smtp.example.com"
port = 587
security = "starttls"                  # or "tls", or "none" (on the same machine)
user = "sitrep"
password = { env = "SITREP_SMTP_PASSWORD" }
sender = "Sitrep <sitrep@example.com>"

[people.ben]
mail = "ben@example.com"
```

One mail a person: addresses are private. All mails about one incident are one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Literal

import aiosmtplib
from pydantic import BaseModel, ConfigDict, Field, field_validator

from bot.contract import (
    Finding,
    Mail,
    PermanentFailure,
    PluginContext,
    Secret,
    TemporaryFailure,
    hookimpl,
)
from bot.plugin_kit.network import tls

SECONDS = 20.0
"""How long a mail server may take to answer."""


class MailSettings(BaseModel):
    """`[plugins.mail]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: Secret | None = None
    sender: str

    @field_validator("host")
    @classmethod
    def _alone(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if host and ":" not in host and port.isdecimal():
            raise ValueError(f'the port is a key of its own; write host = "{host}", port = {port}')
        return value

    @field_validator("sender")
    @classmethod
    def _an_address(cls, value: str) -> str:
        name, address = parseaddr(value)
        if "@" not in address or any(c in value for c in "\r\n"):
            raise ValueError(f"no mail address; write Sitrep <sitrep@example.com>, not {name!r}")
        return value


class Smtp:
    """A mailer that sends over SMTP."""

    def __init__(self, context: PluginContext, settings: MailSettings) -> None:
        """Open no connection yet."""
        self._context, self._settings = context, settings
        self._domain = parseaddr(settings.sender)[1].rpartition("@")[2]

    async def mail(self, mail: Mail, *, key: str) -> None:
        """Send a mail; the message id is made from the key."""
        message = self._composed(mail, key)
        try:
            async with self._client() as client:
                await client.send_message(message)
        except aiosmtplib.SMTPResponseException as exc:
            text = f"the mail server said {exc.code}: {exc.message[:200]}"
            if 500 <= exc.code < 600:
                raise PermanentFailure(text) from exc
            raise TemporaryFailure(text) from exc
        except aiosmtplib.SMTPRecipientsRefused as exc:
            codes = [each.code for each in exc.recipients]
            text = f"the mail server refuses the recipient ({', '.join(map(str, codes))})"
            if any(code >= 500 for code in codes):
                raise PermanentFailure(text) from exc
            raise TemporaryFailure(text) from exc
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise TemporaryFailure(f"the mail server is away: {exc}", unsure=True) from exc

    def _composed(self, mail: Mail, key: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._settings.sender
        message["To"] = mail.to
        message["Subject"] = " ".join(mail.subject.split())
        message["Date"] = format_datetime(self._context.clock.now())
        message["Message-ID"] = f"<{mail.about}.{key}@{self._domain}>"
        thread = f"<{mail.about}@{self._domain}>"
        message["In-Reply-To"] = message["References"] = thread
        message["Auto-Submitted"] = "auto-generated"
        if mail.unsubscribe is not None:
            message["List-Unsubscribe"] = f"<{mail.unsubscribe}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(mail.text)
        if mail.html is not None:
            message.add_alternative(mail.html, subtype="html")
        for file in mail.files:
            media, _, rest = file.media.partition(";")
            main, _, sub = media.partition("/")
            named = (part.partition("=") for part in rest.split(";") if part)
            parameters = {
                name.strip(): value.strip()
                for name, _, value in named
                if name.strip().lower() != "charset"
            }
            if main == "text":
                message.add_alternative(file.text, subtype=sub, params=parameters)
            else:
                message.add_attachment(
                    file.text.encode(), maintype=main, subtype=sub, filename=file.name
                )
        return message

    def _client(self) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            username=settings.user,
            password=settings.password,
            timeout=SECONDS,
            tls_context=tls(),
        )

    async def check(self) -> Sequence[Finding]:
        """Check that the server accepts name and password; send nothing."""
        try:
            async with self._client():
                return []
        except (aiosmtplib.SMTPException, OSError) as exc:
            return [Finding(f"cannot send mail over {self._settings.host}: {exc}")]


@hookimpl
def register_mailer(context: PluginContext) -> Smtp:
    """Provide mail."""
    return Smtp(context, context.settings(MailSettings))
