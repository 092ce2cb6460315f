import { readFileSync } from "node:fs";
import { Token } from "aws-cdk-lib";
import { parse } from "yaml";

interface Parameter {
  readonly AllowedPattern?: string;
  readonly AllowedValues?: (string | number)[];
  readonly ConstraintDescription?: string;
}

/**
 * Refuses what CloudFormation would refuse: values that are put in while synthesizing are no parameters any more, so it
 * does not look at them. Values that are known at deployment only pass.
 */
export function check(templateFile: string, values: Record<string, string | number | string[]>): void {
  const silent = { logLevel: "silent" } as const;
  const parameters: Record<string, Parameter> = parse(readFileSync(templateFile, "utf8"), silent).Parameters;
  for (const [name, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (Token.isUnresolved(one)) continue;
      const { AllowedPattern: pattern, AllowedValues: list, ConstraintDescription: wanted } = parameters[name] ?? {};
      const bad = list ? !list.includes(one) : pattern !== undefined && !new RegExp(`^(?:${pattern})$`).test(String(one));
      if (bad) throw new Error(`${name} cannot be ${JSON.stringify(one)}: ${wanted ?? `one of ${list?.join(", ")}`}`);
    }
  }
}
