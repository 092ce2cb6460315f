//! The storage of a database.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html>

use super::Check;
use crate::{origin::DatabaseOrigin, recovery::plan::DatabasePlan};

const TYPES: [&str; 5] = ["gp2", "gp3", "io1", "io2", "standard"];

/// What gp3 has by itself: whatever its size, and from [`gp3_threshold`] on.
const GP3_IOPS: i32 = 3_000;
const GP3_THROUGHPUT: i32 = 125;
const LARGE_GP3_IOPS: i32 = 12_000;
const LARGE_GP3_THROUGHPUT: i32 = 500;

/// In MiB/s, for each of its operations a second: a quarter.
const OPERATIONS_A_MEBIBYTE: i32 = 4;

/// What provisioned operations a second an engine takes for a type of storage.
struct Range {
    least: i32,
    most: i32,
    /// For each GiB.
    ratio: i32,
}

fn range(storage: &str, engine: &str, size: Option<i32>) -> Option<Range> {
    let sql_server = engine.starts_with("sqlserver");
    match storage {
        "io1" => Some(Range { least: 1_000, most: if sql_server { 64_000 } else { 256_000 }, ratio: 50 }),
        "io2" => Some(Range { least: 1_000, most: 256_000, ratio: 1_000 }),
        "gp3" if sql_server => Some(Range { least: GP3_IOPS, most: 16_000, ratio: 500 }),
        // What is large enough to be given more has that much by itself.
        "gp3" => {
            Some(Range { least: if size.is_some() { LARGE_GP3_IOPS } else { GP3_IOPS }, most: 64_000, ratio: 500 })
        }
        _ => None,
    }
}

/// From how many GiB on gp3 can be given more than it has by itself.
fn gp3_threshold(engine: &str) -> i32 {
    match engine {
        engine if engine.starts_with("sqlserver") => 0,
        engine if engine.starts_with("oracle") => 200,
        engine if engine.starts_with("db2") => 100,
        _ => 400,
    }
}

/// Whether AWS takes operations and throughput for gp3 of that size. Below it takes none, not even what it has.
fn gp3_takes_more(engine: &str, size: Option<i32>) -> bool {
    size.is_none_or(|size| size >= gp3_threshold(engine))
}

pub(super) fn fill(wanted: &mut DatabasePlan, origin: &DatabaseOrigin) {
    wanted.storage_type = wanted.storage_type.take().or_else(|| origin.storage_type.clone());
    // What another type of storage had says nothing of this one.
    if wanted.storage_type != origin.storage_type {
        return;
    }
    match wanted.storage_type.as_deref() {
        Some("gp3") if gp3_takes_more(&origin.engine, origin.storage) => {
            wanted.iops = wanted.iops.or(origin.iops);
            wanted.throughput = wanted.throughput.or(origin.throughput);
        }
        Some("io1" | "io2") => wanted.iops = wanted.iops.or(origin.iops),
        _ => {}
    }
}

/// Leaves out what AWS does not take, where it says no more than AWS would do anyway.
pub(super) fn trim(plan: &mut DatabasePlan, engine: &str, size: Option<i32>) {
    if plan.storage_type.as_deref() == Some("gp3") && !gp3_takes_more(engine, size) {
        plan.iops = plan.iops.filter(|iops| *iops != GP3_IOPS);
        plan.throughput = plan.throughput.filter(|throughput| *throughput != GP3_THROUGHPUT);
    }
}

pub(super) fn check(check: &mut Check<'_>, wanted: &DatabasePlan, engine: &str, size: Option<i32>) {
    let Some(storage) = wanted.storage_type.as_deref().filter(|storage| !storage.is_empty()) else { return };
    if !TYPES.contains(&storage) {
        let advice = format!("write one of {}", TYPES.join(", "));
        check.problem("storage_type", format!("`{storage}` is no type of storage of databases"), advice);
        return;
    }
    iops(check, wanted, storage, engine, size);
    throughput(check, wanted, storage, engine, size);
}

fn iops(check: &mut Check<'_>, wanted: &DatabasePlan, storage: &str, engine: &str, size: Option<i32>) {
    let Some(Range { least, most, ratio }) = range(storage, engine, size) else {
        if wanted.iops.is_some() {
            let message = format!("{storage} has no operations a second to set");
            check.problem("iops", message, "leave `iops` out, or write gp3, io1 or io2 as `storage_type`");
        }
        return;
    };
    let Some(iops) = wanted.iops else {
        if storage != "gp3" {
            let message = format!("{storage} needs its operations a second");
            check.problem("iops", message, format!("write `iops` from {least} to {most}"));
        }
        return;
    };
    if storage == "gp3" && !gp3_takes_more(engine, size) {
        if iops != GP3_IOPS {
            let message =
                format!("gp3 of less than {} GiB has {GP3_IOPS} operations a second", gp3_threshold(engine));
            check.problem("iops", message, "leave `iops` out");
        }
        return;
    }
    let most = size.map_or(most, |size| most.min(size.saturating_mul(ratio)));
    if !(least..=most).contains(&iops) {
        let of = size.map(|size| format!(" of {size} GiB")).unwrap_or_default();
        let message = format!("{iops} operations a second are out of range for {storage}{of}");
        check.problem("iops", message, format!("write {least} to {most}"));
    }
}

fn throughput(check: &mut Check<'_>, wanted: &DatabasePlan, storage: &str, engine: &str, size: Option<i32>) {
    let Some(throughput) = wanted.throughput else { return };
    if storage != "gp3" {
        let message = format!("{storage} has no throughput to set");
        check.problem("throughput", message, "leave `throughput` out, or write gp3 as `storage_type`");
        return;
    }
    if !gp3_takes_more(engine, size) {
        if throughput != GP3_THROUGHPUT {
            let message = format!("gp3 of less than {} GiB has {GP3_THROUGHPUT} MiB/s", gp3_threshold(engine));
            check.problem("throughput", message, "leave `throughput` out");
        }
        return;
    }
    let sql_server = engine.starts_with("sqlserver");
    let least = if sql_server || size.is_none() { GP3_THROUGHPUT } else { LARGE_GP3_THROUGHPUT };
    let most = if sql_server { 1_000 } else { 4_000 };
    let most = wanted.iops.map_or(most, |iops| most.min(iops / OPERATIONS_A_MEBIBYTE));
    if !(least..=most).contains(&throughput) {
        let message = format!("{throughput} MiB/s are out of range for gp3 with so many operations a second");
        check.problem("throughput", message, format!("write {least} to {most}, a quarter of `iops` at most"));
    }
}
