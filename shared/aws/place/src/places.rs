use std::{collections::HashMap, fmt};

use aws_config::{Region, SdkConfig};
use cpm_ports::Place;
use tokio::sync::Mutex;

use crate::Roles;

/// The clients of a service that were needed so far: one for each role and Region.
pub struct Places<C> {
    roles: Roles,
    make: fn(&SdkConfig) -> C,
    known: Mutex<HashMap<Place, C>>,
}

impl<C: Clone> Places<C> {
    /// None yet. `make` is the `new` of the SDK's client.
    pub fn new(roles: &Roles, make: fn(&SdkConfig) -> C) -> Self {
        Self { roles: roles.clone(), make, known: Mutex::default() }
    }

    /// A client for `place`. Nothing is asked of AWS before the first call.
    pub async fn client(&self, place: &Place) -> C {
        let mut known = self.known.lock().await;
        if let Some(client) = known.get(place) {
            return client.clone();
        }
        let region = Region::new(place.region.as_str().to_owned());
        let config = self.roles.config(&place.access).await.into_builder().region(region).build();
        let client = (self.make)(&config);
        known.insert(place.clone(), client.clone());
        client
    }

    /// The Region that answers what is the same in all Regions.
    pub fn home(&self) -> &str {
        self.roles.home()
    }
}

impl<C> fmt::Debug for Places<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").field("roles", &self.roles).finish_non_exhaustive()
    }
}
