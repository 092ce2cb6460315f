//! Initial images of instances.

use async_trait::async_trait;
use cpm_domain::{initial_image::InitialImage, name::OwnerName};
use cpm_ports::{Images, StoreError};

use crate::{
    item::{self, Kind, number},
    keys::{self, Key},
    query::Query,
    table::{Condition, Table},
};

fn what(image: &InitialImage) -> String {
    format!("the initial image of {}", image.instance)
}

#[async_trait]
impl Images for Table {
    async fn images(&self, owner: &OwnerName) -> Result<Vec<InitialImage>, StoreError> {
        item::read_all(self.query(&Query::of(keys::images(owner)).consistent()).await?, Kind::Image)
    }

    async fn put_image(&self, owner: &OwnerName, image: &InitialImage) -> Result<(), StoreError> {
        let condition = if image.version == 0 { Condition::absent() } else { Condition::at_version(image.version) };
        let next = InitialImage { version: image.version.saturating_add(1), ..image.clone() };
        let item = item::write(&Key::image(owner, image), Kind::Image, &next)?;
        self.put_item(item, Some(condition), &what(image)).await
    }

    async fn remove_image(&self, owner: &OwnerName, image: &InitialImage) -> Result<(), StoreError> {
        let read = Condition::new("attribute_not_exists(#pk) OR #version = :version", &["pk", "version"])
            .with("version", number(image.version));
        self.delete_item(&Key::image(owner, image), Some(read), &what(image)).await
    }
}
