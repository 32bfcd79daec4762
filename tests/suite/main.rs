//! The core, driven from outside.

mod denial;
mod jose;
