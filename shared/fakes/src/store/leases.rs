//! Leases on policies.

use async_trait::async_trait;
use cpm_domain::name::{OwnerName, PolicyName};
use cpm_ports::{Lease, LeaseOutcome, Leases, StoreError};
use jiff::Timestamp;

use super::{FakeStore, of};

#[async_trait]
impl Leases for FakeStore {
    async fn lease(&self, owner: &OwnerName, policy: &PolicyName) -> Result<Option<Lease>, StoreError> {
        self.read(&["store:lease"], policy, |data| of(data, owner).leases.get(policy).cloned()).await
    }

    async fn take(
        &self,
        owner: &OwnerName,
        lease: &Lease,
        instead_of: Option<&Lease>,
    ) -> Result<LeaseOutcome, StoreError> {
        self.write(&["store:take"], owner, &lease.policy, |owned| {
            let standing = owned.leases.get(&lease.policy);
            let may_take = |standing: &Lease| {
                standing.holder == lease.holder || instead_of.is_some_and(|other| standing.holder == other.holder)
            };
            if let Some(standing) = standing.filter(|standing| !may_take(standing)) {
                return Ok(LeaseOutcome::Held(standing.clone()));
            }
            owned.leases.insert(lease.policy.clone(), lease.clone());
            Ok(LeaseOutcome::Taken)
        })
        .await
    }

    async fn renew(&self, owner: &OwnerName, lease: &Lease, expires: Timestamp) -> Result<(), StoreError> {
        self.write(&["store:renew"], owner, &lease.policy, |owned| match owned.leases.get_mut(&lease.policy) {
            Some(standing) if standing.holder == lease.holder => {
                standing.expires = expires;
                Ok(())
            }
            _ => Err(StoreError::LostRace(format!("the lease on policy {}", lease.policy))),
        })
        .await
    }

    async fn release(&self, owner: &OwnerName, lease: &Lease) -> Result<(), StoreError> {
        self.write(&["store:release"], owner, &lease.policy, |owned| {
            if owned.leases.get(&lease.policy).is_some_and(|standing| standing.holder == lease.holder) {
                owned.leases.remove(&lease.policy);
            }
            Ok(())
        })
        .await
    }
}
