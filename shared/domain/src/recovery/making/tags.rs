//! Tags of what is made: the source's own.

use super::Findings;
use crate::aws::{MAX_TAGS, Tags};

/// How many the suite gives each thing that it makes ([`Mark::tags`](crate::recovery::Mark::tags)).
const SUITE: usize = 5;
/// How many of its own it can have beside them.
pub(super) const ROOM: usize = MAX_TAGS - SUITE;
/// The most characters of a key and of a value.
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

fn is_reserved(key: &str) -> bool {
    key.starts_with("aws:") || key.starts_with("cpm:")
}

/// The source's own: not AWS's, and not the suite's, which are of what they were on.
pub(super) fn own(tags: &Tags) -> Tags {
    tags.iter().filter(|(key, _)| !is_reserved(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// What AWS would refuse of them, and which find no room beside the suite's.
pub(super) fn check(field: &str, tags: &Tags, findings: &mut Findings) {
    for (key, value) in tags {
        if is_reserved(key) {
            findings.problem(
                field,
                format!("the tag `{key}` cannot be given: AWS keeps `aws:` for itself, the suite `cpm:`"),
                "leave it out",
            );
        } else if key.is_empty() || key.chars().count() > MAX_KEY || value.chars().count() > MAX_VALUE {
            let message = format!("the tag `{key}` is empty or too long");
            findings.problem(
                field,
                message,
                format!("a key has 1 to {MAX_KEY} characters, a value up to {MAX_VALUE}"),
            );
        }
    }
    let count = tags.len();
    if count > MAX_TAGS {
        findings.problem(field, format!("{count} tags are too many: AWS allows {MAX_TAGS}"), "leave some out");
    } else if count > ROOM {
        let without: Vec<&str> = tags.keys().skip(ROOM).map(String::as_str).collect();
        findings.warning(format!(
            "{field}: of {count} tags {} are left out, AWS allows {MAX_TAGS} with the {SUITE} of the suite: {}",
            without.len(),
            without.join(", ")
        ));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        id::BackupId,
        name::OwnerName,
        recovery::{Mark, RecoveryId},
    };

    fn many(count: usize) -> Tags {
        (0..count).map(|n| (format!("k{n:02}"), "v".to_owned())).collect()
    }

    #[test]
    fn the_suite_has_as_many_as_is_said() {
        let owner = OwnerName::root();
        let mark = Mark { deployment: "cpm", owner: &owner, recovery: RecoveryId(1), backup: BackupId(1) };
        assert_eq!(mark.tags(1).len(), SUITE);
    }

    #[rstest]
    #[case(45, 0, 0)]
    #[case(46, 0, 1)]
    #[case(50, 0, 1)]
    #[case(51, 1, 0)]
    fn too_many_are_told(#[case] count: usize, #[case] problems: usize, #[case] warnings: usize) {
        let mut findings = Findings::default();
        check("instance.tags", &many(count), &mut findings);
        assert_eq!((findings.problems.len(), findings.warnings.len()), (problems, warnings));
    }

    #[test]
    fn those_of_others_are_not_the_sources() {
        let tags: Tags = ["aws:autoscaling:groupName", "cpm:policy", "cpm backup", "Name"]
            .into_iter()
            .map(|key| (key.to_owned(), "x".to_owned()))
            .collect();
        assert_eq!(own(&tags).into_keys().collect::<Vec<_>>(), ["Name", "cpm backup"]);
        let mut findings = Findings::default();
        check("instance.tags", &tags, &mut findings);
        assert_eq!(findings.problems.len(), 2);
    }
}
