//! The core, driven from outside.

mod jose;
