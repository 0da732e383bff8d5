//! Layer 2: NATS users, accounts and permissions: `auth.conf` written and checked, nkeys and JWTs.
