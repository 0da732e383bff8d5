//! What a high cost does when many clients reconnect at once, and what a hash costs here and in Go. Prints figures, so it runs
//! only when asked for: `cargo test --release --test interop nats::herd -- --ignored --nocapture`.

use std::fs;
use std::time::{Duration, Instant};

use hecate_seal::crypto::password::{self, BcryptIdent};
use serde_json::json;

use super::client::{Client, Login};
use super::go;
use super::server::{self, start};
use crate::support::{peers, temp_dir};

/// What most clients give the server to answer.
const PATIENCE: Duration = Duration::from_secs(2);

#[test]
#[ignore = "a measurement, not a check"]
fn reconnecting_clients_by_cost() {
    let Some(program) = server::program() else { return };
    let folder = temp_dir();
    let conf = folder.path().join("n.conf");
    for cost in [11, 8, 5] {
        let hash = password::bcrypt(b"password", cost, BcryptIdent::B).unwrap();
        fs::write(&conf, format!("authorization {{ users: [ {{ user: u, password: \"{hash}\" }} ] }}\n")).unwrap();
        for clients in [50, 100] {
            let server = start(&program, &conf, &[]).unwrap();
            let begin = Instant::now();
            let times: Vec<Option<Duration>> = std::thread::scope(|scope| {
                let client = |_| {
                    scope.spawn(|| {
                        let start = Instant::now();
                        Client::connect_within(server.port, &Login::password("u", "password"), PATIENCE)
                            .ok()
                            .map(|_| start.elapsed())
                    })
                };
                let running: Vec<_> = (0..clients).map(client).collect();
                running.into_iter().map(|one| one.join().unwrap()).collect()
            });
            let good = times.iter().flatten().count();
            let slowest = times.iter().flatten().max().copied().unwrap_or_default();
            peers::say(&format!(
                "cost {cost:2}, {clients:3} clients at once, timeout 2 s: {good:3} in, slowest of them {:4} ms, all answered or gave up after {:4} ms",
                slowest.as_millis(),
                begin.elapsed().as_millis()
            ));
        }
    }
}

#[test]
#[ignore = "a measurement, not a check"]
fn time_of_a_hash_by_cost() {
    let Some(go) = go::program() else { return };
    for cost in [4_u32, 5, 8, 10, 11, 12, 13, 14] {
        let count = if cost < 9 { 20 } else { 3 };
        let start = Instant::now();
        for _ in 0..count {
            password::bcrypt(b"correct horse battery staple", cost, BcryptIdent::B).unwrap();
        }
        let ours = start.elapsed().as_secs_f64() / f64::from(count);
        let theirs = go::ask(&go, json!({"op": "time", "cost": cost, "count": count}))["seconds"].as_f64().unwrap();
        peers::say(&format!("cost {cost:2}: ours {:8.2} ms, Go {:8.2} ms", ours * 1e3, theirs * 1e3));
    }
}
