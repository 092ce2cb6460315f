//! `cpm schedule preview`: what a schedule of a file will do, without a deployment.

use std::{path::PathBuf, slice};

use clap::Args;
use cpm_domain::{
    document::Problem,
    name::ScheduleName,
    schedule::{Preview as Runs, Schedule, ScheduleSpec, Zone},
};
use jiff::{
    Timestamp, Zoned,
    civil::{Date, DateTime},
};

use crate::{
    command::{Answer, Outcome},
    deployment::Session,
    fault::{Fault, Faults},
    file::Files,
    times::now,
};

#[derive(Debug, Args)]
pub(crate) struct Preview {
    /// The policy file, or `-` for standard input
    file: PathBuf,
    /// The schedule, if the file has several
    #[arg(long)]
    name: Option<ScheduleName>,
    /// Runs at or after it: an instant such as `2026-03-28T12:00:00Z` or `2026-03-28T13:00+01:00`; or, in the
    /// schedule's time zone, a local time such as `2026-03-28T13:00` or a day such as `2026-03-28` [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    from: Option<Since>,
    /// How many runs; fewer are shown only when there are no more
    #[arg(long, default_value_t = 10, value_parser = count)]
    count: usize,
}

/// An instant as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Instant(Timestamp),
    Local(DateTime),
}

/// `cpm schedule preview FILE`.
pub(super) fn preview(session: &Session, preview: &Preview) -> Answer {
    let files = Files::read(slice::from_ref(&preview.file))?;
    let schedule = chosen(&files, preview.name.as_ref())?;
    let from = match preview.from {
        None => now(),
        Some(Since::Instant(instant)) => instant,
        Some(Since::Local(local)) => schedule.zone().time_zone().to_timestamp(local).map_err(|error| {
            Fault::new(format!("`--from` is out of reach: {error}"), "give a time nearer to ours")
        })?,
    };
    let runs = schedule.preview(from, preview.count);
    session.screen.answer(&runs, |_| shown(&schedule, &runs, preview.count))?;
    Ok(Outcome::Good)
}

/// The schedule that is meant, which must be right; others may be wrong.
fn chosen(files: &Files, name: Option<&ScheduleName>) -> Result<Schedule, Faults> {
    let schedules = &files.merged.document.schedules;
    let names = || schedules.iter().map(|spec| format!("`{}`", spec.name)).collect::<Vec<_>>().join(", ");
    let fitting = |(_, spec): &(usize, &ScheduleSpec)| name.is_none_or(|name| spec.name == name.as_str());
    // Of two with one name it is the second that is wrong.
    let (what, help) = match (schedules.iter().enumerate().rfind(fitting), name) {
        (Some((n, spec)), name) if name.is_some() || schedules.len() == 1 => return right(files, n, spec),
        (Some(_), _) => ("the file has several schedules".to_owned(), format!("pass --name with one of {}", names())),
        (None, Some(name)) if !schedules.is_empty() => {
            (format!("there is no schedule `{name}` in the file"), format!("it has {}", names()))
        }
        (None, _) => ("there is no schedule in the file".to_owned(), "write one below `schedules:`".to_owned()),
    };
    Err(Fault::new(what, help).at(files.names()).into())
}

fn right(files: &Files, n: usize, spec: &ScheduleSpec) -> Result<Schedule, Faults> {
    let own = format!("schedules[{n}]");
    let mut problems = files.merged.document.check();
    problems.retain(|problem| problem.path.starts_with(&own));
    if !problems.is_empty() {
        return Err(files.faults(&problems));
    }
    spec.resolve(&Zone::utc()).map_err(|error| {
        let path = format!("{own}.{}", error.field());
        files.fault(&Problem::new(path, error.problem().to_string(), "")).into()
    })
}

fn shown(schedule: &Schedule, preview: &Runs, wanted: usize) -> String {
    let line = |run: &Zoned| format!("{}\n", run.strftime("%a %Y-%m-%d %H:%M:%S %:z"));
    let mut shown: String = preview.runs.iter().map(line).collect();
    if preview.runs.is_empty() && wanted > 0 {
        shown.push_str("No run.\n");
    } else if preview.runs.len() < wanted {
        shown.push_str("No more runs.\n");
    }
    let heading = format!("`{}` runs {}, in {}:\n", schedule.name(), schedule.repeat(), schedule.zone());
    let warnings = preview.warnings.iter().map(|warning| format!("warning: {}\n", warning.message));
    let warnings = warnings.collect::<Vec<_>>().concat();
    [heading, shown, warnings].concat()
}

/// The most runs at once.
const MAX_COUNT: usize = 100_000;

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count <= MAX_COUNT => Ok(count),
        _ => Err(format!("write a whole number from 0 to {MAX_COUNT}")),
    }
}

/// Reads an instant, a local time or a day. A day is the midnight that begins it.
fn instant(text: &str) -> Result<Since, String> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(Since::Instant(instant));
    }
    if let Ok(zoned) = text.parse::<Zoned>() {
        return Ok(Since::Instant(zoned.timestamp()));
    }
    // Written as it was read, and nothing else: what stood behind it, such as an unknown zone, would be passed over.
    let time = text.parse().ok().filter(|time: &DateTime| is_written_so(text, &time.to_string()));
    let day = || text.parse().ok().filter(|day: &Date| day.to_string() == text).map(|day: Date| day.at(0, 0, 0, 0));
    time.or_else(day).map(Since::Local).ok_or_else(|| {
        "write an instant such as `2026-03-28T12:00:00Z`, or a time or day of the schedule's zone such as \
         `2026-03-28T13:00` or `2026-03-28`"
            .to_owned()
    })
}

fn is_written_so(text: &str, time: &str) -> bool {
    let text = text.replace([' ', 't'], "T");
    time == text || time.strip_suffix(":00") == Some(&text)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2026-03-28T12:00:00Z", Some("2026-03-28T12:00:00Z"))]
    #[case("2026-03-28T13:00+01:00", Some("2026-03-28T12:00:00Z"))]
    #[case("2026-03-28T13:00:00+01:00[Europe/Berlin]", Some("2026-03-28T12:00:00Z"))]
    #[case("2026-03-28T13:00", None)]
    #[case("2026-03-28 13:00:30", None)]
    #[case("2026-03-28", None)]
    fn instants(#[case] text: &str, #[case] instant: Option<&str>) {
        match (super::instant(text).unwrap(), instant) {
            (Since::Instant(read), Some(instant)) => assert_eq!(read.to_string(), instant),
            (Since::Local(local), None) => {
                let zoned = local.to_zoned(TimeZone::UTC).unwrap();
                assert!(zoned.to_string().starts_with(&text.replace(' ', "T")), "{zoned}");
            }
            (read, _) => panic!("{text} was read as {read:?}"),
        }
    }

    #[rstest]
    #[case("")]
    #[case("tomorrow")]
    #[case("2026-02-30")]
    #[case("2026-03-28T25:00")]
    #[case("2026-03-28T13:00+99:00")]
    #[case("2026-03-28T13:00[Nowhere/Land]")]
    #[case("28.03.2026")]
    #[case("13:00")]
    #[case("1774699200")]
    fn no_instants(#[case] text: &str) {
        let error = super::instant(text).unwrap_err();
        assert!(error.contains("2026-03-28T12:00:00Z"), "{error}");
    }

    #[rstest]
    #[case("0", true)]
    #[case("100000", true)]
    #[case("100001", false)]
    #[case("-1", false)]
    #[case("ten", false)]
    fn counts(#[case] text: &str, #[case] good: bool) {
        assert_eq!(super::count(text).is_ok(), good);
    }
}
