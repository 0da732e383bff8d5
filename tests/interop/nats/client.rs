//! A NATS client of a hundred lines: it logs in, publishes, subscribes, and says what the server said.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use hecate_seal::nats::nkey::KeyPair;
use serde_json::{Value, json};

/// What the client shows of itself.
pub enum Login {
    Nobody,
    Password(String, String),
    Token(String),
    /// A seed, and the JWT that belongs to it in operator mode.
    Key(String, Option<String>),
}

impl Login {
    pub fn password(user: &str, password: &str) -> Login {
        Login::Password(user.to_owned(), password.to_owned())
    }
}

pub struct Client {
    stream: BufReader<TcpStream>,
    /// `subject payload` of messages that came.
    pub messages: Vec<String>,
    /// What the server complained about.
    pub errors: Vec<String>,
    subscriptions: usize,
}

impl Client {
    pub fn connect(port: u16, login: &Login) -> Result<Client, String> {
        Client::connect_within(port, login, Duration::from_secs(20))
    }

    pub fn connect_within(port: u16, login: &Login, patience: Duration) -> Result<Client, String> {
        let stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(patience)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Client { stream: BufReader::new(stream), messages: Vec::new(), errors: Vec::new(), subscriptions: 0 };
        let info = client.line()?;
        let info: Value =
            serde_json::from_str(info.strip_prefix("INFO ").ok_or("no INFO")?).map_err(|error| error.to_string())?;
        let mut connect = json!({"verbose": false, "pedantic": true, "lang": "rust", "version": "0", "protocol": 1});
        match login {
            Login::Nobody => {}
            Login::Password(user, password) => (connect["user"], connect["pass"]) = (json!(user), json!(password)),
            Login::Token(token) => connect["auth_token"] = json!(token),
            Login::Key(seed, jwt) => {
                let pair = KeyPair::from_seed(seed).unwrap();
                let nonce = info["nonce"].as_str().ok_or("the server gives no nonce")?;
                connect["sig"] = json!(BASE64URL_NOPAD.encode(&pair.sign(nonce.as_bytes())));
                match jwt {
                    Some(jwt) => connect["jwt"] = json!(jwt),
                    None => connect["nkey"] = json!(pair.public().to_string()),
                }
            }
        }
        client.send(&format!("CONNECT {connect}\r\nPING\r\n"))?;
        client.until_pong()?;
        Ok(client)
    }

    fn send(&mut self, text: &str) -> Result<(), String> {
        self.stream.get_mut().write_all(text.as_bytes()).map_err(|error| error.to_string())
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => Err(format!("the server hung up {:?}", self.errors)),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn until_pong(&mut self) -> Result<(), String> {
        loop {
            let line = self.line()?;
            if line == "PONG" {
                return Ok(());
            } else if line == "PING" {
                self.send("PONG\r\n")?;
            } else if let Some(head) = line.strip_prefix("MSG ") {
                let subject = head.split(' ').next().unwrap().to_owned();
                let payload = self.line()?;
                self.messages.push(format!("{subject} {payload}"));
            } else if let Some(error) = line.strip_prefix("-ERR ") {
                self.errors.push(error.trim_matches('\'').to_owned());
                if error.contains("Authorization Violation") || error.contains("Authentication") {
                    return Err(error.to_owned());
                }
            }
        }
    }

    /// Waits until the server has seen everything; what it complained about since the last time.
    pub fn flush(&mut self) -> Result<Vec<String>, String> {
        self.send("PING\r\n")?;
        self.until_pong()?;
        Ok(std::mem::take(&mut self.errors))
    }

    /// Publishes a message; what the server says against it.
    pub fn publish(&mut self, subject: &str, payload: &str) -> Vec<String> {
        self.send(&format!("PUB {subject} {}\r\n{payload}\r\n", payload.len())).unwrap();
        self.flush().unwrap()
    }

    /// Subscribes; what the server says against it.
    pub fn subscribe(&mut self, subject: &str) -> Vec<String> {
        self.subscriptions += 1;
        self.send(&format!("SUB {subject} {}\r\n", self.subscriptions)).unwrap();
        self.flush().unwrap()
    }

    /// Whether the server still answers.
    pub fn is_connected(&mut self) -> bool {
        self.flush().is_ok()
    }
}
