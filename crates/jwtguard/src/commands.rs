//! The commands of the tool, one file for each.

pub mod ask;
pub mod check;
pub mod convert;
pub mod decode;
pub mod diff;
pub mod dpop;
pub mod duration;
pub mod explain;
pub mod init;
pub mod keygen;
pub mod mint;
pub mod output;
pub mod policy_test;
pub mod serve;
pub mod token_input;
pub mod upstream;
