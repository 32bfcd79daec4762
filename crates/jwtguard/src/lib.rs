//! The library of the command-line tool: checks, explains, simulates and compares configurations without Envoy.

pub mod diff;
pub mod inspect;
