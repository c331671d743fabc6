//! The broker: dispatch, one handler file per API, partitions, controller host and configuration.

pub mod config;
