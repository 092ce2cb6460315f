//! Scenarios: reading one, and finding the place of what is wrong with it.

use std::path::Path;

use cpm_domain::{document::Problem, scenario::Spec};

use super::{Source, parse_as, shown, text_of};
use crate::fault::Fault;

/// A scenario that was written down.
#[derive(Debug)]
pub(crate) struct ScenarioFile {
    source: Source,
    /// What it says.
    pub(crate) scenario: Spec,
}

impl ScenarioFile {
    /// Reads a file, or standard input for `-`.
    pub(crate) fn read(path: &Path) -> Result<Self, Fault> {
        Self::parse(&shown(path), &text_of(path)?)
    }

    fn parse(name: &str, text: &str) -> Result<Self, Fault> {
        let help = "write `name` and `steps` into it, each with `recover` or `check`";
        let (source, scenario): (Source, Spec) = parse_as(name, text, help)?;
        Ok(Self { source, scenario })
    }

    /// A problem, at its place.
    pub(crate) fn fault(&self, problem: &Problem) -> Fault {
        let Source { name, text, tree } = &self.source;
        let fault = Fault::new(&problem.message, &problem.help);
        match tree.locate(text, &problem.path) {
            Some(span) => fault.within(name, text, span),
            None => fault.at(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_told_at_their_places() {
        let text = "\
name: shop
steps:
  - name: db
    recover:
      backup: 17
      rds: {id: orders-2}
  - name: web
    needs: [dbs]
    recover:
      backup: 18
      instance:
        user_data: |
          #!/bin/sh
          echo ${db.endpoint}
";
        let file = ScenarioFile::parse("shop.yaml", text).unwrap();
        let told: Vec<String> =
            file.scenario.check().iter().map(|problem| format!("{:?}", file.fault(problem))).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told.iter().all(|fault| fault.contains("shop.yaml")), "{told:?}");
        let unknown = ScenarioFile::parse("x.yaml", "name: shop\nsteps: []\nstep: 1\n").unwrap_err();
        assert!(format!("{unknown:?}").contains("step"), "{unknown:?}");
    }
}
