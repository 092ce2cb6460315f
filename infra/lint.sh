#!/usr/bin/env bash
# Lints templates, state machines and documents. Needs sam, cfn-lint and python (infra/lint/requirements.txt), and node on the PATH.
# Exits with 1 when there is any finding, with 2 when a tool is missing.
set -u
cd "$(dirname "$0")" || exit 2
export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION="${AWS_DEFAULT_REGION:-us-east-1}"

for tool in sam cfn-lint python node npm; do
  command -v "$tool" >/dev/null || { echo "lint.sh: $tool is missing (see infra/lint)" >&2; exit 2; }
done
# Once, and again after a change of the lock.
if [ ! -e lint/node_modules/.package-lock.json ] || [ lint/package-lock.json -nt lint/node_modules/.package-lock.json ]; then
  npm ci --prefix lint --silent || exit 2
fi

failed=0
run() { # what is linted, the command: silent unless it finds something
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then echo "ok       $what"; else printf 'FINDINGS %s\n%s\n' "$what" "$output"; failed=1; fi
}
run "template.yaml (sam validate)" sam validate --lint --template template.yaml
run "*.yaml (cfn-lint)" cfn-lint -- *.yaml
run "statemachines/*.asl.json" node lint/asl.mjs ../statemachines/*.asl.json
run "documents/*.yaml" python lint/documents.py documents/cpm-vss.yaml
run "documents in the templates" python documents/generate.py --check
exit "$failed"
