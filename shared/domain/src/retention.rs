//! Which backups of a policy are kept (§4.2.1, §4.2.5 and §8.4 of the guide).

use crate::{
    backup::{Backup, Phase},
    id::BackupId,
};

/// Why a backup is held though its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It is in the freezer: no generation while it is there.
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
        let hold = backup.frozen.is_some().then_some(Hold::Frozen);
        Self { id: backup.id, counts: backup.counts, in_progress: backup.phase < Phase::Finished, hold }
    }
}

/// The backups whose time is over, oldest first.
///
/// The newest `generations` counting backups stay, and so does everything newer than the oldest of them. With fewer
/// counting backups than that, all stay. The newest counting backup, a held one and one in progress never go.
///
/// A frozen backup is out of the count: the others stay and go as if it were not there. It takes no generation's place,
/// so that none goes sooner for it; and what is newer than an old frozen one is not held by it, so that nothing goes
/// later. A backup that is copied or recovered from is a generation all the while.
pub fn outdated(candidates: &[Candidate], generations: u32) -> Vec<BackupId> {
    let mut counting: Vec<BackupId> =
        candidates.iter().filter(|c| c.counts && c.hold != Some(Hold::Frozen)).map(|c| c.id).collect();
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

    /// `+` counts, `-` does not, `f` would count and is frozen, `g` neither, `u` counts and is in use, `.` runs; oldest first, from 1.
    fn candidates(text: &str) -> Vec<Candidate> {
        (1..)
            .zip(text.chars())
            .map(|(id, c)| Candidate {
                id: BackupId(id),
                counts: matches!(c, '+' | 'f' | 'u'),
                in_progress: c == '.',
                hold: match c {
                    'f' | 'g' => Some(Hold::Frozen),
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
    #[case("+f++", 3, &[])]
    #[case("++f++", 3, &[1])]
    #[case("+++f", 2, &[1])]
    #[case("+++fff", 3, &[])]
    #[case("f-+-+", 1, &[2, 3, 4])]
    #[case("-f-", 1, &[])]
    #[case("g++", 1, &[2])]
    #[case("fff", 1, &[])]
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
        fn never_drops_a_good_generation_too_many(text in "[-+fgu.]{0,40}", generations in 0u32..6) {
            let all = candidates(&text);
            let gone = outdated(&all, generations);
            let kept = |c: &&Candidate| !gone.contains(&c.id);
            let is_generation = |c: &&Candidate| c.counts && c.hold != Some(Hold::Frozen);
            let counting = all.iter().filter(is_generation).count();
            let counting_kept = all.iter().filter(kept).filter(is_generation).count();
            let wanted = usize::try_from(generations.max(1)).unwrap().min(counting);
            prop_assert!(counting_kept >= wanted);
            if let Some(newest) = all.iter().filter(|c| c.counts).map(|c| c.id).max() {
                prop_assert!(!gone.contains(&newest));
            }
            prop_assert!(all.iter().filter(|c| c.hold.is_some() || c.in_progress).all(|c| !gone.contains(&c.id)));
        }

        #[test]
        fn the_others_go_as_if_the_frozen_were_not_there(text in "[-+fgu.]{0,40}", generations in 0u32..6) {
            let all = candidates(&text);
            let others: Vec<Candidate> = all.iter().filter(|c| c.hold != Some(Hold::Frozen)).copied().collect();
            prop_assert_eq!(outdated(&all, generations), outdated(&others, generations));
        }

        #[test]
        fn freezing_one_makes_no_other_go(text in "[-+fgu.]{1,40}", n in 0usize..40, generations in 0u32..6) {
            let before = candidates(&text);
            let mut after = before.clone();
            let n = n % after.len();
            after[n].hold = Some(Hold::Frozen);
            let (gone_before, gone_after) = (outdated(&before, generations), outdated(&after, generations));
            prop_assert!(gone_after.iter().all(|id| gone_before.contains(id)), "{gone_before:?} {gone_after:?}");
        }

        #[test]
        fn repeating_it_drops_nothing_more(text in "[-+fgu.]{0,40}", generations in 1u32..6) {
            let all = candidates(&text);
            let gone = outdated(&all, generations);
            let rest: Vec<Candidate> = all.into_iter().filter(|c| !gone.contains(&c.id)).collect();
            prop_assert_eq!(outdated(&rest, generations), vec![]);
        }
    }
}
