"""E-mails of SNS, as files: `<state>/mail/<address>/<number>.eml`, one a message. ministack only logs that there was one."""

from __future__ import annotations

import os
import threading
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Any

from ministack.services import sns

MAIL = Path(os.environ.get("CPM_MAIL") or Path.cwd() / "mail")
_SENDER = "AWS Notifications <no-reply@sns.amazonaws.com>"
_LOCK = threading.Lock()


def install() -> None:
    """Put every patch of this module in place."""
    fanout = sns._fanout

    def with_mail(
        topic_arn: str, message_id: str, message: str, subject: str, structure: str = "",
        attributes: dict[str, Any] | None = None, **more: Any,
    ) -> None:
        """On AWS a subscriber by e-mail gets the text for e-mails, if the message has one, and the filter lets it pass."""
        fanout(topic_arn, message_id, message, subject, structure, attributes, **more)
        topic = sns._topic_by_arn_any_scope(topic_arn)
        text = sns._resolve_message_for_protocol(message, structure, "email")
        for subscription in topic["subscriptions"] if topic else []:
            wanted = subscription.get("protocol") == "email" and subscription.get("confirmed")
            if wanted and sns._matches_filter_policy(subscription, attributes or {}, text):
                _write(subscription["endpoint"], subject or "AWS Notification Message", text)

    sns._fanout = with_mail


def _write(address: str, subject: str, text: str) -> None:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"], letter["Date"] = _SENDER, address, subject, formatdate()
    letter.set_content(text)
    box = MAIL / address
    with _LOCK:
        box.mkdir(parents=True, exist_ok=True)
        name = f"{len(list(box.glob('*.eml'))) + 1:04}.eml"
        unfinished = box / f".{name}"
        unfinished.write_bytes(letter.as_bytes())
        unfinished.rename(box / name)
