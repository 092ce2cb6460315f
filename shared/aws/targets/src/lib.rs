//! The one list of what can be backed up and recovered, and by which adapter. Whoever adds a kind of resources adds its
//! adapter here.

use std::sync::Arc;

use aws_config::SdkConfig;
use cpm_aws_ec2::Ec2;
use cpm_aws_kms::Kms;
use cpm_aws_place::{Roles, Sts};
use cpm_aws_rds::Rds;
use cpm_aws_redshift::Redshift;
use cpm_aws_tables::Tables;
use cpm_ports::{Deleters, Drivers, Identity, ImageSearch, Removers, Restorer, Restorers};

/// A driver for each kind of resource and of unit, with the function's own configuration. Nothing is asked yet.
pub fn drivers(config: &SdkConfig) -> Drivers {
    let roles = Roles::new(config);
    Drivers::new(vec![
        Arc::new(Ec2::of(&roles)),
        Arc::new(Rds::new(&roles)),
        Arc::new(Redshift::new(&roles)),
        Arc::new(Tables::new(&roles)),
    ])
}

/// What deletes each kind of unit, with the function's own configuration. Only the cleaner has it.
pub fn deleters(config: &SdkConfig) -> Deleters {
    let roles = Roles::new(config);
    Deleters::new(vec![
        Arc::new(Ec2::of(&roles)),
        Arc::new(Rds::new(&roles)),
        Arc::new(Redshift::new(&roles)),
        Arc::new(Tables::new(&roles)),
    ])
}

/// What the function that recovers has of AWS, and no other. All of it shares one session of a role.
#[derive(Clone)]
pub struct Recovering {
    /// What makes each kind of thing, and what answers questions.
    pub restorers: Restorers,
    /// Looks for images.
    pub images: Arc<dyn ImageSearch>,
    /// Tells of which account a role is.
    pub identity: Arc<dyn Identity>,
}

/// With the function's own configuration. Nothing is asked yet.
pub fn recovering(config: &SdkConfig) -> Recovering {
    let roles = Roles::new(config);
    let ec2 = Arc::new(Ec2::of(&roles));
    let restorers = Restorers::new(vec![
        Arc::clone(&ec2) as Arc<dyn Restorer>,
        Arc::new(Rds::new(&roles)),
        Arc::new(Redshift::new(&roles)),
        Arc::new(Tables::new(&roles)),
        Arc::new(Kms::new(&roles)),
    ]);
    Recovering { restorers, images: ec2, identity: Arc::new(Sts::new(&roles)) }
}

/// What makes each kind of thing of a recovery, and what answers its questions, with the function's own configuration.
pub fn restorers(config: &SdkConfig) -> Restorers {
    recovering(config).restorers
}

/// What removes each kind of thing that recoveries made, with the function's own configuration. Only the cleaner has it.
pub fn removers(config: &SdkConfig) -> Removers {
    let roles = Roles::new(config);
    Removers::new(vec![
        Arc::new(Ec2::of(&roles)),
        Arc::new(Rds::new(&roles)),
        Arc::new(Redshift::new(&roles)),
        Arc::new(Tables::new(&roles)),
    ])
}

#[cfg(test)]
mod tests {
    use aws_config::BehaviorVersion;
    use cpm_domain::{
        kind::Kind,
        recovery::{
            plan::{TablePlan, WarehousePlan},
            work::{Action, MadeKind, Ref},
        },
        unit::UnitKind,
    };

    use super::*;

    fn nowhere() -> SdkConfig {
        SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build()
    }

    #[test]
    fn every_kind_has_one_driver() {
        let drivers = drivers(&nowhere());
        for kind in Kind::ALL {
            assert_eq!(drivers.iter().filter(|driver| driver.kinds().contains(&kind)).count(), 1, "{kind}");
            let of_kind = drivers.of_kind(kind).unwrap();
            assert!(kind.units().iter().all(|unit| of_kind.units().contains(unit)), "{kind}");
        }
        for unit in UnitKind::ALL {
            assert_eq!(drivers.iter().filter(|driver| driver.units().contains(&unit)).count(), 1, "{unit}");
        }
    }

    #[test]
    fn every_unit_can_be_deleted() {
        let deleters = deleters(&nowhere());
        for unit in UnitKind::ALL {
            assert!(deleters.of_unit(unit).is_ok_and(|deletions| deletions.units().contains(&unit)), "{unit}");
        }
    }

    #[test]
    fn every_kind_of_thing_has_one_restorer_and_one_that_removes_it() {
        let (restorers, removers) = (restorers(&nowhere()), removers(&nowhere()));
        for kind in MadeKind::ALL {
            assert_eq!(restorers.iter().filter(|restorer| restorer.makes().contains(&kind)).count(), 1, "{kind}");
            assert!(removers.of(kind).is_ok_and(|removals| removals.removes().contains(&kind)), "{kind}");
        }
    }

    #[test]
    fn every_action_has_one_restorer() {
        let restorers = restorers(&nowhere());
        let doing = |action: &Action| restorers.iter().filter(|restorer| restorer.does(action)).count();
        let (unit, account) = (cpm_domain::id::UnitId::new("u"), "111122223333".to_owned());
        for kind in UnitKind::ALL {
            // AWS shares no backup of a table.
            let expected = usize::from(kind != UnitKind::DynamodbBackup);
            assert_eq!(
                doing(&Action::Share { kind, unit: unit.clone(), account: account.clone() }),
                expected,
                "{kind}"
            );
            let unshare = Action::Unshare { kind, unit: unit.clone(), account: account.clone() };
            assert_eq!(doing(&unshare), expected, "{kind}");
        }
        for (kind, expected) in
            [(MadeKind::Database, 1), (MadeKind::Cluster, 1), (MadeKind::Table, 1), (MadeKind::Warehouse, 0)]
        {
            assert_eq!(doing(&Action::ProtectManaged { kind, of: Ref::Work(1) }), expected, "{kind}");
        }
        let instance = || Ref::Id("i-0000000a".to_owned());
        let others = [
            Action::MarkReplaced { volume: "vol-0000000a".parse().unwrap() },
            Action::ProtectInstances { of: 1 },
            Action::AssociateAddress { instance: instance(), allocation: "eipalloc-1".to_owned() },
            Action::RestoreWarehouse { snapshot: "s".to_owned(), plan: Box::new(WarehousePlan::default()) },
            Action::RestoreTable { backup: "b".to_owned(), plan: TablePlan::default() },
        ];
        for action in &others {
            assert_eq!(doing(action), 1, "{action:?}");
        }
    }
}
