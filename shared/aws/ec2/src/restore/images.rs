//! Images that something could be launched from.

use async_trait::async_trait;
use cpm_domain::{aws::AwsError, origin::ImageOrigin, recovery::image::ImageFilter};
use cpm_ports::{ImageSearch, Place};

use crate::{Ec2, PAGE, filter, origins, place::failure};

const IMAGES: &str = "ec2:DescribeImages";

#[async_trait]
impl ImageSearch for Ec2 {
    /// Those that are out of date are among them: what was launched of one may need just that one.
    async fn images(&self, place: &Place, wanted: &ImageFilter) -> Result<Vec<ImageOrigin>, AwsError> {
        let client = self.places.client(place).await;
        // The name's `*` are meant.
        let mut filters =
            vec![filter("name").values(&wanted.name).build(), filter("state").values("available").build()];
        filters.extend(wanted.architecture.iter().map(|it| filter("architecture").values(it).build()));
        let asked = client.describe_images().owners(&wanted.owner).include_deprecated(true);
        let mut pages = asked.set_filters(Some(filters)).max_results(PAGE).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(&place.access, IMAGES, &error))?;
            found.extend(page.images().iter().map(origins::image));
        }
        Ok(found)
    }
}
