//! Which backups of a policy are kept (§4.2.1, §4.2.5 and §8.4 of the guide).

use crate::{
    backup::{Backup, Phase},
    id::BackupId,
};

/// Why a backup is held though its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It is in the freezer.
    Frozen,
    /// It is being copied or recovered from.
    InUse,
}

/// What retention looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The backup; a higher number is newer.
    pub id: BackupId,
    /// It is a generation.
    pub counts: bool,
    /// It has not ended.
    pub in_progress: bool,
    /// It stays whatever its age.
    pub hold: Option<Hold>,
}

impl From<&Backup> for Candidate {
    fn from(backup: &Backup) -> Self {
        Self { id: backup.id, counts: backup.counts, in_progress: backup.phase < Phase::Finished, hold: None }
    }
}

/// The backups whose time is over, oldest first.
///
/// The newest `generations` counting backups stay, and so does everything newer than the oldest of them. With fewer
/// counting backups than that, all stay. The newest counting backup, a held one and one in progress never go.
pub fn outdated(candidates: &[Candidate], generations: u32) -> Vec<BackupId> {
    let mut counting: Vec<BackupId> = candidates.iter().filter(|c| c.counts).map(|c| c.id).collect();
    counting.sort_unstable_by(|a, b| b.cmp(a));
    let keep = usize::try_from(generations.max(1)).unwrap_or(usize::MAX);
    let Some(oldest_kept) = counting.get(keep - 1).copied() else { return Vec::new() };
    let mut outdated: Vec<BackupId> = candidates
        .iter()
        .filter(|c| c.id < oldest_kept && c.hold.is_none() && !c.in_progress)
        .map(|c| c.id)
        .collect();
    outdated.sort_unstable();
    outdated
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// `+` counts, `-` does not, `f` counts and is frozen, `u` counts and is in use, `.` runs; oldest first, from 1.
    fn candidates(text: &str) -> Vec<Candidate> {
        (1..)
            .zip(text.chars())
            .map(|(id, c)| Candidate {
                id: BackupId(id),
                counts: matches!(c, '+' | 'f' | 'u'),
                in_progress: c == '.',
                hold: match c {
                    'f' => Some(Hold::Frozen),
                    'u' => Some(Hold::InUse),
                    _ => None,
                },
            })
            .collect()
    }

    #[rstest]
    #[case("", 3, &[])]
    #[case("+++", 3, &[])]
    #[case("++++", 3, &[1])]
    #[case("-+++", 3, &[1])]
    #[case("+---", 1, &[])]
    #[case("+-+-", 1, &[1, 2])]
    #[case("--------", 1, &[])]
    #[case("f+++", 2, &[2])]
    #[case("u+++", 1, &[2, 3])]
    #[case(".++", 1, &[2])]
    #[case("+++", 0, &[1, 2])]
    #[case("+.", 1, &[])]
    fn table(#[case] text: &str, #[case] generations: u32, #[case] expected: &[u64]) {
        let ids: Vec<u64> = outdated(&candidates(text), generations).into_iter().map(|id| id.0).collect();
        assert_eq!(ids, expected);
    }

    proptest! {
        #[test]
        fn never_drops_a_good_generation_too_many(text in "[-+fu.]{0,40}", generations in 0u32..6) {
            let all = candidates(&text);
            let gone = outdated(&all, generations);
            let kept = |c: &&Candidate| !gone.contains(&c.id);
            let counting = all.iter().filter(|c| c.counts).count();
            let counting_kept = all.iter().filter(kept).filter(|c| c.counts).count();
            let wanted = usize::try_from(generations.max(1)).unwrap().min(counting);
            prop_assert!(counting_kept >= wanted);
            if let Some(newest) = all.iter().filter(|c| c.counts).map(|c| c.id).max() {
                prop_assert!(!gone.contains(&newest));
            }
            prop_assert!(all.iter().filter(|c| c.hold.is_some() || c.in_progress).all(|c| !gone.contains(&c.id)));
        }

        #[test]
        fn repeating_it_drops_nothing_more(text in "[-+fu.]{0,40}", generations in 1u32..6) {
            let all = candidates(&text);
            let gone = outdated(&all, generations);
            let rest: Vec<Candidate> = all.into_iter().filter(|c| !gone.contains(&c.id)).collect();
            prop_assert_eq!(outdated(&rest, generations), vec![]);
        }
    }
}
