//! Layer 3: the user's repository: its files and settings.
