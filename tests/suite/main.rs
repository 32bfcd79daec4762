//! The core, driven from outside.
