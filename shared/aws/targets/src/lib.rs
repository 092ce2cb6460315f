//! The one list of what can be backed up, and by which adapter. Whoever adds a kind of resources adds its adapter here.

use std::sync::Arc;

use aws_config::SdkConfig;
use cpm_aws_ec2::Ec2;
use cpm_aws_place::Roles;
use cpm_aws_rds::Rds;
use cpm_aws_redshift::Redshift;
use cpm_aws_tables::Tables;
use cpm_ports::{Deleters, Drivers};

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

#[cfg(test)]
mod tests {
    use aws_config::BehaviorVersion;
    use cpm_domain::{kind::Kind, unit::UnitKind};

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
}
