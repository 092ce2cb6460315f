use rstest::rstest;

use super::*;
use crate::{
    id::{BackupId, UnitId},
    name::OwnerName,
    recovery::{AdHocRole, Mark, RecoveryId},
    unit::UnitKind,
};

fn work(number: u32, needs: &[u32], state: WorkState) -> Work {
    let what = Action::MarkReplaced { volume: "vol-0000000a".parse().unwrap() };
    Work { needs: needs.to_vec(), state, ..Work::planned(number, "us-east-1".parse().unwrap(), what) }
}

fn unshare(number: u32, needs: &[u32]) -> Work {
    let (kind, unit) = (UnitKind::EbsSnapshot, UnitId::new("snap-0000000a"));
    let what = Action::Unshare { kind, unit, account: "222222222222".to_owned() };
    Work { what, ..work(number, needs, WorkState::Planned) }
}

fn due(works: &[Work]) -> Vec<u32> {
    works.iter().filter(|work| work.is_due(works)).map(|work| work.number).collect()
}

#[test]
fn a_work_is_due_when_its_needs_are_done() {
    use WorkState::{Done, Failed, Pending, Planned};
    let works = [
        work(1, &[], Done),
        work(2, &[], Pending),
        work(3, &[1], Planned),
        work(4, &[1, 2], Planned),
        work(5, &[], Failed),
        work(6, &[5], Planned),
        work(7, &[6], Planned),
    ];
    assert_eq!(due(&works), [3]);
    assert_eq!(left(&works), Left { due: 1, open: 1, slow: true });
    let doomed: Vec<u32> = doomed(&works).into_iter().map(|(number, _)| number).collect();
    assert_eq!(doomed, [6, 7]);
}

#[test]
fn a_share_is_taken_back_whatever_happened() {
    use WorkState::{Done, Failed, Pending};
    assert_eq!(due(&[work(1, &[], Failed), unshare(2, &[1])]), [2]);
    assert_eq!(due(&[work(1, &[], Pending), unshare(2, &[1])]), [0; 0]);
    assert_eq!(due(&[work(1, &[], Done), unshare(2, &[])]), [2]);
    assert_eq!(due(&[work(1, &[], Done), work(3, &[], Pending), unshare(2, &[])]), [0; 0]);
    assert_eq!(doomed(&[work(1, &[], Failed), unshare(2, &[1])]), []);
}

#[rstest]
#[case::it_failed(WorkState::Done, WorkState::Done, WorkState::Failed, true)]
#[case::it_went_well(WorkState::Done, WorkState::Done, WorkState::Done, false)]
#[case::it_is_under_way(WorkState::Done, WorkState::Done, WorkState::Pending, false)]
#[case::what_it_attached_was_removed(WorkState::Undone, WorkState::Done, WorkState::Done, true)]
#[case::nobody_knows_whether_it_was_taken_off(WorkState::Done, WorkState::Failed, WorkState::Failed, true)]
#[case::it_is_on_its_way_off(WorkState::Done, WorkState::Pending, WorkState::Failed, false)]
fn what_makes_up_for_a_failure_is_called_for_then_only(
    #[case] volume: WorkState,
    #[case] detach: WorkState,
    #[case] attach: WorkState,
    #[case] called_for: bool,
) {
    let what = Action::Attach {
        volume: Ref::Work(1),
        instance: "i-0000000a".parse().unwrap(),
        device: "/dev/sdf".to_owned(),
        delete_on_termination: false,
    };
    let attach = Work { what, ..work(3, &[1, 2], attach) };
    let detach = Work { asked: Some(Timestamp::UNIX_EPOCH), ..work(2, &[], detach) };
    let make_up = Work { if_failed: Some(3), ..work(4, &[2], WorkState::Planned) };
    let mut works = [work(1, &[], volume), detach, attach, make_up];
    assert_eq!(works[3].is_called_for(&works), called_for);
    assert!(!due(&works).contains(&4), "that is for the end alone");
    assert!(doomed(&works).iter().all(|(number, _)| *number != 4));
    works[1].asked = None;
    assert!(!works[3].is_called_for(&works), "AWS was never asked to take it off");
}

#[test]
fn a_volume_is_attached_when_its_device_says_so() {
    let volume = Ref::Id("vol-0000000a".to_owned());
    let (instance, device): (_, String) = ("i-0000000a".parse().unwrap(), "/dev/sdf".to_owned());
    let what = Action::Attach { volume, instance, device: device.clone(), delete_on_termination: false };
    let mut work = Work { what, ..work(1, &[], WorkState::Planned) };
    let now = Timestamp::UNIX_EPOCH;
    let free = Made { state: MadeState::Ready, ..Made::pending(MadeKind::Volume, "vol-0000000a") };
    assert!(work.take_in(std::slice::from_ref(&free), now));
    assert_eq!(work.state, WorkState::Pending, "AWS shows it as it was before");
    assert!(work.take_in(&[Made { device: Some(device), ..free }], now));
    assert_eq!(work.state, WorkState::Done);
}

#[test]
fn what_is_gone_keeps_what_was_known_of_it() {
    let mut work = work(1, &[], WorkState::Planned);
    let now = Timestamp::UNIX_EPOCH;
    let parts = vec![Made::pending(MadeKind::Volume, "vol-0000000a")];
    let ready = Made { state: MadeState::Ready, parts, ..Made::pending(MadeKind::Instance, "i-0000000a") };
    work.take_in(std::slice::from_ref(&ready), now);
    work.take_in(&[Made { state: MadeState::Gone, parts: Vec::new(), ..ready }], now);
    assert_eq!((work.state, work.made[0].parts.len()), (WorkState::Done, 1));
    assert_eq!(work.there().count(), 0, "it only marks: what it marks is none of its makings");
}

#[test]
fn an_order_names_what_was_made() {
    let owner = OwnerName::root();
    let mark = Mark { deployment: "cpm", owner: &owner, recovery: RecoveryId(3), backup: BackupId(7) };
    let made = vec![Made::pending(MadeKind::Instance, "i-0000000a")];
    let launch = Work { made, ..work(1, &[], WorkState::Done) };
    let given = |instance| Action::AssociateAddress { instance, allocation: "eipalloc-1".to_owned() };
    let address = Work { what: given(Ref::Work(1)), ..work(2, &[1], WorkState::Planned) };
    let found = order(&address, &[launch.clone(), address.clone()], &mark).unwrap();
    assert_eq!(found.what, given(Ref::Id("i-0000000a".to_owned())));
    assert_eq!((found.made.len(), found.token.as_str()), (1, "cpm-root-r3-2"));
    let nothing = Work { made: Vec::new(), ..launch };
    assert_eq!(order(&address, &[nothing, address.clone()], &mark), None);
}

#[test]
fn all_instances_of_a_launch_are_protected() {
    let owner = OwnerName::root();
    let mark = Mark { deployment: "cpm", owner: &owner, recovery: RecoveryId(3), backup: BackupId(7) };
    let made = ["i-0000000a", "i-0000000b"].map(|id| Made::pending(MadeKind::Instance, id)).to_vec();
    let launch = Work { made: made.clone(), ..work(1, &[], WorkState::Done) };
    let protect = Work { what: Action::ProtectInstances { of: 1 }, ..work(2, &[1], WorkState::Planned) };
    assert_eq!(order(&protect, &[launch, protect.clone()], &mark).unwrap().made, made);
}

#[test]
fn polls_grow() {
    let waits = |slow| (0..9).map(|n| poll_wait(n, slow)).collect::<Vec<_>>();
    assert_eq!(waits(false), [5, 7, 11, 16, 24, 36, 54, 60, 60]);
    assert_eq!(waits(true), [20, 30, 45, 67, 101, 151, 227, 300, 300]);
}

#[rstest]
#[case("arn:aws:iam::222222222222:role/dr", Some(("222222222222", "dr")))]
#[case("arn:aws-cn:iam::222222222222:role/of/it/dr", Some(("222222222222", "of/it/dr")))]
#[case("arn:aws:iam::2222:role/dr", None)]
#[case("arn:aws:iam::222222222222:user/dr", None)]
#[case("dr", None)]
fn a_role_has_an_account(#[case] arn: &str, #[case] parts: Option<(&str, &str)>) {
    assert_eq!(AdHocRole { arn: arn.to_owned(), external_id: None }.parts(), parts);
}
