//! Layer 0: the only place that names a cryptography library.
