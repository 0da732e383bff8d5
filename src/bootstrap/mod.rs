//! Layer 2: A cluster's first secrets: what should be there, what is, and what has to be made.
