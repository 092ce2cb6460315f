import { existsSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { type Duration, Fn, Stack, Token, Validations } from "aws-cdk-lib";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import { CfnFunction, CfnStateMachine } from "aws-cdk-lib/aws-sam";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import { check } from "./parameters.js";

/** What a deployment is given. Left out, a value is the template's parameter, with its default. */
export interface CpmDeploymentProps {
  /** IANA time zone of schedules that name none. */
  readonly timeZone?: string;
  /** Is subscribed to the alert topic. */
  readonly rootEmail?: string;
  /** Topic for alerts; must let cloudwatch.amazonaws.com publish. */
  readonly alertTopic?: ITopic;
  /** Encrypts table, logs, alerts, events and dead letters; needs the statements for services of the template's key policy. */
  readonly key?: IKey;
  /** Days that logs are kept. */
  readonly logRetention?: RetentionDays;
  /** Whether tags are scanned regularly. */
  readonly tagScans?: boolean;
  /** How often tags are scanned: whole minutes. */
  readonly tagScanRate?: Duration;
  /** How often everything is cleaned up: whole minutes. */
  readonly cleanupRate?: Duration;
  /** Numbers of the other accounts in which member-account.yaml is deployed. */
  readonly memberAccounts?: string[];
  /** Roles of other accounts may be assumed if their name matches. */
  readonly memberRoleNamePattern?: string;
  /** A recovery may name a role of its own to work by if the name of the role matches. */
  readonly recoveryRoleNamePattern?: string;
  /** ARNs of functions that policies may run before and after their backups. Default: those named cpm-script-… */
  readonly scriptFunctions?: string[];
  /** What the functions were built for. */
  readonly architecture?: "arm64" | "x86_64";
  /** The project's folder, with infra/template.yaml, statemachines/ and dist/. Default: the one that this package is in. */
  readonly project?: string;
}

/**
 * Cloud Protection Manager: the resources of infra/template.yaml, under their names there, in the stack of the scope.
 * The stack's name is the deployment's name, so a stack holds one deployment.
 */
export class CpmDeployment extends Construct {
  /** The template. `getResource`, `getOutput` and the like reach what is in it. */
  readonly template: CfnInclude;

  constructor(scope: Construct, id: string, props: CpmDeploymentProps = {}) {
    super(scope, id);
    const project = props.project ?? projectFolder(__dirname);
    const templateFile = join(project, "infra", "template.yaml");
    const parameters = parametersOf(props);
    check(templateFile, parameters);
    this.template = new CfnInclude(this, "Template", { templateFile, parameters });
    for (const resource of this.template.node.findAll()) {
      if (resource instanceof CfnFunction) this.upload(resource, templateFile);
      if (resource instanceof CfnStateMachine) define(resource, templateFile);
    }
    // A condition may not refer to a resource, as the ARN of a topic or a key that a stack makes does.
    if (props.alertTopic) this.template.getCondition("MakeTopic").expression = Fn.conditionEquals("given", "");
    if (props.key) this.template.getCondition("MakeKey").expression = Fn.conditionEquals("given", "");
    Validations.of(Stack.of(this)).acknowledge(...ACKNOWLEDGED);
  }

  /** Points a function at its folder as an asset instead of at a path. */
  private upload(target: CfnFunction, templateFile: string): void {
    const folder = resolve(templateFile, "..", String(target.codeUri));
    if (!existsSync(join(folder, "bootstrap"))) {
      throw new Error(`${join(folder, "bootstrap")} is missing: build the functions first (make package)`);
    }
    const asset = new Asset(this, `${basename(folder)}-code`, { path: folder });
    target.codeUri = { bucket: asset.s3BucketName, key: asset.s3ObjectKey };
  }
}

/** What the CDK's validation of templates takes for mistakes, with what it is. */
const ACKNOWLEDGED = Object.entries({
  W1001: "the Fn::If that refers to a resource has the resource's condition",
  W1030: "an empty default stands for a resource that the stack makes",
  W1028: "a value that is given decides a condition for good",
  W2503: "a value that is given decides a condition for good",
  W8003: "a value that is given decides a condition for good",
  W9053: "a value that is given decides a condition for good",
}).map(([rule, reason]) => ({ id: `CloudFormation-Validate::${rule}`, reason }));

/** Puts a state machine's definition into the template instead of its path; its substitutions stay. */
function define(target: CfnStateMachine, templateFile: string): void {
  const file = resolve(templateFile, "..", String(target.definitionUri));
  target.definition = JSON.parse(readFileSync(file, "utf8"));
  target.definitionUri = undefined;
}

/** Values for the template's parameters. */
function parametersOf(props: CpmDeploymentProps): Record<string, string | number | string[]> {
  const all = {
    TimeZone: props.timeZone,
    RootEmail: props.rootEmail,
    AlertTopicArn: props.alertTopic?.topicArn,
    KmsKeyArn: props.key?.keyArn,
    LogRetentionDays: props.logRetention,
    TagScanEnabled: props.tagScans === undefined ? undefined : props.tagScans ? "ENABLED" : "DISABLED",
    TagScanRate: rate(props.tagScanRate),
    CleanupRate: rate(props.cleanupRate),
    MemberAccounts: props.memberAccounts?.length ? props.memberAccounts : undefined,
    MemberRoleNamePattern: props.memberRoleNamePattern,
    RecoveryRoleNamePattern: props.recoveryRoleNamePattern,
    ScriptFunctions: props.scriptFunctions?.length ? props.scriptFunctions : undefined,
    Architecture: props.architecture,
  };
  return Object.fromEntries(Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

function rate(every: Duration | undefined): string | undefined {
  if (every === undefined) return undefined;
  if (Token.isUnresolved(every)) throw new Error("a rate must be known when the stack is synthesized");
  const minutes = every.toMinutes();
  return `rate(${minutes} minute${minutes === 1 ? "" : "s"})`;
}

/** The nearest folder above that holds infra/template.yaml: the package runs from build/ and from its sources. */
function projectFolder(from: string): string {
  for (let folder = from; ; folder = resolve(folder, "..")) {
    if (existsSync(join(folder, "infra", "template.yaml"))) return folder;
    if (folder === resolve(folder, "..")) {
      throw new Error("infra/template.yaml is not found above this package: name the folder with `project`");
    }
  }
}
