//! Holds the rule of layers.
