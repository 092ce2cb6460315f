"""The person at the shell: an IAM user of the home account, so that signatures and policies count for them too.

The emulator does not check the signatures of its root keys; AWS checks every one.
"""

from __future__ import annotations

import json

from .deploy import client
from .settings import Settings

NAME = "operator"
_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def create(settings: Settings) -> dict[str, str]:
    """Make the user; answers the variables with their keys."""
    iam = client(settings, "iam")
    iam.create_user(UserName=NAME)
    iam.put_user_policy(UserName=NAME, PolicyName="all", PolicyDocument=json.dumps(_ALL))
    key = iam.create_access_key(UserName=NAME)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
