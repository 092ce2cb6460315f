//! What the use cases need of the world, in domain types. One trait a capability; no SDK type passes here.

mod aws;
mod clock;
mod executions;
mod publisher;
mod store;

pub use aws::{Access, Deletions, Place, Resources, Snapshots};
pub use clock::{Clock, Deadline};
pub use executions::{Execution, Executions, Machine, Started};
pub use publisher::Publisher;
pub use store::{
    Alerts, AuditTrail, BackupPage, BackupQuery, Backups, Configuration, Due, DueItem, Lease, LeaseOutcome, Leases,
    PolicyChange, Scans, Slots, Store, StoreError,
};
