//! Plans of recoveries: reading one, and finding the place of what is wrong with it.

use std::{path::Path, rc::Rc};

use cpm_domain::recovery::plan::{Form, Plan, PlanProblem, RecoveryKind, VolumePlan, Wanted};

use super::{Source, parse_as, shown, text_of, tree::Tree};
use crate::fault::Fault;

/// A plan that was written down.
#[derive(Debug)]
pub(crate) struct PlanFile {
    source: Source,
    /// What it says.
    pub(crate) plan: Plan,
}

/// A plan that was printed, with all that it left out.
#[derive(Debug)]
pub(crate) struct Printed {
    name: String,
    text: Rc<str>,
    tree: Option<Tree>,
}

impl PlanFile {
    /// Reads a file, or standard input for `-`. It is to be of a kind.
    pub(crate) fn read(path: &Path, kind: RecoveryKind) -> Result<Self, Fault> {
        Self::parse(&shown(path), &text_of(path)?, kind)
    }

    pub(super) fn parse(name: &str, text: &str, kind: RecoveryKind) -> Result<Self, Fault> {
        let help = format!("`cpm recover {kind} BACKUP --plan` prints a plan");
        let (source, form): (Source, Form) = parse_as(name, text, &help)?;
        let plan = Plan::try_from(form).map_err(|error| {
            let (what, help) = error.to_string().split_once(": ").map_or_else(
                || (error.to_string(), String::new()),
                |(what, help)| (what.to_owned(), help.to_owned()),
            );
            Fault::new(what, help).at(name)
        })?;
        let file = Self { source, plan };
        match file.plan.wanted.kind() {
            written if written == kind => Ok(file),
            written => {
                let what = format!("this is a plan of `{written}`, and the command recovers `{kind}`");
                Err(file.at(written.as_str(), Fault::new(what, format!("run `cpm recover {written}` with it"))))
            }
        }
    }

    /// A fault at the place that a path names, or at the nearest thing around it.
    fn at(&self, path: &str, fault: Fault) -> Fault {
        let Source { name, text, tree } = &self.source;
        match tree.locate(text, path) {
            Some(span) => fault.within(name, text, span),
            None => fault.at(name),
        }
    }

    /// The path in the file of what `path` names in the plan with all that it left out: volumes are known by their ids.
    fn path(&self, path: &str, whole: &Plan) -> Option<String> {
        let Some((before, number, after)) = volume_in(path) else { return Some(path.to_owned()) };
        let volume = &volumes(whole).get(number)?.volume;
        let here = volumes(&self.plan).iter().position(|written| written.volume == *volume)?;
        Some(format!("{before}[{here}]{after}"))
    }
}

impl Printed {
    /// A text that reads as YAML.
    pub(crate) fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.into(), tree: Tree::of(text).ok() }
    }

    /// What is wrong with a plan: where the file says it; else where the whole plan does; else near to it in the file.
    pub(crate) fn fault(&self, problem: &PlanProblem, whole: &Plan, file: Option<&PlanFile>) -> Fault {
        let fault = Fault::new(&problem.message, &problem.advice);
        let path = file.and_then(|file| file.path(&problem.field, whole));
        if let (Some(PlanFile { source, .. }), Some(path)) = (file, &path)
            && let Some(span) = source.tree.find(&source.text, path)
        {
            return fault.within(&source.name, &source.text, span);
        }
        let tree = self.tree.as_ref();
        if let Some(span) = tree.and_then(|tree| tree.find(&self.text, &problem.field)) {
            return fault.within(&self.name, &self.text, span);
        }
        match file {
            Some(file) => file.at(&path.unwrap_or_default(), fault.note(format!("it is about `{}`", problem.field))),
            None => fault.at(&problem.field),
        }
    }
}

/// `instance.volumes[2].size` as what is before the brackets, the number, and what is after them.
fn volume_in(path: &str) -> Option<(&str, usize, &str)> {
    let (before, rest) = path.split_once('[').filter(|(before, _)| before.ends_with("volumes"))?;
    let (number, after) = rest.split_once(']')?;
    Some((before, number.parse().ok()?, after))
}

fn volumes(plan: &Plan) -> &[VolumePlan] {
    match &plan.wanted {
        Wanted::Instance(wanted) => &wanted.volumes,
        Wanted::Volumes(wanted) => &wanted.volumes,
        Wanted::Rds(_) | Wanted::Aurora(_) | Wanted::Redshift(_) | Wanted::Dynamodb(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const WRITTEN: &str = "\
backup: 17
instance:
  type: m5.huge
  volumes:
    - {volume: vol-0123456789abcdef1, size: 4}
";

    const WHOLE: &str = "\
backup: 17
region: us-east-1
instance:
  type: m5.huge
  subnet: subnet-1
  volumes:
    - volume: vol-0123456789abcdef0
      size: 8
    - volume: vol-0123456789abcdef1
      size: 4
";

    fn problem(field: &str) -> PlanProblem {
        PlanProblem { field: field.into(), message: "it is wrong".into(), advice: "write another".into() }
    }

    #[rstest]
    // As the file says it.
    #[case("instance.type", "p.yaml:3:9")]
    #[case("instance.volumes[1].size", "p.yaml:5:45")]
    // As the source was.
    #[case("instance.volumes[0].size", "whole:8:13")]
    #[case("instance.subnet", "whole:5:11")]
    // Nowhere.
    #[case("instance.image", "p.yaml:2:1")]
    fn places(#[case] field: &str, #[case] place: &str) {
        let file = PlanFile::parse("p.yaml", WRITTEN, RecoveryKind::Instance).unwrap();
        let whole = PlanFile::parse("whole", WHOLE, RecoveryKind::Instance).unwrap().plan;
        let shown = Printed::new("whole", WHOLE).fault(&problem(field), &whole, Some(&file)).render(false);
        assert!(shown.contains(place), "{shown}");
    }

    #[test]
    fn without_a_file() {
        let whole = PlanFile::parse("whole", WHOLE, RecoveryKind::Instance).unwrap().plan;
        let text = Printed::new("whole", WHOLE);
        let shown = text.fault(&problem("instance.volumes[1].size"), &whole, None).render(false);
        assert!(shown.contains("whole:10:13"), "{shown}");
        let shown = text.fault(&problem("instance.image"), &whole, None).render(false);
        assert!(shown.contains("--> instance.image"), "{shown}");
    }
}
