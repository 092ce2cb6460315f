"""A small stack for tests: one function, one table with a stream, one state machine, one API."""

from __future__ import annotations

import json
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

from conftest import Cloud

TEMPLATE = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  Architecture: {Type: String, Default: arm64, AllowedValues: [arm64, x86_64]}
  Colour: {Type: String, Default: red}
Globals:
  Function: {Runtime: provided.al2023, Handler: bootstrap, Architectures: [!Ref Architecture], Timeout: 10}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ../anywhere/echo/
      Environment: {Variables: {COLOUR: !Ref Colour}}
      Events:
        Stream:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Table.StreamArn
            StartingPosition: LATEST
            FilterCriteria: {Filters: [{Pattern: '{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"unit#"}]}}}}'}]}
        Snapshots:
          Type: EventBridgeRule
          Properties:
            Pattern: {source: [aws.ec2], detail-type: [EBS Snapshot Notification]}
        Once:
          Type: ScheduleV2
          Properties: {ScheduleExpression: at(2020-01-01T00:00:00), Input: '{"tick": true}'}
  Forbidden:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ../anywhere/echo/}
  Document:
    Type: AWS::SSM::Document
    Properties:
      Name: !Sub ${AWS::StackName}-document
      DocumentType: Command
      DocumentFormat: YAML
      UpdateMethod: NewVersion
      Content: {schemaVersion: '2.2', description: !Ref Colour, mainSteps: []}
  Flow:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: flow.asl.json
      DefinitionSubstitutions: {Echo: !GetAtt Echo.Arn, Forbidden: !GetAtt Forbidden.Arn}
      Policies: [{LambdaInvokePolicy: {FunctionName: !Ref Echo}}]
      Events:
        Custom:
          Type: EventBridgeRule
          Properties:
            Pattern: {source: [custom]}
            InputPath: $.detail
  Unlet:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [custom]}
      Targets: [{Id: f, Arn: !GetAtt Forbidden.Arn}]
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: x, ProtocolType: HTTP}}
  Stage: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Api, StageName: $default, AutoDeploy: true}}
  Called:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {ApiId: !Ref Api, IntegrationType: AWS_PROXY, IntegrationUri: !GetAtt Echo.Arn, PayloadFormatVersion: '2.0'}
  Signed:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: 'ANY /v1/{proxy+}', AuthorizationType: AWS_IAM, Target: !Sub 'integrations/${Called}'}
  Open:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: GET /open, AuthorizationType: NONE, Target: !Sub 'integrations/${Called}'}
  MayCall:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Echo
      Action: lambda:InvokeFunction
      Principal: apigateway.amazonaws.com
      SourceArn: !Sub arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*
Outputs:
  Flow: {Value: !Ref Flow}
  Endpoint: {Value: !GetAtt Api.ApiEndpoint}
  Echo: {Value: !Ref Echo}
  Table: {Value: !Ref Table}
"""

ECHO = "arn:aws:states:::lambda:invoke"


def task(payload: Any, callback: bool = False, function: str = "${Echo}", **more: Any) -> dict[str, Any]:
    """A task that invokes the function."""
    return {
        "Type": "Task", "Resource": f"{ECHO}{'.waitForTaskToken' if callback else ''}", "End": True,
        "Arguments": {"FunctionName": function, "Payload": payload}, **more,
    }


CAUGHT = {"Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}]}
WITH_TOKEN = {"token": "{% $states.context.Task.Token %}", "try": "{% $states.context.State.RetryCount %}"}


def branch(name: str) -> dict[str, Any]:
    """A branch that remembers its name while it waits for a callback."""
    return {"StartAt": "Mark", "States": {
        "Mark": {"Type": "Pass", "Assign": {"mark": name}, "Next": "Ask"},
        "Ask": {key: value for key, value in task(WITH_TOKEN, True).items() if key != "End"} | {"Next": "Say"},
        "Say": {"Type": "Pass", "Output": "{% $mark %}", "End": True},
    }}


STATES = {
    "echo": task("{% $states.input %}", Output="{% $states.result.Payload %}", **CAUGHT),
    "retry": task(
        {"fail": "{% $states.context.State.RetryCount < 2 ? 'Oops' : '' %}",
         "try": "{% $states.context.State.RetryCount %}"},
        Retry=[{"ErrorEquals": ["Oops"], "IntervalSeconds": 1}], Output="{% $states.result.Payload %}",
    ),
    "wait": task(
        WITH_TOKEN, True, TimeoutSeconds="{% $states.input.seconds %}",
        Retry=[{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 1, "IntervalSeconds": 1}], **CAUGHT,
    ),
    "refused": task({"fail": "Oops"}, True, TimeoutSeconds=60, **CAUGHT),
    "forbidden": task({}, function="${Forbidden}", **CAUGHT),
    "both": {"Type": "Parallel", "Branches": [branch("left"), branch("right")], "End": True},
}
MACHINE = {
    "QueryLanguage": "JSONata", "StartAt": "Which",
    "States": {
        "Which": {"Type": "Choice", "Default": "echo", "Choices": [
            {"Condition": f"{{% $states.input.kind = '{name}' %}}", "Next": name} for name in STATES
        ]},
        "Caught": {"Type": "Pass", "End": True},
        **STATES,
    },
}


class Stack:
    """The stack, and what its function was asked."""

    def __init__(self, cloud: Cloud, directory: Path) -> None:
        self.cloud, self._directory = cloud, directory
        (directory / "template.yaml").write_text(TEMPLATE)
        (directory / "flow.asl.json").write_text(json.dumps(MACHINE))
        (directory / "artifacts").mkdir()
        with zipfile.ZipFile(directory / "artifacts" / "echo.zip", "w") as archive:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = 0o755 << 16
            source = Path(__file__).with_name("echo_bootstrap.py").read_text()
            archive.writestr(entry, f"#!{sys.executable}\n{source}")
        self.sfn = cloud.client("stepfunctions")

    def deploy(self, *arguments: str) -> Any:
        """`cloud.py deploy` of this stack."""
        return self.cloud.run(
            "deploy", "--template", str(self._directory / "template.yaml"), "--stack", "test", *arguments,
            CPM_ARTIFACTS=str(self._directory / "artifacts"),
        )

    def output(self, name: str) -> str:
        """An output of the stack."""
        outputs = self.cloud.client("cloudformation").describe_stacks(StackName="test")["Stacks"][0]["Outputs"]
        return next(str(output["OutputValue"]) for output in outputs if output["OutputKey"] == name)

    def start(self, **data: Any) -> str:
        """Start an execution."""
        return str(self.sfn.start_execution(stateMachineArn=self.output("Flow"), input=json.dumps(data))["executionArn"])

    def end_of(self, execution: str, seconds: float = 20) -> dict[str, Any]:
        """Wait for the end of an execution."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.sfn.describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                return dict(found)
            time.sleep(0.05)
        raise AssertionError(f"{execution} is still running")

    def asked(self) -> list[Any]:
        """Every event that the function has had, by its log."""
        logs = self.cloud.client("logs")
        group = f"/aws/lambda/{self.output('Echo')}"
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        lines = [event["message"].strip() for page in pages for event in page["events"]]
        return [json.loads(line.removeprefix("EVENT ")) for line in lines if line.startswith("EVENT ")]

    def tokens(self) -> list[str]:
        """Every task token that the function has had."""
        return [event["token"] for event in self.asked() if isinstance(event, dict) and "token" in event]
