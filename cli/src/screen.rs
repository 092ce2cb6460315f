//! What goes out and what comes in: answers on standard output, everything else on standard error.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use serde::Serialize;
use terminal_size::{Width, terminal_size_of};

use crate::{
    fault::{Fault, Faults},
    table::Layout,
};

/// The terminal, or what stands in for it.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    json: bool,
    layout: Layout,
    watched: bool,
    color: bool,
}

impl Screen {
    /// Looks at where the streams of the process lead.
    pub(crate) fn new(json: bool) -> Self {
        // https://no-color.org: any value that is not empty.
        let color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let terminal = io::stdout().is_terminal();
        let width = terminal_size_of(io::stdout()).filter(|_| terminal).map(|(Width(width), _)| width);
        Self {
            json,
            layout: Layout { width, color: terminal && color },
            watched: io::stderr().is_terminal(),
            color: color && io::stderr().is_terminal(),
        }
    }

    /// Whether programs read the answer.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether somebody sees what happens on standard error.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched
    }

    /// The answer: as JSON if that was asked for, else for people.
    pub(crate) fn answer<T: Serialize>(&self, value: &T, people: impl FnOnce(Layout) -> String) -> Result<(), Fault> {
        if !self.json {
            return print(&people(self.layout));
        }
        let json = serde_json::to_string_pretty(value).map_err(|error| {
            Fault::new(format!("the answer cannot be written as JSON: {error}"), "report this as a bug of cpm")
        })?;
        print(&format!("{json}\n"))
    }

    /// Tells what failed.
    pub(crate) fn fault(&self, faults: &Faults) {
        let blocks: Vec<String> = faults.0.iter().map(|fault| fault.render(self.color)).collect();
        let _ = write!(io::stderr(), "{}", blocks.join("\n"));
    }

    /// Whether somebody is there to be asked.
    pub(crate) fn can_ask(&self) -> bool {
        self.watched && io::stdin().is_terminal()
    }

    /// Asks a question that is answered by `yes` or `no`. Without a terminal nobody answers: then the way out is `--yes`.
    pub(crate) fn confirm(&self, question: &str) -> Result<bool, Fault> {
        if !self.can_ask() {
            let help = "look at it first, then pass --yes to do it without being asked";
            return Err(Fault::new(format!("nobody can be asked here: {question}"), help));
        }
        let mut lines = io::stdin().lock();
        loop {
            let _ = write!(io::stderr(), "{question} [yes/no] ").and_then(|()| io::stderr().flush());
            let mut line = String::new();
            match lines.read_line(&mut line) {
                Ok(0) => {
                    tell("");
                    return Ok(false);
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
                Err(error) => return Err(Fault::new(format!("the answer cannot be read: {error}"), "pass --yes")),
            }
            match understood(&line) {
                Some(answer) => return Ok(answer),
                None => tell("Write `yes` to go on, or `no` to leave everything as it is."),
            }
        }
    }
}

/// Writes to standard output as it is.
pub(crate) fn print(text: &str) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever read it has enough, such as `head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Fault::new(format!("the answer cannot be written: {error}"), "check where it goes")),
        Ok(()) => Ok(()),
    }
}

/// Tells something that is no answer. Nobody need hear it, so that a broken standard error changes nothing.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A bare Enter is no answer: what cannot be undone is not done by habit.
fn understood(line: &str) -> Option<bool> {
    match line.trim().to_lowercase().as_str() {
        "yes" | "y" => Some(true),
        "no" | "n" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    #[rstest]
    #[case("yes\n", Some(true))]
    #[case(" Y \r\n", Some(true))]
    #[case("no\n", Some(false))]
    #[case("N", Some(false))]
    #[case("\n", None)]
    #[case("yess\n", None)]
    #[case("ye s\n", None)]
    #[case("ja\n", None)]
    fn answers(#[case] line: &str, #[case] understood: Option<bool>) {
        assert_eq!(super::understood(line), understood);
    }
}
