mod page;
mod properties;
mod snapshots;
mod tables;
