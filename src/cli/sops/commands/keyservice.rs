//! `keyservice`: this machine's age identities for other runs of sops, over gRPC, until a signal ends it.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::cli::report::Context;
use crate::cli::sops::child::Signals;
use crate::cli::sops::keyservice::Address;
use crate::cli::sops::keyservice::client::Method;
use crate::cli::sops::keyservice::server::{self, Job};
use crate::cli::sops::session::Session;
use crate::cli::{Exit, Failure, Outcome};
use crate::secret::SecretBytes;
use crate::sops::metadata::{MasterKey, Provider};
use crate::sops::rules::KeySpec;

/// How often signals are looked for.
const STEP: Duration = Duration::from_millis(50);

/// `keyservice`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    let (network, place) = (session.local.text("network").to_owned(), session.local.text("address").to_owned());
    let address = Address::new(&network, &place).map_err(Failure::new)?;
    let signals = Signals::catch();
    let (jobs, requests) = channel();
    let running = server::start(&address, jobs).context(|| format!("cannot listen on {network}://{place}"))?;
    session.warn(format!("Listening on {network}://{}: whoever reaches it can open what the keys here open", running.address));
    loop {
        match requests.recv_timeout(STEP) {
            Ok(job) => serve(session, job),
            Err(RecvTimeoutError::Timeout) if signals.take().is_some() => return Ok(Exit::DONE),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::new("the key service ended by itself")),
        }
    }
}

fn serve(session: &mut Session<'_>, job: Job) {
    if session.local.is_on("prompt") && !agreed(session, &job) {
        return job.answer(Err("Request cancelled by user".to_owned()));
    }
    let result = match job.method {
        Method::Encrypt => {
            let key = KeySpec { provider: Provider::Age, name: job.recipient.clone() };
            let wrapped = session.wrap_here(&key, &job.content).map_err(|error| error.to_string());
            wrapped.map(|key| SecretBytes::copy_of(key.enc().as_bytes()))
        }
        Method::Decrypt => match std::str::from_utf8(job.content.expose()) {
            Ok(enc) => {
                let key = MasterKey::age(&job.recipient, enc);
                session.unwrap_here(&key)
            }
            Err(_) => Err("the wrapped key is not text".to_owned()),
        },
    };
    let outcome = if result.is_ok() { "done" } else { "failed" };
    let method = match job.method {
        Method::Encrypt => "encrypt",
        Method::Decrypt => "decrypt",
    };
    session.detail(format!("{method} for {}: {outcome}", job.recipient));
    job.answer(result);
}

/// Asks for one request on the terminal.
fn agreed(session: &mut Session<'_>, job: &Job) -> bool {
    let what = match job.method {
        Method::Encrypt => "encrypt",
        Method::Decrypt => "decrypt",
    };
    let name: String = job.recipient.chars().filter(|c| !c.is_control()).take(100).collect();
    let answer = (session.io.ask)(&format!("{what} a data key for {name}? (y/n): "));
    answer.is_ok_and(|answer| answer.expose().trim() == "y")
}
