//! A doubt about a configuration.

/// A doubt: where, and a sentence.
pub type Doubt = (String, String);
