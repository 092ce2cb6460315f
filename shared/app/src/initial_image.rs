//! Initial images: made by a backup when they are due, kept for the instance, deleted by the cleaner when they are not
//! needed any more.

use cpm_domain::{
    account::Account,
    backup::Backup,
    initial_image::InitialImage,
    name::{AccountName, OwnerName, PolicyName},
    policy::Policy,
    settings::Settings,
    unit::UnitSet,
};
use cpm_ports::{BackupQuery, Store, StoreError};
use jiff::Timestamp;

use crate::Result;

/// How often a lost race is run again.
const RACES: u32 = 5;

/// Strikes the initial images out of `sets` that are not due yet; the backup relies on those that are there.
pub(crate) async fn keep_due(
    store: &dyn Store,
    owner: &OwnerName,
    policy: &Policy,
    account: &Account,
    sets: Vec<UnitSet>,
    now: Timestamp,
) -> Result<Vec<UnitSet>> {
    if !sets.iter().any(UnitSet::is_initial_image) {
        return Ok(sets);
    }
    let Settings { initial_ami_rotation_days: days, .. } = store.settings(owner).await?;
    let images = store.images(owner).await?;
    let mut kept = Vec::with_capacity(sets.len());
    for set in sets {
        let image = images.iter().find(|image| set.is_initial_image() && image.is_of(&account.name, &set));
        match image {
            Some(image) if !image.is_due(days, now) => rely_on(store, owner, image, &policy.name).await?,
            _ => kept.push(set),
        }
    }
    Ok(kept)
}

async fn rely_on(store: &dyn Store, owner: &OwnerName, image: &InitialImage, policy: &PolicyName) -> Result<()> {
    change(store, owner, &image.account, image, |image| image.policies.insert(policy.clone())).await
}

/// Takes in the initial images of a backup that are there: from now on they are the instances', not the backup's.
pub(crate) async fn adopt(store: &dyn Store, owner: &OwnerName, backup: &Backup, sets: &[UnitSet]) -> Result<()> {
    for set in sets.iter().filter(|set| set.is_initial_image()) {
        let Some(instance) = set.instance() else { continue };
        let image = InitialImage::none(backup.account.clone(), set.region.clone(), instance.clone());
        change(store, owner, &backup.account, &image, |image| {
            let adopted = set.units.iter().filter(|unit| image.adopt(unit, &backup.policy, backup.id)).count();
            adopted > 0
        })
        .await?;
    }
    Ok(())
}

/// Changes the record of the instance that `like` is of, which may not be there yet.
async fn change(
    store: &dyn Store,
    owner: &OwnerName,
    account: &AccountName,
    like: &InitialImage,
    mut make: impl FnMut(&mut InitialImage) -> bool,
) -> Result<()> {
    for _ in 0..RACES {
        let same = |image: &InitialImage| image.account == *account && image.target() == like.target();
        let found = store.images(owner).await?.into_iter().find(same);
        let none = || InitialImage::none(account.clone(), like.region.clone(), like.instance.clone());
        let mut image = found.unwrap_or_else(none);
        if !make(&mut image) {
            return Ok(());
        }
        match store.put_image(owner, &image).await {
            Ok(()) => return Ok(()),
            Err(StoreError::LostRace(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::LostRace(format!("the initial image of {}", like.instance)).into())
}

/// Whether anybody needs an initial image: a policy holds its instance, or backups are kept that rely on it.
pub(crate) async fn is_needed(store: &dyn Store, owner: &OwnerName, image: &InitialImage) -> Result<bool> {
    if !store.policies_with(owner, &image.target()).await?.is_empty() {
        return Ok(true);
    }
    for policy in &image.policies {
        // The index may be a moment late: the policy's own targets are not.
        let targets = store.targets(owner, policy).await?;
        if targets.iter().any(|target| target.key() == image.target()) || has_backups(store, owner, policy).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn has_backups(store: &dyn Store, owner: &OwnerName, policy: &PolicyName) -> Result<bool> {
    let mut query = BackupQuery { policy: Some(policy.clone()), limit: 200, before: None };
    loop {
        let page = store.list(owner, &query).await?;
        if page.backups.iter().any(Backup::is_kept) {
            return Ok(true);
        }
        query.before = page.next;
        if query.before.is_none() {
            return Ok(false);
        }
    }
}
