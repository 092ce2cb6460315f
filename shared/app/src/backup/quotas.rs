//! Quotas that a backup runs into before long.

use std::collections::BTreeMap;

use cpm_domain::{account::Account, id::Region, unit::UnitKind};

use super::{Steps, place};

impl Steps<'_> {
    /// Quotas of which so much is used that it must be said before they bite. One that cannot be read bites later: that
    /// alone holds no backup up.
    pub(super) async fn near_quotas(
        &self,
        account: &Account,
        wanted: BTreeMap<Region, Vec<UnitKind>>,
    ) -> Vec<String> {
        let mut near = Vec::new();
        for (region, units) in wanted {
            for driver in self.drivers.iter() {
                let kinds: Vec<UnitKind> =
                    driver.units().iter().copied().filter(|kind| units.contains(kind)).collect();
                if kinds.is_empty() {
                    continue;
                }
                match driver.quotas(&place(account, &region), &kinds).await {
                    Ok(quotas) => near.extend(quotas.iter().filter(|quota| quota.is_near()).map(|quota| {
                        format!(
                            "{} of the {} {} that AWS allows in {region} are there: keep fewer generations, delete what \
                             nobody needs, or have the quota raised in Service Quotas",
                            quota.used, quota.most, quota.what
                        )
                    })),
                    Err(error) => tracing::warn!(%region, %error, "the quotas cannot be read"),
                }
            }
        }
        near
    }
}
