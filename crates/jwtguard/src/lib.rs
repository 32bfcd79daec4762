//! The library of the command-line tool: checks, explains, simulates, compares and converts configurations without Envoy,
//! and writes manifests.

pub mod convert;
pub mod diff;
pub mod init;
pub mod inspect;
mod scalar;
