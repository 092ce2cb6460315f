//! What Cloud Protection Manager is about: its types and its decisions.
//!
//! Nothing here reads a clock, talks to a network or knows an AWS SDK. A decision is a pure function: state in,
//! decision with its reason out. What carries decisions out is `cpm-app`; the module names are the same there.

pub mod account;
pub mod agents;
pub mod alert;
pub mod app_aware;
pub mod audit;
pub mod aws;
pub mod backup;
pub mod change;
pub mod cleanup;
pub mod command;
pub mod document;
pub mod drill;
pub mod freezer;
pub mod id;
pub mod initial_image;
pub mod kind;
pub mod message;
pub mod name;
pub mod origin;
pub mod pace;
pub mod policy;
pub mod progress;
pub mod provenance;
pub mod recovery;
pub mod resume;
pub mod retention;
pub mod retry;
pub mod scan;
pub mod scenario;
pub mod schedule;
pub mod script;
pub mod settings;
pub mod state_change;
pub mod status;
pub mod tag;
pub mod target;
pub mod unit;
pub mod unit_name;
