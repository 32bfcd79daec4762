//! The library of the command-line tool: checks, explains and simulates configurations without Envoy.

pub mod inspect;
