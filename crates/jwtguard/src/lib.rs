//! The library of the command-line tool: checks, explains, simulates and compares configurations without Envoy, and
//! writes manifests.

pub mod diff;
pub mod init;
pub mod inspect;
