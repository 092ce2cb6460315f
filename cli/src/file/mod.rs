//! Policy files and plans of recoveries: reading them, and finding the place of what is wrong.

mod explain;
mod plan;
mod scenario;
mod tree;

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    rc::Rc,
};

use cpm_domain::document::{Document, Merged, Problem};
use serde::de::DeserializeOwned;

use self::{explain::Explained, tree::Tree};
pub(crate) use self::{
    explain::nearest,
    plan::{PlanFile, Printed},
    scenario::ScenarioFile,
};
use crate::fault::{Fault, Faults};

/// The files of a command, as one document.
#[derive(Debug)]
pub(crate) struct Files {
    sources: Vec<Source>,
    /// What they say.
    pub(crate) merged: Merged,
}

#[derive(Debug)]
struct Source {
    name: String,
    text: Rc<str>,
    tree: Tree,
}

impl Files {
    /// Reads files, the policy files of directories, and standard input for `-`. Every file that cannot be read is
    /// told.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Self, Faults> {
        let (mut sources, mut documents, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for path in expand(paths)? {
            match read_one(&path) {
                Ok((source, document)) => {
                    sources.push(source);
                    documents.push(document);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(Self { sources, merged: Document::merge(documents) }) } else { Err(Faults(faults)) }
    }

    /// What makes no sense in them, whatever is deployed.
    pub(crate) fn check(&self) -> Result<(), Faults> {
        let mut problems = self.merged.problems.clone();
        problems.extend(self.merged.document.check());
        if problems.is_empty() { Ok(()) } else { Err(self.faults(&problems)) }
    }

    /// Problems of the document, each at its place.
    pub(crate) fn faults(&self, problems: &[Problem]) -> Faults {
        Faults(problems.iter().map(|problem| self.fault(problem)).collect())
    }

    /// A problem of the document, at its place.
    pub(crate) fn fault(&self, problem: &Problem) -> Fault {
        let fault = Fault::new(&problem.message, &problem.help);
        let Some(place) = self.merged.locate(&problem.path) else { return fault.at(self.names()) };
        let Some(source) = self.sources.get(place.part) else { return fault.at(self.names()) };
        match source.tree.locate(&source.text, &place.path) {
            Some(span) => fault.within(&source.name, &source.text, span),
            None => fault.at(&source.name),
        }
    }

    /// Their names, for a problem of all of them together.
    pub(crate) fn names(&self) -> String {
        self.sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

const STANDARD_INPUT: &str = "-";

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

/// The files that are meant: those in a directory in order of their names.
fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Faults> {
    if paths.iter().filter(|path| is_standard_input(path)).count() > 1 {
        return Err(Fault::new("standard input can be read once only", "give `-` once").into());
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        if is_standard_input(path) || !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut inside = listed(path)?;
        if inside.is_empty() {
            let help = "write one, or name the file; only files that end in .yaml or .yml are read";
            return Err(Fault::new("there is no policy file in this directory", help).at(shown(path)).into());
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

fn listed(directory: &Path) -> Result<Vec<PathBuf>, Fault> {
    let entries = fs::read_dir(directory).map_err(|error| unreadable(directory, &error))?;
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    Ok(paths
        .filter(|path| path.extension().is_some_and(|end| end == "yaml" || end == "yml") && path.is_file())
        .collect())
}

fn read_one(path: &Path) -> Result<(Source, Document), Fault> {
    parse(&shown(path), &text_of(path)?)
}

/// What stands in a file.
fn text_of(path: &Path) -> Result<String, Fault> {
    let bytes = if is_standard_input(path) {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    let bytes = bytes.map_err(|error| unreadable(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n').count();
        Fault::new("this is not text in UTF-8", "save the file as UTF-8").at(format!("{}:{}", shown(path), line + 1))
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

fn parse(name: &str, text: &str) -> Result<(Source, Document), Fault> {
    let help = "write `accounts`, `schedules` or `policies` into it; `cpm export` shows those of a deployment";
    parse_as(name, text, help)
}

/// Reads a text; `if_empty` says what belongs into one that says nothing.
fn parse_as<T: DeserializeOwned>(name: &str, text: &str, if_empty: &str) -> Result<(Source, T), Fault> {
    let text: Rc<str> = text.into();
    let told = |explained: Explained| Fault::new(explained.what, explained.help).within(name, &text, explained.span);
    // First whether it is YAML at all: the reader below would stop at what is missing before a mistake of syntax.
    let tree = Tree::of(&text).map_err(|error| told(explain::syntax(&error, &text)))?;
    let options = serde_saphyr::options! { with_snippet: false };
    let nothing = || Fault::new("the file says nothing", if_empty).at(name);
    let value: T = serde_saphyr::from_str_with_options(&text, options).map_err(|error| {
        if tree.is_empty() && text.lines().all(|line| line.trim().is_empty() || line.trim().starts_with('#')) {
            return nothing();
        }
        told(explain::value(&error, &text, &tree))
    })?;
    if tree.is_empty() {
        return Err(nothing());
    }
    Ok((Source { name: name.to_owned(), text: Rc::clone(&text), tree }, value))
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let help = match error.kind() {
        io::ErrorKind::NotFound => "check the path; it is read from the current directory on",
        io::ErrorKind::PermissionDenied => "ask for the right to read it",
        _ => "see the operating system's message above",
    };
    Fault::new(format!("the file cannot be read: {error}"), help).at(shown(path))
}

fn shown(path: &Path) -> String {
    if is_standard_input(path) { "standard input".to_owned() } else { path.display().to_string() }
}

#[cfg(test)]
mod tests;
