//! What the use cases need of the world, in domain types. One trait a capability; no SDK type passes here.

mod aws;
mod clock;
mod commands;
mod event_bus;
mod executions;
mod publisher;
mod recovery;
mod store;

pub use aws::{Access, Deleters, Deletions, Driver, Drivers, Place, Regions};
pub use clock::{Clock, Deadline};
pub use commands::{Agents, Commands, Functions};
pub use event_bus::{EventBus, Untaken};
pub use executions::{Execution, Executions, Machine, Started};
pub use publisher::Publisher;
pub use recovery::{Health, Identity, ImageSearch, Planner, Removals, Removers, Restorer, Restorers};
pub use store::{
    Alerts, AuditTrail, BackupPage, BackupQuery, Backups, Configuration, DrillPage, DrillQuery, Drills, Due, DueItem,
    Freezer, Held, Hold, Holds, Images, Lease, LeaseOutcome, Leases, Origins, PolicyChange, Recoveries, RecoveryPage,
    RecoveryQuery, Scans, ScenarioPage, Scenarios, ScriptRuns, Slots, Store, StoreError,
};
