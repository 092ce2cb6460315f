//! The store on one DynamoDB table.
//!
//! # Items
//!
//! Every item has a partition key `pk`, a sort key `sk`, the number `schema` and the word `item`, which says what it is.
//! The rest is the domain type, field by field. `<o>` is the owner, `<p>` the policy, `<b>` the number of the backup in
//! twelve digits, `<r>` that of the recovery; instants in keys are UTC in nine digits after the point, so that they sort.
//!
//! | item | `pk` | `sk` | indexed by |
//! | --- | --- | --- | --- |
//! | owner | `OWNERS` | `<o>` | |
//! | counter | `OWNER#<o>` | `COUNTER#backup`, `COUNTER#recovery`, `COUNTER#drill`, `COUNTER#scenario` | |
//! | settings | `OWNER#<o>` | `SETTINGS` | |
//! | account | `OWNER#<o>#ACCOUNTS` | name | |
//! | schedule | `OWNER#<o>#SCHEDULES` | name | |
//! | policy | `OWNER#<o>#POLICIES` | `<p>` | |
//! | target | `OWNER#<o>#POLICY#<p>` | `TARGET#<region>#<kind>#<id>` | `by_resource`: `OWNER#<o>#RESOURCE#<region>#<id>`, `<p>` |
//! | slot | `OWNER#<o>#POLICY#<p>` | `SLOT#<schedule>` | `due`: `DUE`, `<instant>#<o>#<p>#SLOT#<schedule>` |
//! | lease | `OWNER#<o>#POLICY#<p>` | `LEASE` | `due`: `DUE`, `<expires>#<o>#<p>#LEASE` |
//! | drill slot | `OWNER#<o>#POLICY#<p>` | `DRILL` | `due`: `DUE`, `<instant>#<o>#<p>#DRILL` |
//! | hold on drills | `OWNER#<o>#HOLDS` | `DRILLS#<p>` | `due`: `DUE`, `<expires>#<o>##HOLD#DRILLS#<p>` |
//! | hold on a scenario | `OWNER#<o>#HOLDS` | `SCENARIO#<number>` | `due`: `DUE`, `<expires>#<o>##HOLD#SCENARIO#<number>` |
//! | drill | `OWNER#<o>#DRILLS` | number | `by_policy`: `OWNER#<o>#DRILLS#<p>`, number |
//! | run of a scenario | `OWNER#<o>#SCENARIOS` | number | |
//! | backup | `OWNER#<o>#BACKUPS` | `<b>` | `by_policy`: `OWNER#<o>#POLICY#<p>`, `<b>`; in deletion `due`: `OWNER#<o>#DELETING` or `OWNER#<o>#DELETED`, `<b>` |
//! | set | `OWNER#<o>#BACKUP#<b>` | `SET#<number>` | while AWS makes it `by_resource`: `SNAPSHOT#<region>#<key snapshot>`, `OWNER#<o>#BACKUP#<b>#<number>` |
//! | initial image | `OWNER#<o>#IMAGES` | `IMAGE#<account>#<region>#<instance>` | |
//! | frozen | `OWNER#<o>#FREEZER` | name without case | |
//! | run of a script | `OWNER#<o>#BACKUP#<b>` | `SCRIPT#<phase, 1 to 3>#<number>` | |
//! | origin | `OWNER#<o>#BACKUP#<b>` | `ORIGIN#<region>#<kind>#<id>` | |
//! | recovery | `OWNER#<o>#RECOVERIES` | `<r>` | `by_policy`: `OWNER#<o>#RECOVERIES#<p>`, `<r>` |
//! | work | `OWNER#<o>#RECOVERY#<r>` | `WORK#<number>` | |
//! | alert | `OWNER#<o>#ALERTS` | `ALERT#<category>#<subject>` | |
//! | event | `OWNER#<o>#AUDIT` | `<time>#<place>#<hash>` | |
//! | scan | `OWNER#<o>#SCANS` | id | |
//! | lines | `OWNER#<o>#SCAN#<id>` | `LINES#<account>#<region>#<chunk>` | |
//! | news of a tag | `OWNER#<o>#TAGS` | `TAG#<account>#<region>#<id>` | |
//!
//! The word is `item` and not `kind`, because a domain type has a field `kind`. Scans and their lines go after
//! [`SCAN_DAYS`] days (`expires_at`, the table's time to live).
//!
//! # Rules
//!
//! - No scan of the table: every question has a key or an index. The indexes are sparse and read a moment late.
//! - A change of state is conditional; a failed condition is [`StoreError::LostRace`].
//! - A backup's `frozen` changes only in a transaction with its item `frozen`; any other write of the backup needs it to be
//!   as it was read.
//! - The SDK repeats a call that was throttled or not answered: the only retry there is. A conditional write whose
//!   answer was lost and which was repeated tells of a lost race: read again, and see that it is done.
//! - An item of a schema that this version does not know is [`StoreError::Unreadable`], never half read.
//!
//! [`StoreError::LostRace`]: cpm_ports::StoreError::LostRace
//! [`StoreError::Unreadable`]: cpm_ports::StoreError::Unreadable

mod alerts;
mod audit;
mod backups;
mod change;
mod configuration;
mod definition;
mod drills;
mod error;
mod freezer;
mod holds;
mod images;
mod index;
mod item;
mod keys;
mod leases;
mod lock;
mod origins;
mod query;
mod recoveries;
mod runs;
mod scans;
mod scenarios;
mod sets;
mod slots;
mod table;

pub use definition::table_definition;
pub use scans::SCAN_DAYS;
pub use table::Table;
