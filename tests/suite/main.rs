//! The core, driven from outside.

mod denial;
