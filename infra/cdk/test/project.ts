// A project as the construct expects it, with functions that were "built", and the template as it is written.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse, YAMLMap, type CollectionTag, type ScalarTag } from "yaml";

const SOURCE = resolve(__dirname, "../../../..");

export type Json = { [key: string]: any };

/** A copy of template and state machines in a folder of its own, with an executable for each function. */
export function builtProject(): string {
  const project = mkdtempSync(join(tmpdir(), "cpm-cdk-"));
  mkdirSync(join(project, "infra"));
  cpSync(join(SOURCE, "infra/template.yaml"), join(project, "infra/template.yaml"));
  cpSync(join(SOURCE, "statemachines"), join(project, "statemachines"), { recursive: true });
  for (const { Properties } of ofType(templateOf(project), "AWS::Serverless::Function")) {
    const folder = resolve(project, "infra", Properties.CodeUri);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "bootstrap"), `#!/bin/sh\n# ${Properties.CodeUri}\n`, { mode: 0o755 });
  }
  return project;
}

export function ofType(template: Json, type: string): Json[] {
  return (Object.values(template.Resources) as Json[]).filter((resource) => resource.Type === type);
}

/** infra/template.yaml with CloudFormation's short forms (`!Ref`, `!Sub`, …) written out. */
export function templateOf(project: string): Json {
  const names = ["Equals", "GetAtt", "If", "Join", "Not", "Ref", "Select", "Split", "Sub"];
  const long = (name: string) => (name === "Ref" ? name : `Fn::${name}`);
  const scalars: ScalarTag[] = names.map((name) => ({
    tag: `!${name}`,
    resolve: (text) => ({ [long(name)]: name === "GetAtt" ? text.split(".") : text }),
  }));
  const lists: CollectionTag[] = names.map((name) => ({
    tag: `!${name}`,
    collection: "seq",
    resolve: (list) => {
      const map = new YAMLMap();
      map.set(long(name), list);
      return map;
    },
  }));
  const text = readFileSync(join(project, "infra/template.yaml"), "utf8");
  return parse(text, { customTags: [...scalars, ...lists] });
}
