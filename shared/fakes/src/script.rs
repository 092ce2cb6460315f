//! What the faults have in store, and what each call is told.

use std::fmt;

use cpm_domain::aws::{AwsError, Refusal};
use cpm_ports::{Access, Place, StoreError};

use crate::{Call, When, chance::Chance, faults::Calling};

/// Whom a denial is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whom {
    account: Option<String>,
    role: Option<String>,
    region: Option<String>,
}

impl Whom {
    /// Everybody, everywhere.
    pub fn anybody() -> Self {
        Self::default()
    }

    /// Who works in another account, by its number.
    pub fn account(number: &str) -> Self {
        Self { account: Some(number.to_owned()), ..Self::default() }
    }

    /// Who works by an assumed role of that name.
    pub fn role(name: &str) -> Self {
        Self { role: Some(name.to_owned()), ..Self::default() }
    }

    /// Who works in a Region.
    pub fn region(region: &str) -> Self {
        Self { region: Some(region.to_owned()), ..Self::default() }
    }

    /// In that Region only.
    #[must_use]
    pub fn within(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    fn is(&self, place: Option<&Place>) -> bool {
        let (account, role) = match place.map(|place| &place.access) {
            Some(Access::Assumed { account, role, .. }) => (Some(account.as_str()), Some(role.as_str())),
            _ => (None, None),
        };
        let region = place.map(|place| place.region.as_str());
        let fits = |wanted: &Option<String>, is: Option<&str>| wanted.as_deref().is_none_or(|w| is == Some(w));
        fits(&self.account, account) && fits(&self.role, role) && fits(&self.region, region)
    }
}

impl From<&str> for Whom {
    fn from(region: &str) -> Self {
        Self::region(region)
    }
}

impl From<&Place> for Whom {
    fn from(place: &Place) -> Self {
        let whom = match &place.access {
            Access::Own => Self::default(),
            Access::Assumed { account, role, .. } => {
                Self { account: Some(account.clone()), role: Some(role.clone()), region: None }
            }
        };
        whom.within(place.region.as_str())
    }
}

/// Why a call fails.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reason {
    /// The process is dead.
    Dead,
    /// The answer was lost.
    NoAnswer,
    /// Too many calls.
    Throttled,
    /// Not allowed to do this action.
    Denied(&'static str),
    /// As a test says.
    Refused(AwsError),
}

/// How much of a call is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Half,
    Whole,
}

/// What a call is told.
pub(crate) enum Verdict {
    Act,
    Fail(Reason),
    Break { extent: Option<Extent>, reason: Reason },
    Dead(Reason),
}

/// An error of a port that a fault can make.
pub(crate) trait Broken {
    fn broken(name: &str, reason: Reason) -> Self;
}

impl Broken for StoreError {
    fn broken(name: &str, reason: Reason) -> Self {
        match reason {
            Reason::Dead => Self::Unavailable(format!("{name}: the process is dead")),
            Reason::NoAnswer => Self::Unavailable(format!("{name}: timeout")),
            Reason::Throttled => Self::Unavailable(format!("{name}: ThrottlingException")),
            Reason::Denied(action) => {
                Self::Refused(format!("AccessDeniedException: not authorized to perform {action}"))
            }
            Reason::Refused(error) => Self::Unavailable(error.to_string()),
        }
    }
}

impl Broken for AwsError {
    fn broken(name: &str, reason: Reason) -> Self {
        let ec2 = name.starts_with("ec2:");
        let answer = |refusal, code: &str, message: &str| Self {
            refusal,
            action: name.to_owned(),
            code: code.to_owned(),
            message: message.to_owned(),
        };
        match reason {
            Reason::Dead => answer(Refusal::Unknown, "Dead", "the process is dead"),
            Reason::NoAnswer => answer(Refusal::Unknown, "RequestTimeout", "no answer in time"),
            Reason::Throttled if ec2 => answer(Refusal::Throttled, "RequestLimitExceeded", "Request limit exceeded."),
            Reason::Throttled => answer(Refusal::Throttled, "ThrottlingException", "Rate exceeded"),
            Reason::Denied(action) => {
                let code = if action.starts_with("ec2:") { "UnauthorizedOperation" } else { "AccessDenied" };
                let message = format!("You are not authorized to perform this operation: {action}");
                Self { action: action.to_owned(), ..answer(Refusal::Denied, code, &message) }
            }
            Reason::Refused(error) => Self { action: name.to_owned(), ..error },
        }
    }
}

/// What somebody else does in between.
pub(crate) struct Meanwhile(Box<dyn FnOnce() + Send>);

impl Meanwhile {
    pub(crate) fn new(what: impl FnOnce() + Send + 'static) -> Self {
        Self(Box::new(what))
    }

    pub(crate) fn happen(self) {
        (self.0)();
    }
}

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meanwhile")
    }
}

#[derive(Debug)]
struct Plan {
    left: usize,
    when: When,
    kills: bool,
}

/// Everything that is to go wrong, and what was called.
#[derive(Debug, Default)]
pub(crate) struct Script {
    plans: Vec<Plan>,
    refusals: Vec<(String, usize, Reason)>,
    denials: Vec<(String, Whom)>,
    between: Vec<(String, Meanwhile)>,
    order: Option<Chance>,
    pub(crate) calls: Vec<Call>,
    pub(crate) died: Option<Call>,
    /// The last call that a plan struck, and whether the port makes it in several parts.
    pub(crate) struck: Option<(Call, bool)>,
    /// How many processes run in `Faults::run`.
    pub(crate) running: usize,
}

/// Whether `pattern`, which may end in `*`, is for `name`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

impl Script {
    pub(crate) fn plan(&mut self, n: usize, when: When, kills: bool) {
        self.plans.push(Plan { left: n, when, kills });
    }

    pub(crate) fn throttle(&mut self, name: &str, times: usize) {
        self.refusals.push((name.to_owned(), times, Reason::Throttled));
    }

    pub(crate) fn refuse(&mut self, name: &str, times: usize, error: &AwsError) {
        self.refusals.push((name.to_owned(), times, Reason::Refused(error.clone())));
    }

    pub(crate) fn deny(&mut self, name: &str, whom: Whom) {
        self.denials.push((name.to_owned(), whom));
    }

    pub(crate) fn allow(&mut self, name: &str) {
        self.denials.retain(|(denied, _)| denied != name);
    }

    pub(crate) fn meanwhile(&mut self, name: &str, what: Meanwhile) {
        self.between.push((name.to_owned(), what));
    }

    pub(crate) fn interleave(&mut self, seed: u64) {
        self.order = Some(Chance::new(seed));
    }

    pub(crate) fn clear(&mut self) {
        self.plans.clear();
        self.refusals.clear();
        self.denials.clear();
        self.between.clear();
    }

    /// How many turns a call lets others go first.
    pub(crate) fn turns(&mut self) -> u64 {
        self.order.as_mut().map_or(0, |chance| chance.bits() % 4)
    }

    /// Takes out what is to happen before a call of that name.
    pub(crate) fn come_between(&mut self, name: &str) -> Vec<Meanwhile> {
        if self.died.is_some() {
            return Vec::new();
        }
        let waiting = std::mem::take(&mut self.between);
        let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(pattern, _)| matches(pattern, name));
        self.between = later;
        now.into_iter().map(|(_, what)| what).collect()
    }

    pub(crate) fn judge(&mut self, name: &'static str, calling: &Calling<'_>) -> Verdict {
        if self.died.is_some() {
            return Verdict::Dead(Reason::Dead);
        }
        let call = Call { name, key: calling.key.clone() };
        self.calls.push(call.clone());
        if let Some(plan) = self.plan_due() {
            let extent = match plan.when {
                When::Before => None,
                When::Halfway => calling.in_parts.then_some(Extent::Half),
                When::After => Some(Extent::Whole),
            };
            self.struck = Some((call.clone(), calling.in_parts));
            if plan.kills {
                self.died = Some(call);
            }
            let reason = if plan.kills { Reason::Dead } else { Reason::NoAnswer };
            return Verdict::Break { extent, reason };
        }
        if let Some(action) = self.denied(calling) {
            return Verdict::Fail(Reason::Denied(action));
        }
        match self.refused(name) {
            Some(reason) => Verdict::Fail(reason),
            None => Verdict::Act,
        }
    }

    fn plan_due(&mut self) -> Option<Plan> {
        for plan in &mut self.plans {
            plan.left = plan.left.saturating_sub(1);
        }
        let at = self.plans.iter().position(|plan| plan.left == 0)?;
        Some(self.plans.remove(at))
    }

    fn denied(&self, calling: &Calling<'_>) -> Option<&'static str> {
        let assumes = matches!(calling.place.map(|place| &place.access), Some(Access::Assumed { .. }));
        let actions = assumes.then_some(&"sts:AssumeRole").into_iter().chain(calling.actions);
        actions.copied().find(|action| {
            self.denials.iter().any(|(pattern, whom)| matches(pattern, action) && whom.is(calling.place))
        })
    }

    fn refused(&mut self, name: &str) -> Option<Reason> {
        let (_, left, reason) =
            self.refusals.iter_mut().find(|(pattern, left, _)| *left > 0 && matches(pattern, name))?;
        *left -= 1;
        Some(reason.clone())
    }
}
