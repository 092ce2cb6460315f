"""A function for tests, speaking Lambda's runtime API: it does what its event says, and otherwise echoes it."""

import json
import os
import urllib.request

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"


def post(request_id: str, kind: str, data: object) -> None:
    request = urllib.request.Request(f"{API}/{request_id}/{kind}", json.dumps(data).encode(), method="POST")
    urllib.request.urlopen(request).read()


while True:
    with urllib.request.urlopen(f"{API}/next") as answer:
        identifier, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.loads(answer.read())
    print("EVENT", json.dumps(event), flush=True)
    if isinstance(event, dict) and event.get("fail"):
        post(identifier, "error", {"errorType": event["fail"], "errorMessage": "as asked"})
    elif isinstance(event, dict) and event.get("size"):
        post(identifier, "response", "x" * event["size"])
    elif isinstance(event, dict) and event.get("environment"):
        post(identifier, "response", dict(os.environ))
    else:
        post(identifier, "response", event)
