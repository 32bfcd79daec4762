//! The library of the command-line tool: checks, explains and simulates configurations without Envoy, and writes
//! manifests.

pub mod init;
pub mod inspect;
