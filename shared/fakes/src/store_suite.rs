//! What every store keeps to: the checks that the store in memory and the table both pass.
//!
//! Each check takes a store with nothing in it. [`store_suite!`](crate::store_suite!) makes a test of each:
//!
//! ```ignore
//! cpm_fakes::store_suite!(a_fresh_store());
//! ```
//!
//! The argument is a future of a store; the tests need Tokio.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "checks of tests: they fail by panicking, and their names say what they check"
)]

mod alerts;
mod audit;
mod backups;
mod configuration;
mod drills;
mod freezer;
mod holds;
mod images;
mod leases;
mod recoveries;
mod runs;
pub mod samples;
mod scans;
mod scenarios;
mod sets;
mod slots;

pub use alerts::*;
pub use audit::*;
pub use backups::*;
pub use configuration::*;
pub use drills::*;
pub use freezer::*;
pub use holds::*;
pub use images::*;
pub use leases::*;
pub use recoveries::*;
pub use runs::*;
pub use scans::*;
pub use scenarios::*;
pub use sets::*;
pub use slots::*;

use cpm_ports::StoreError;

/// Makes a test of every check; `$fresh` is a future of a store with nothing in it.
#[macro_export]
macro_rules! store_suite {
    ($fresh:expr) => {
        $crate::store_suite! { @each $fresh;
            a_scan_is_replaced_and_the_newest_come_first
            the_newest_news_of_a_tag_is_kept
            a_scans_lines_are_of_any_number
            a_scans_lines_are_replaced_place_by_place
            a_scans_lines_come_by_account_region_and_place
            a_backup_is_written_once
            a_backup_changes_from_the_phase_that_was_read
            backups_are_listed_newest_first
            backups_are_listed_past_a_page_of_the_table
            backups_in_deletion_come_oldest_first
            only_what_is_in_deletion_is_removed
            numbers_are_given_once
            reserved_numbers_are_not_given
            a_set_changes_from_the_version_that_was_read
            a_set_is_changed_by_one_of_many
            a_set_that_is_lacking_is_added
            a_set_is_found_by_its_key_unit_until_it_is_settled
            sets_come_in_order_of_number
            an_initial_image_changes_from_the_version_that_was_read
            initial_images_come_in_order
            a_backup_is_frozen_with_its_name_and_event
            a_name_is_given_once_in_any_case
            a_backup_has_one_name
            only_what_is_finished_is_frozen
            a_backup_is_frozen_or_deleting_and_never_both
            a_frozen_backup_keeps_its_place_when_it_is_written
            a_backup_leaves_the_freezer_as_its_policy_stands
            the_freezer_comes_in_order_of_name
            runs_come_in_order_of_phase_and_number
            a_run_changes_from_the_version_that_was_read
            a_run_is_changed_by_one_of_many
            runs_are_made_once_and_go_with_their_backup
            origins_are_read_back_and_replaced
            origins_come_in_order_of_region_and_resource
            origins_outlast_a_plan_and_go_with_their_backup
            numbers_of_recoveries_are_given_once
            a_recovery_changes_from_the_version_that_was_read
            a_recovery_is_written_by_one_of_many
            recoveries_are_listed_newest_first
            recoveries_and_backups_of_a_policy_are_apart
            works_are_added_once
            works_come_in_order_of_number
            a_work_changes_from_the_version_that_was_read
            a_work_is_changed_by_one_of_many
            a_lease_is_taken_by_one_of_many
            a_lease_is_taken_again_by_its_holder
            a_lease_is_taken_instead_of_its_holder
            a_lease_is_renewed_by_its_holder_alone
            a_lease_is_released_by_its_holder_alone
            a_lease_that_runs_out_is_due
            a_slot_is_advanced_by_one_of_many
            a_slot_that_is_gone_is_not_advanced
            a_slot_that_never_runs_again_is_not_due
            what_is_due_comes_in_order_and_in_parts
            what_is_due_comes_of_all_owners
            a_drill_slot_is_due_beside_the_others
            a_drill_slot_is_advanced_by_one_of_many
            a_hold_is_taken_by_one_of_many
            a_hold_is_taken_instead_of_its_execution
            a_hold_is_renewed_and_released_by_its_execution_alone
            a_hold_is_due_until_it_is_released
            numbers_of_drills_are_given_once
            a_drill_changes_from_the_version_that_was_read
            drills_are_listed_newest_first
            numbers_of_scenarios_are_given_once
            a_scenario_changes_from_the_version_that_was_read
            scenarios_are_listed_newest_first
            an_alert_stands_until_it_is_cleared
            an_alert_that_was_raised_meanwhile_is_not_overwritten
            alerts_are_apart_by_category_and_subject
            events_come_newest_first
            events_of_one_instant_are_not_torn_apart
            an_empty_store_answers
            what_is_configured_is_read_back
            what_is_configured_comes_in_order_of_name
            what_is_removed_is_gone
            a_policy_is_made_once_with_all_that_goes_with_it
            a_policy_that_is_gone_is_not_replaced
            a_resource_knows_its_policies
            targets_come_by_region_and_id
            owners_are_apart
            many_changes_are_made_in_order
        }
    };
    (@each $fresh:expr; $($check:ident)*) => {
        $(
            #[tokio::test]
            async fn $check() {
                $crate::store_suite::$check(&$fresh.await).await;
            }
        )*
    };
}

/// Fails unless somebody was faster.
#[track_caller]
fn assert_lost<T: std::fmt::Debug>(answer: &Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::LostRace(_))), "no lost race: {answer:?}");
}

/// Fails unless one of many won, and all others were told.
#[track_caller]
fn assert_one_won<T: std::fmt::Debug>(answers: Vec<Result<T, StoreError>>) {
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1, "one wins: {won:?} {lost:?}");
    lost.iter().for_each(assert_lost);
}
