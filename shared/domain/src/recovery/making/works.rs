//! The works of a recovery, numbered as they are added.

use super::Subject;
use crate::{
    id::{Region, UnitId},
    recovery::work::{Action, MadeKind, Ref, Work},
    unit::UnitKind,
};

/// The works of a recovery, numbered from 1.
pub(super) struct Works<'a> {
    region: &'a Region,
    all: Vec<Work>,
}

impl<'a> Works<'a> {
    pub(super) fn new(region: &'a Region) -> Self {
        Self { region, all: Vec::new() }
    }

    /// Adds a work, and says its number.
    pub(super) fn add(&mut self, needs: &[u32], from: Option<&UnitId>, what: Action) -> u32 {
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX).saturating_add(1);
        let mut work = Work::planned(number, self.region.clone(), what);
        work.needs = needs.to_vec();
        work.from = from.cloned();
        self.all.push(work);
        number
    }

    /// Adds a work that is asked only if `of` comes to nothing, once `after` are done.
    pub(super) fn make_up(&mut self, of: u32, after: &[u32], what: Action) {
        self.add(after, None, what);
        if let Some(work) = self.all.last_mut() {
            work.if_failed = Some(of);
        }
    }

    /// Shares the unit with the account that it goes to, if that is another. Gives what the rest needs then.
    pub(super) fn share(&mut self, subject: &Subject, kind: UnitKind, unit: &UnitId) -> Vec<u32> {
        let Some(account) = subject.shared_with.clone() else { return Vec::new() };
        vec![self.at_source(&[], subject, Action::Share { kind, unit: unit.clone(), account })]
    }

    /// Takes that back, once `after` are settled.
    pub(super) fn unshare(&mut self, after: &[u32], subject: &Subject, kind: UnitKind, unit: &UnitId) {
        let Some(account) = subject.shared_with.clone() else { return };
        self.at_source(after, subject, Action::Unshare { kind, unit: unit.clone(), account });
    }

    /// Protects what a work makes, once `after` are done: what failed can be undone.
    pub(super) fn protect(&mut self, wanted: Option<bool>, after: &[u32], kind: MadeKind, of: u32) {
        if wanted == Some(true) {
            self.add(after, None, Action::ProtectManaged { kind, of: Ref::Work(of) });
        }
    }

    /// Shares several. Gives what each needs then.
    pub(super) fn share_all(&mut self, subject: &Subject, units: &[(UnitKind, UnitId)]) -> Vec<u32> {
        units.iter().flat_map(|(kind, unit)| self.share(subject, *kind, unit)).collect()
    }

    /// Takes that back, once all else is settled.
    pub(super) fn unshare_all(&mut self, subject: &Subject, units: &[(UnitKind, UnitId)]) {
        let after: Vec<u32> =
            self.all.iter().filter(|work| work.if_failed.is_none()).map(|work| work.number).collect();
        for (kind, unit) in units {
            self.unshare(&after, subject, *kind, unit);
        }
    }

    pub(super) fn into_all(self) -> Vec<Work> {
        self.all
    }

    fn at_source(&mut self, needs: &[u32], subject: &Subject, what: Action) -> u32 {
        let number = self.add(needs, None, what);
        if let Some(work) = self.all.last_mut() {
            work.at_source = true;
            work.region = subject.region.clone();
        }
        number
    }
}
