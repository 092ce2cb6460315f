import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { after, test } from "node:test";
import { App, Duration, Stack } from "aws-cdk-lib";
import { Key } from "aws-cdk-lib/aws-kms";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { CpmDeployment, type CpmDeploymentProps } from "../lib/index.js";
import { builtProject, ofType, templateOf, type Json } from "./project.js";

const project = builtProject();
after(() => rmSync(project, { recursive: true }));

function newApp(): App {
  return new App({ analyticsReporting: false, outdir: mkdtempSync(join(project, "out-")) });
}

function synthesize(props: (stack: Stack) => CpmDeploymentProps = () => ({})): Json {
  const app = newApp();
  const stack = new Stack(app, "cpm");
  new CpmDeployment(stack, "Cpm", { project, ...props(stack) });
  const assembly = app.synth();
  const report = join(assembly.directory, "validation-report.json");
  if (existsSync(report)) assert.deepEqual(JSON.parse(readFileSync(report, "utf8")).pluginReports.map(violations), [[]]);
  return assembly.getStackByName("cpm").template;
}

function violations(report: Json): Json[] {
  return report.violations;
}

function names(template: Json): string[] {
  return Object.keys(template.Resources).sort();
}

/** Attributes as lists: the CDK writes `!GetAtt A.B` in its other form, `{"Fn::GetAtt": "A.B"}`. */
function listed(template: Json): Json {
  return JSON.parse(JSON.stringify(template), (key, value) =>
    key === "Fn::GetAtt" && typeof value === "string" ? value.split(".") : value,
  );
}

/** Without what names code and definitions, and without what the CDK adds of its own. */
function comparable(template: Json): Json {
  const { Parameters, Rules, Resources, ...rest } = listed(template);
  delete Parameters.BootstrapVersion;
  delete rest.Description;
  for (const { Properties } of Object.values(Resources) as Json[]) {
    for (const name of ["CodeUri", "DefinitionUri", "Definition"]) delete Properties?.[name];
  }
  return { Parameters, Resources, ...rest };
}

test("the stack is the template", () => {
  const synthesized = synthesize();
  const written = templateOf(project);
  assert.deepEqual(names(synthesized), names(written));
  assert.deepEqual(comparable(synthesized), comparable(written));
});

test("every function is an asset of its own", () => {
  const app = newApp();
  new CpmDeployment(new Stack(app, "cpm"), "Cpm", { project });
  const assembly = app.synth();
  const manifest = JSON.parse(readFileSync(join(assembly.directory, "cpm.assets.json"), "utf8"));
  const { Resources } = assembly.getStackByName("cpm").template;
  const written = templateOf(project).Resources;
  for (const [name, { Type, Properties }] of Object.entries<Json>(Resources)) {
    if (Type !== "AWS::Serverless::Function") continue;
    const hash = basename(Properties.CodeUri.Key, ".zip");
    const { path, packaging } = manifest.files[hash].source;
    assert.equal(packaging, "zip");
    const code = readFileSync(join(assembly.directory, path, "bootstrap"), "utf8");
    assert.match(code, new RegExp(`# ${written[name].Properties.CodeUri}\\n`));
  }
  assert.equal(ofType({ Resources }, "AWS::Serverless::Function").length, 8);
});

test("every state machine has its definition, substitutions and all", () => {
  const { Resources } = synthesize();
  const written = templateOf(project).Resources;
  for (const [name, { Type, Properties }] of Object.entries<Json>(Resources)) {
    if (Type !== "AWS::Serverless::StateMachine") continue;
    const file = resolve(project, "infra", written[name].Properties.DefinitionUri);
    assert.deepEqual(Properties.Definition, JSON.parse(readFileSync(file, "utf8")));
    assert.deepEqual(listed(Properties.DefinitionSubstitutions), written[name].Properties.DefinitionSubstitutions);
    assert.equal(Properties.DefinitionUri, undefined);
  }
});

test("what is given takes the place of the parameter", () => {
  const { Parameters, Resources, Globals, Conditions } = synthesize((stack) => ({
    timeZone: "Europe/Berlin",
    rootEmail: "root@example.com",
    alertTopic: new Topic(stack, "Alerts"),
    key: new Key(stack, "Own"),
    logRetention: RetentionDays.ONE_YEAR,
    tagScans: false,
    tagScanRate: Duration.hours(12),
    cleanupRate: Duration.minutes(1),
    memberAccounts: ["111122223333", "444455556666"],
    memberRoleNamePattern: "backup-*",
    recoveryRoleNamePattern: "restore-*",
    scriptFunctions: ["arn:aws:lambda:us-east-1:111122223333:function:quiesce"],
    architecture: "x86_64",
  }));
  assert.deepEqual(Object.keys(Parameters), ["BootstrapVersion"]);
  assert.equal(Globals.Function.Environment.Variables.CPM_TIMEZONE, "Europe/Berlin");
  assert.deepEqual(Globals.Function.Architectures, ["x86_64"]);
  assert.equal(Resources.ApiLogs.Properties.RetentionInDays, 365);
  assert.equal(Resources.TagScanSchedule.Properties.State, "DISABLED");
  assert.equal(Resources.TagScanSchedule.Properties.ScheduleExpression, "rate(720 minutes)");
  assert.equal(Resources.CleanupSchedule.Properties.ScheduleExpression, "rate(1 minute)");
  assert.deepEqual(Resources.MemberEventsPolicy.Properties.Statement.Principal.AWS, ["111122223333", "444455556666"]);
  assert.equal(Resources.RootEmailSubscription.Properties.Endpoint, "root@example.com");
  assert.equal(JSON.stringify(Conditions).includes("Ref"), false, "a condition refers to a resource");
  assert.deepEqual(Resources.NotifierFunction.Properties.Environment.Variables.CPM_ALERT_TOPIC["Fn::If"][0], "MakeTopic");
  assert.match(JSON.stringify(Resources.BackupRole), /role\/backup-\*/);
  assert.match(JSON.stringify(Resources.RecovererRole), /role\/backup-\*-recovery/);
  assert.match(JSON.stringify(Resources.RecovererRole), /role\/restore-\*/);
  assert.match(JSON.stringify(Resources.BackupRole), /function:quiesce/);
});

test("what CloudFormation would refuse is refused", () => {
  const refused: [CpmDeploymentProps, RegExp][] = [
    [{ rootEmail: "nobody" }, /RootEmail cannot be "nobody": an e-mail address, or nothing/],
    [{ memberAccounts: ["111122223333", "12"] }, /MemberAccounts cannot be "12"/],
    [{ scriptFunctions: ["quiesce"] }, /ScriptFunctions cannot be "quiesce": ARNs of Lambda functions/],
    [{ logRetention: 4 as RetentionDays }, /LogRetentionDays cannot be 4: one of 1, 3, 5/],
    [{ tagScanRate: Duration.seconds(90) }, /'90 seconds' cannot be converted into a whole number of minutes/],
  ];
  for (const [props, message] of refused) assert.throws(() => synthesize(() => props), message);
});

test("a function that was not built is named", () => {
  const other = builtProject();
  rmSync(join(other, "dist/cleaner/bootstrap"));
  assert.throws(() => synthesize(() => ({ project: other })), /dist\/cleaner\/bootstrap is missing/);
  rmSync(other, { recursive: true });
});

test("cdk synth works by itself", () => {
  const output = join(project, "cdk.out");
  const cdk = resolve(__dirname, "../../node_modules/.bin/cdk");
  const context = ["-c", `project=${project}`, "-c", "stack=mine"];
  execFileSync(cdk, ["synth", "--quiet", "-o", output, ...context], { cwd: resolve(__dirname, "../.."), stdio: "pipe" });
  const template = JSON.parse(readFileSync(join(output, "mine.template.json"), "utf8"));
  assert.deepEqual(names(template), names(templateOf(project)));
});
