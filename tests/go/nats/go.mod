module hecate-seal.test/nats

go 1.26.0

require (
	github.com/nats-io/jwt/v2 v2.8.2
	github.com/nats-io/nats-server/v2 v2.15.2
	github.com/nats-io/nkeys v0.4.16
	golang.org/x/crypto v0.58.0
)

require golang.org/x/sys v0.49.0 // indirect
