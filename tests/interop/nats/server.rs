//! A real nats-server on ports that the system chooses.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::{Client, Login};
use crate::support::{Run, peers};

/// A server that is stopped when the value goes.
pub struct Server {
    child: Child,
    pub port: u16,
    pub monitor: u16,
    pub log: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The server's program.
pub fn program() -> Option<PathBuf> {
    peers::get(&peers::NATS_SERVER)
}

/// Starts a server with this configuration; what it said, if it ends instead.
pub fn start(program: &Path, conf: &Path, env: &[(&str, &str)]) -> Result<Server, String> {
    let folder = tempfile::Builder::new().prefix("ports-").tempdir_in(conf.parent().unwrap()).unwrap().keep();
    let log = folder.join("log");
    let child = Command::new(program)
        .args(["-a", "127.0.0.1", "-p", "-1", "-m", "-1", "--ports_file_dir"])
        .arg(&folder)
        .arg("-l")
        .arg(&log)
        .arg("-c")
        .arg(conf)
        .env_clear()
        .envs(env.iter().copied())
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("err")).unwrap())
        .spawn()
        .unwrap();
    let mut server = Server { child, port: 0, monitor: 0, log: log.clone() };
    let ports = folder.join(format!("nats-server_{}.ports", server.child.id()));
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(status) = server.child.try_wait().unwrap() {
            let text = std::fs::read_to_string(folder.join("err")).unwrap_or_default()
                + &std::fs::read_to_string(&log).unwrap_or_default();
            return Err(format!("{status}: {text}"));
        }
        if let Ok(text) = std::fs::read_to_string(&ports)
            && let Ok(value) = serde_json::from_str::<Value>(&text)
        {
            let port = |name: &str| value[name][0].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
            (server.port, server.monitor) = (port("nats"), port("monitoring"));
            return Ok(server);
        }
        assert!(Instant::now() < end, "nats-server neither starts nor ends");
        std::thread::sleep(Duration::from_millis(3));
    }
}

impl Server {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn connect(&self, login: &Login) -> Result<Client, String> {
        Client::connect(self.port, login)
    }

    /// Whether this name and password are let in.
    pub fn lets_in(&self, user: &str, password: &str) -> bool {
        self.connect(&Login::password(user, password)).is_ok()
    }

    /// Whether somebody without any credentials is let in.
    pub fn is_open(&self) -> bool {
        self.connect(&Login::Nobody).is_ok()
    }

    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor)
    }
}

/// What `nats-server -t` says: its digest, or its complaint.
pub fn test(program: &Path, conf: &Path, env: &[(&str, &str)]) -> Result<String, String> {
    let mut run = Run::new(program).arg("-t").arg("-c").arg(conf);
    for (name, value) in env {
        run = run.env(name, value);
    }
    let output = run.output();
    let text = output.err().to_owned();
    match output.code {
        Some(0) => Ok(text
            .rsplit_once('(')
            .and_then(|(_, rest)| rest.split_once(')'))
            .map(|(digest, _)| digest.to_owned())
            .unwrap_or(text)),
        _ => Err(text),
    }
}
