//! The library of the command-line tool: checks, explains, simulates and converts configurations without Envoy.

pub mod convert;
pub mod inspect;
