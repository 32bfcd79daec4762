//! Every row of the requirement table, from an identity that passes with one thing changed.
