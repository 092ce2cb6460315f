"""What subscribers of SNS by e-mail get."""

from __future__ import annotations

import json
from email import policy
from email.parser import BytesParser

from conftest import Cloud, wait_for


def test_an_email_has_its_own_text_and_passes_its_filter(cloud: Cloud) -> None:
    sns, address = cloud.client("sns"), "on-call@example.com"
    topic = sns.create_topic(Name="mail")["TopicArn"]
    sns.subscribe(
        TopicArn=topic, Protocol="email", Endpoint=address, Attributes={"FilterPolicy": json.dumps({"kind": ["loud"]})},
    )
    texts = json.dumps({"default": "for machines", "email": "for people: ü"})
    for kind in ("quiet", "loud"):
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        sns.publish(TopicArn=topic, Subject=kind, Message=texts, MessageStructure="json", MessageAttributes=attributes)

    (letter,) = wait_for(lambda: sorted((cloud.settings.mail / address).glob("[!.]*.eml")))
    read = BytesParser(policy=policy.default).parsebytes(letter.read_bytes())
    assert (read["Subject"], read["To"], read.get_content().strip()) == ("loud", address, "for people: ü")
