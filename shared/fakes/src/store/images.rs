//! Initial images of instances.

use async_trait::async_trait;
use cpm_domain::{initial_image::InitialImage, name::OwnerName};
use cpm_ports::{Images, StoreError};

use super::{FakeStore, data::ImageKey, fits, of};

fn key(image: &InitialImage) -> ImageKey {
    (image.account.clone(), image.region.clone(), image.instance.clone())
}

fn lost(image: &InitialImage) -> StoreError {
    StoreError::LostRace(format!("the initial image of {}", image.instance))
}

#[async_trait]
impl Images for FakeStore {
    async fn images(&self, owner: &OwnerName) -> Result<Vec<InitialImage>, StoreError> {
        self.read(&["store:images"], owner, |data| of(data, owner).images.values().cloned().collect()).await
    }

    async fn put_image(&self, owner: &OwnerName, image: &InitialImage) -> Result<(), StoreError> {
        self.write(&["store:put_image"], owner, &image.instance, |owned| {
            fits(image, format!("the initial image of {}", image.instance))?;
            let stored = owned.images.get(&key(image)).map_or(0, |stored| stored.version);
            if stored != image.version {
                return Err(lost(image));
            }
            owned.images.insert(key(image), InitialImage { version: image.version + 1, ..image.clone() });
            Ok(())
        })
        .await
    }

    async fn remove_image(&self, owner: &OwnerName, image: &InitialImage) -> Result<(), StoreError> {
        self.write(&["store:remove_image"], owner, &image.instance, |owned| {
            match owned.images.get(&key(image)) {
                Some(stored) if stored.version == image.version => drop(owned.images.remove(&key(image))),
                Some(_) => return Err(lost(image)),
                None => {}
            }
            Ok(())
        })
        .await
    }
}
