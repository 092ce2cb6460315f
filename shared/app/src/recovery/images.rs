//! Images like the one that an instance was launched from.

use cpm_contracts::recovery::{ImagesFound, ImagesLike};
use cpm_domain::{
    id::Region,
    name::OwnerName,
    origin::{ImageOrigin, InstanceOrigin, Origin},
    recovery::image,
};
use cpm_ports::{Access, Place};

use super::Steps;
use crate::{Error, Result};

impl Steps<'_> {
    /// Looks for images like the one that an instance was launched from (§9.2.3).
    pub async fn images(&self, owner: &OwnerName, like: &ImagesLike) -> Result<ImagesFound> {
        let backup = self.store.backup(owner, like.backup).await?;
        let backup = backup.ok_or_else(|| Error::not_found("backup", like.backup))?;
        let name = like.account.as_ref().unwrap_or(&backup.account);
        let account = self.store.account(owner, name).await?.ok_or_else(|| Error::not_found("account", name))?;
        let (of, original) = self.original(owner, like).await?;
        let region = like.region.clone().unwrap_or(of);
        let place = Place { access: Access::for_recovery(&account), region: region.clone() };
        let candidates = match image::filter(&original, like.fuzzy) {
            Some(filter) => self.images.images(&place, &filter).await?,
            None => Vec::new(),
        };
        let images = image::alike(&original, candidates, like.fuzzy);
        Ok(ImagesFound { original, region, images })
    }

    async fn original(&self, owner: &OwnerName, like: &ImagesLike) -> Result<(Region, ImageOrigin)> {
        let origins = self.store.origins(owner, like.backup).await?;
        let mut found = origins.into_iter().filter_map(|record| match record.origin {
            Origin::Instance(instance) => Some((record.region, instance)),
            _ => None,
        });
        let wanted = |(_, instance): &(_, Box<InstanceOrigin>)| {
            like.source.as_ref().is_none_or(|source| *source == instance.id.as_str())
        };
        let mut fitting = found.by_ref().filter(wanted);
        let (Some((region, instance)), None) = (fitting.next(), fitting.next()) else {
            return Err(Error::bad_input(
                format!("backup {} has not one such instance on record", like.backup),
                format!("name one of those that `cpm recover show {}` lists", like.backup),
            ));
        };
        Ok((region, instance.image))
    }
}
