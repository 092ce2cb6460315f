//! All that is wrong with a scenario, at once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    CheckSpec, MAX_STEPS, Spec, StepSpec,
    reference::{Reference, TemplateError, references, values_of},
    run::{fill_plan, texts},
};
use crate::{
    document::Problem,
    id::InstanceId,
    recovery::plan::{Plan, RecoveryKind},
    script::{SsmCommand, SsmSpec},
};

impl Spec {
    /// All that is wrong with it, whatever is deployed, in the order of the file.
    pub fn check(&self) -> Vec<Problem> {
        let mut checker = Checker { spec: self, kinds: BTreeMap::new(), problems: Vec::new() };
        for step in &self.steps {
            checker.kinds.insert(&step.name, step.recover.as_ref().and_then(kind_of));
        }
        if self.steps.is_empty() {
            checker.wrong("steps", "there is none", "write the recoveries, and what checks them");
        }
        if self.steps.len() > MAX_STEPS {
            let message = format!("they are {}, and {MAX_STEPS} are the most", self.steps.len());
            checker.wrong("steps", message, "make two scenarios of it");
        }
        for (n, step) in self.steps.iter().enumerate() {
            checker.step(n, step);
        }
        checker.cycle();
        checker.problems
    }

    /// The steps that a step needs, and those that these need, by name.
    fn all_needs<'a>(&'a self, step: &'a StepSpec) -> BTreeSet<&'a str> {
        let mut all = BTreeSet::new();
        let mut open: Vec<&str> = step.needs.iter().map(String::as_str).collect();
        while let Some(name) = open.pop() {
            if all.insert(name) {
                let needed = self.steps.iter().filter(|other| other.name == name);
                open.extend(needed.flat_map(|other| other.needs.iter().map(String::as_str)));
            }
        }
        all
    }
}

/// What a plan recovers, as far as that can be told.
fn kind_of(plan: &Value) -> Option<RecoveryKind> {
    RecoveryKind::ALL.into_iter().find(|kind| plan.get(kind.as_str()).is_some())
}

struct Checker<'a> {
    spec: &'a Spec,
    /// What each step recovers; none: nothing, or nobody knows what.
    kinds: BTreeMap<&'a str, Option<RecoveryKind>>,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    fn wrong(&mut self, path: impl Into<String>, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem::new(path, message, help));
    }

    fn step(&mut self, n: usize, step: &'a StepSpec) {
        self.name(n, step);
        self.needs(n, step);
        match (&step.recover, &step.check) {
            (Some(plan), None) => self.recover(n, step, plan),
            (None, Some(check)) => self.check(n, step, check),
            (None, None) => {
                self.wrong(format!("steps[{n}]"), "the step does nothing", "write one of `recover` and `check`");
            }
            (Some(_), Some(_)) => {
                let help = "make two steps of it: the check `needs` the recovery";
                self.wrong(format!("steps[{n}].check"), "the step is one of `recover` and `check`", help);
            }
        }
    }

    fn name(&mut self, n: usize, step: &StepSpec) {
        let name = &step.name;
        let path = format!("steps[{n}].name");
        let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_legal) {
            self.wrong(&path, format!("`{name}` is no name of a step"), "1 to 64 letters, digits, `_` and `-`");
        }
        if let Some(before) = self.spec.steps.iter().take(n).position(|other| other.name == *name) {
            let message = format!("step `{name}` is there already, at steps[{before}]");
            self.wrong(path, message, "give it another name");
        }
    }

    fn needs(&mut self, n: usize, step: &StepSpec) {
        for (i, need) in step.needs.iter().enumerate() {
            let path = format!("steps[{n}].needs[{i}]");
            if *need == step.name {
                self.wrong(path, "the step needs itself", "take it out");
            } else if !self.kinds.contains_key(need.as_str()) {
                self.wrong(path, format!("there is no step `{need}`"), self.known());
            } else if step.needs.iter().take(i).any(|other| other == need) {
                self.wrong(path, format!("`{need}` is named twice"), "name it once");
            }
        }
    }

    fn known(&self) -> String {
        let names: Vec<String> = self.spec.steps.iter().map(|step| format!("`{}`", step.name)).collect();
        format!("there is {}", names.join(", "))
    }

    fn recover(&mut self, n: usize, step: &StepSpec, plan: &Value) {
        let path = format!("steps[{n}].recover");
        let before = self.problems.len();
        for (field, text) in texts(plan) {
            self.references(step, &format!("{path}{field}"), &text);
        }
        if self.problems.len() > before {
            return;
        }
        let example = |reference: &Reference| {
            let kind = self.kinds.get(reference.step.as_str()).copied().flatten();
            let values = kind.map(values_of).unwrap_or_default();
            let value = values.iter().find(|(name, _)| *name == reference.value);
            Ok::<_, String>(value.map_or(String::new(), |(_, example)| (*example).to_owned()))
        };
        let filled = fill_plan(plan, example)
            .and_then(|plan| serde_json::from_value::<Plan>(plan).map_err(|error| error.to_string()));
        if let Err(message) = filled {
            self.wrong(path, message, "write it as a plan of `cpm recover`: `cpm recover … --plan` prints one");
        }
    }

    fn check(&mut self, n: usize, step: &StepSpec, check: &CheckSpec) {
        let path = format!("steps[{n}].check");
        let instance = &check.ssm.instance;
        let at = format!("{path}.ssm.instance");
        match references(instance).as_deref() {
            Ok([reference]) if reference.to_string() == *instance => {
                self.references(step, &at, instance);
                if let Some(Some(kind)) = self.kinds.get(reference.step.as_str())
                    && *kind != RecoveryKind::Instance
                {
                    let message = format!("step `{}` recovers no instance", reference.step);
                    self.wrong(at, message, "name a step that does, or the id of an instance");
                }
            }
            Ok([]) => self.named_instance(&path, check),
            _ => self.wrong(at, format!("`{instance}` is no instance"), "write `${step.instance}`, or its id alone"),
        }
        for (name, text) in &check.env {
            let at = format!("{path}.env.{name}");
            let is_legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(is_legal) {
                self.wrong(&at, format!("`{name}` is no name of a variable"), "letters, digits and `_`");
            }
            self.references(step, &at, text);
        }
        if check.timeout < CheckSpec::LEAST || check.timeout > CheckSpec::MOST {
            let message = format!("it is {}, and may be {} to {}", check.timeout, CheckSpec::LEAST, CheckSpec::MOST);
            self.wrong(format!("{path}.timeout"), message, "10m is the default");
        }
        if let Err(wrongs) = check.command() {
            for (field, message, help) in wrongs {
                self.wrong(format!("{path}.{field}"), message, help);
            }
        }
    }

    fn named_instance(&mut self, path: &str, check: &CheckSpec) {
        if let Err(error) = check.ssm.instance.parse::<InstanceId>() {
            self.wrong(format!("{path}.ssm.instance"), error.to_string(), "or write `${step.instance}`");
        }
        if check.ssm.region.is_none() {
            self.wrong(format!("{path}.ssm"), "the Region of the instance is missing", "write `region`");
        }
        if check.ssm.account.is_none() {
            self.wrong(format!("{path}.ssm"), "the account of the instance is missing", "write `account`");
        }
    }

    fn references(&mut self, step: &StepSpec, path: &str, text: &str) {
        let found = match references(text) {
            Ok(found) => found,
            Err(error @ TemplateError::NoReference(_)) => {
                let help = "write `${step.value}`; `$${` for a text that holds `${` itself";
                return self.wrong(path, error.to_string(), help);
            }
            Err(error @ TemplateError::Open) => {
                return self.wrong(
                    path,
                    error.to_string(),
                    "end it with `}`; `$${` for a text that holds `${` itself",
                );
            }
        };
        for reference in found {
            self.reference(step, path, &reference);
        }
    }

    fn reference(&mut self, step: &StepSpec, path: &str, reference: &Reference) {
        let Reference { step: name, value } = reference;
        let Some(kind) = self.kinds.get(name.as_str()).copied() else {
            return self.wrong(path, format!("{reference}: there is no step `{name}`"), self.known());
        };
        if !self.spec.all_needs(step).contains(name.as_str()) {
            let message = format!("{reference}: the step does not need `{name}`, so that it may run before it");
            self.wrong(path, message, format!("add `{name}` to its `needs`"));
        }
        let Some(kind) = kind else {
            let message = format!("{reference}: step `{name}` makes nothing");
            return self.wrong(path, message, "name a step that recovers");
        };
        let values = values_of(kind);
        if !values.iter().any(|(known, _)| known == value) {
            let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
            let message = format!("{reference}: a recovery of kind {kind} has no `{value}`");
            self.wrong(path, message, format!("it has {}", names.join(", ")));
        }
    }

    /// Names the steps that wait for each other.
    fn cycle(&mut self) {
        let circular = |step: &&StepSpec| {
            step.needs.iter().any(|need| *need != step.name) && self.spec.all_needs(step).contains(step.name.as_str())
        };
        let names: Vec<&str> = self.spec.steps.iter().filter(circular).map(|step| step.name.as_str()).collect();
        if !names.is_empty() {
            let message = format!("the steps {} need each other: none of them can be the first", names.join(", "));
            self.wrong("steps", message, "take one of their `needs` out");
        }
    }
}

impl CheckSpec {
    /// What runs, or all that is wrong with it: the field, why, and what to do.
    pub fn command(&self) -> Result<SsmCommand, Vec<(String, String, &'static str)>> {
        let spec = SsmSpec {
            shell: self.ssm.shell.clone(),
            powershell: self.ssm.powershell.clone(),
            document: self.ssm.document.clone(),
            ..SsmSpec::default()
        };
        spec.to_command().map_err(|wrong| vec![(wrong.field, wrong.message, wrong.help)])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(steps: &Value) -> Vec<String> {
        let spec: Spec = serde_json::from_value(json!({"name": "shop", "steps": steps})).unwrap();
        spec.check().iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
    }

    fn shop() -> Value {
        json!([
            {"name": "db", "recover": {"backup": 17, "rds": {"id": "orders-2"}}},
            {"name": "web", "needs": ["db"], "recover": {"backup": 18, "source": "i-1a2b3c4d", "instance": {
                "user_data": "#!/bin/sh\necho ${db.endpoint} $${HOME}\n", "tags": {"db": "${db.id}"}}}},
            {"name": "disk", "needs": ["web"], "recover": {"backup": 18, "volumes": {"attach_to": "${web.instance}"}}},
            {"name": "works", "needs": ["disk"], "check": {
                "ssm": {"instance": "${web.instance}", "shell": "curl -f http://$WEB/ ${X}"},
                "env": {"WEB": "${web.private_ip}", "DB": "${db.endpoint}:${db.port}"}}}
        ])
    }

    #[test]
    fn one_that_makes_sense() {
        assert_eq!(problems(&shop()), Vec::<String>::new());
    }

    #[test]
    fn what_makes_no_sense_is_told_all_at_once() {
        let spoilt = [
            ("/0/name", json!("a.b")),
            ("/1/name", json!("db")),
            ("/1/needs", json!(["db", "dbs", "web", "db"])),
            ("/1/needs", json!([])),
            ("/0/needs", json!(["works"])),
            ("/0/recover", Value::Null),
            ("/0/check", json!({"ssm": {"instance": "i-1a2b3c4d", "shell": "x"}})),
            (
                "/1/recover/instance/tags",
                json!({"a": "${dbs.id}", "b": "${db.instance}", "c": "${HOME}", "d": "${db.id"}),
            ),
            ("/1/recover/instance", json!({"typ": "x"})),
            ("/1/recover", json!({"backup": 18})),
            ("/2/recover/volumes/attach_to", json!("${db.id}")),
            ("/3/check/ssm/instance", json!("i-1a2b3c4d")),
            ("/3/check/ssm/instance", json!("web")),
            ("/3/check/ssm/instance", json!("x${web.instance}")),
            ("/3/check/ssm/instance", json!("${db.id}")),
            ("/3/check/ssm/shell", json!("")),
            ("/3/check/ssm/powershell", json!("x")),
            ("/3/check/env", json!({"1A": "x", "B": "${works.id}"})),
            ("/3/check/timeout", json!("5s")),
        ];
        let told: Vec<String> = spoilt
            .into_iter()
            .map(|(at, value)| {
                let mut steps = shop();
                let (parent, field) = at.rsplit_once('/').unwrap();
                steps.pointer_mut(parent).unwrap()[field] = value.clone();
                format!("{at} = {value}\n{}\n", problems(&steps).join("\n"))
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn too_few_and_too_many() {
        assert_eq!(problems(&json!([])), ["steps: there is none"]);
        let many: Vec<Value> =
            (0..51).map(|n| json!({"name": format!("s{n}"), "recover": {"backup": 1, "dynamodb": {}}})).collect();
        assert_eq!(problems(&json!(many)), ["steps: they are 51, and 50 are the most"]);
    }
}
