//! What the command-line tool knows of a configuration without an Envoy.

pub mod inspect;
