//! Key services over TCP and over a socket, ours and sops' in both places, asked before every request or not; and commands that run
//! as another user.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::sops_cli::{IDENTITY, RECIPIENT};
use crate::support::{Run, hecate, peers, temp_dir};

const PLAIN: &str = "password: hunter2\n";

fn ours() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hecate-seal"));
    command.arg("sops");
    command
}

/// A running service, until it is dropped.
struct Service {
    child: Child,
    address: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A port that was free a moment ago: sops does not say which one it took.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn start(mut command: Command, network: &str, folder: &Path) -> Service {
    let place = match network {
        "unix" => folder.join("keys.sock").to_string_lossy().into_owned(),
        _ => format!("127.0.0.1:{}", free_port()),
    };
    command.args(["keyservice", "--network", network, "--address", &place]).env("SOPS_AGE_KEY", IDENTITY).current_dir(folder);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut service = Service { child, address: format!("{network}://{place}") };
    let end = Instant::now() + Duration::from_secs(30);
    let answers = || match network {
        "unix" => std::os::unix::net::UnixStream::connect(&place).is_ok(),
        _ => std::net::TcpStream::connect(&place).is_ok(),
    };
    while !answers() {
        assert!(Instant::now() < end && service.child.try_wait().unwrap().is_none(), "the key service did not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    service
}

#[test]
fn services_and_clients_of_both_kinds_work_over_tcp_and_sockets() {
    let Some(sops) = peers::get(&peers::SOPS) else { return };
    for (server_is_ours, client_is_ours, network) in
        [(false, true, "tcp"), (true, false, "tcp"), (true, true, "tcp"), (false, true, "unix"), (true, false, "unix")]
    {
        let about = format!("server ours: {server_is_ours}, client ours: {client_is_ours}, {network}");
        let folder = temp_dir();
        let service = start(if server_is_ours { ours() } else { Command::new(&sops) }, network, folder.path());
        let client = || {
            let run = if client_is_ours { hecate().arg("sops") } else { Run::new(&sops).env("HOME", "/nonexistent") };
            run.cwd(folder.path())
        };
        let remote = ["--enable-local-keyservice=false", "--keyservice", &service.address];
        let file = folder.path().join("f.yaml");
        std::fs::write(&file, PLAIN).unwrap();
        client().arg("encrypt").args(remote).args(["--age", RECIPIENT, "-i", "f.yaml"]).ok();
        assert!(!std::fs::read_to_string(&file).unwrap().contains("hunter2"), "{about}");
        assert_eq!(client().arg("decrypt").args(remote).arg("f.yaml").ok().out(), PLAIN, "{about}");
        client().arg("set").args(remote).args(["f.yaml", "[\"n\"]", "\"x\""]).ok();
        client().arg("rotate").args(remote).args(["-i", "f.yaml"]).ok();
        assert_eq!(client().arg("exec-env").args(remote).args(["f.yaml", "printf %s \"$n\""]).ok().out(), "x", "{about}");
        // The variable stands for the flag, and without either there is no key.
        client().args(["decrypt", "f.yaml"]).env("SOPS_KEYSERVICE", &service.address).ok();
        client().args(["decrypt", "f.yaml"]).output().code(128);
        let address = service.address.clone();
        drop(service);
        let gone = client().args(["decrypt", "--keyservice", &address, "f.yaml"]).output().code(128);
        assert!(!gone.err().contains("hunter2") && gone.out().is_empty(), "{about}");
    }
}

/// A client that sends rubbish, or nothing, does not disturb the others.
#[test]
fn a_service_goes_on_after_clients_that_make_no_sense() {
    if peers::get(&peers::SOPS).is_none() {
        return;
    }
    let folder = temp_dir();
    let service = start(ours(), "tcp", folder.path());
    let place = service.address.trim_start_matches("tcp://");
    let idle = std::net::TcpStream::connect(place).unwrap();
    let mut rubbish = std::net::TcpStream::connect(place).unwrap();
    _ = rubbish.write_all(&[0x16; 4096]);
    let mut answer = Vec::new();
    _ = rubbish.set_read_timeout(Some(Duration::from_secs(30)));
    _ = rubbish.read_to_end(&mut answer);
    let client = || Run::new(peers::get(&peers::SOPS).unwrap()).env("HOME", "/nonexistent").cwd(folder.path());
    std::fs::write(folder.path().join("f.yaml"), PLAIN).unwrap();
    let remote = ["--enable-local-keyservice=false", "--keyservice", &service.address];
    client().arg("encrypt").args(remote).args(["--age", RECIPIENT, "-i", "f.yaml"]).ok();
    assert_eq!(client().arg("decrypt").args(remote).arg("f.yaml").ok().out(), PLAIN);
    drop(idle);
}

/// `--prompt`: each request is asked about on the terminal, by what it is and whose key, and refused unless that is agreed to.
#[test]
fn a_service_that_asks_serves_what_is_agreed_to() {
    let Some(sops) = peers::get(&peers::SOPS) else { return };
    let folder = temp_dir();
    std::fs::write(folder.path().join("f.yaml"), PLAIN).unwrap();
    let run = |program: Run| program.env("HOME", "/nonexistent").cwd(folder.path());
    run(Run::new(&sops)).args(["encrypt", "--age", RECIPIENT, "-i", "f.yaml"]).ok();
    let socket = folder.path().join("keys.sock");
    let (mut pty, pts) = pty_process::blocking::open().unwrap();
    let mut child = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_hecate-seal"))
        .args(["sops", "keyservice", "--prompt", "--network", "unix", "--address"])
        .arg(&socket)
        .env_clear()
        .env("SOPS_AGE_KEY", IDENTITY)
        .current_dir(folder.path())
        .spawn(pts)
        .unwrap();
    let address = format!("unix://{}", socket.display());
    let mut seen = String::new();
    let mut until = |pty: &mut pty_process::blocking::Pty, count: usize, text: &str| {
        let mut buffer = [0; 4096];
        while seen.matches(text).count() < count {
            let read = pty.read(&mut buffer).unwrap();
            seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        seen.clone()
    };
    until(&mut pty, 1, "Listening on ");
    let question = format!("decrypt a data key for {RECIPIENT}? (y/n): ");
    for (number, (answer, program, code)) in
        [("y", hecate().arg("sops"), 0), ("n", hecate().arg("sops"), 128), ("", Run::new(&sops), 128), ("y", Run::new(&sops), 0)]
            .into_iter()
            .enumerate()
    {
        let remote = ["--enable-local-keyservice=false", "--keyservice", &address];
        let asking = run(program).arg("decrypt").args(remote).arg("f.yaml");
        let client = std::thread::spawn(move || asking.output());
        until(&mut pty, number + 1, &question);
        writeln!(pty, "{answer}").unwrap();
        let output = client.join().unwrap().code(code);
        assert_eq!(output.out(), if code == 0 { PLAIN } else { "" });
        if code != 0 {
            assert!(output.err().contains("Request cancelled by user"), "{}", output.err());
        }
    }
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    assert!(!socket.exists());
    // Without a terminal nobody can agree.
    let mut alone = ours();
    alone.args(["keyservice", "--prompt", "--address", "127.0.0.1:0"]).env("SOPS_AGE_KEY", IDENTITY).current_dir(folder.path());
    let script = "exec setsid -w \"$@\"";
    let mut child = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(alone.get_program())
        .args(alone.get_args())
        .env("SOPS_AGE_KEY", IDENTITY)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split("tcp://").nth(1).and_then(|rest| rest.split(": ").next()).unwrap_or_default();
    let remote = ["--enable-local-keyservice=false".to_owned(), format!("--keyservice=tcp://{address}")];
    run(hecate().arg("sops")).arg("decrypt").args(remote).arg("f.yaml").output().code(128);
    _ = child.kill();
    _ = child.wait();
}

/// Only root may become somebody else, so only root's tests see it succeed.
#[test]
fn commands_run_as_another_user_as_from_sops() {
    let Some(sops) = peers::get(&peers::SOPS) else { return };
    let folder = temp_dir();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(folder.path().join("f.yaml"), PLAIN).unwrap();
    let run = |program: Run| program.env("SOPS_AGE_KEY", IDENTITY).env("HOME", "/nonexistent").cwd(folder.path());
    run(Run::new(&sops)).args(["encrypt", "--age", RECIPIENT, "-i", "f.yaml"]).ok();
    let is_root = Run::new("id").arg("-u").ok().out() == "0\n";
    let about = "stat -c '%U %G %a' {} \"$(dirname {})\"; cat {}; id; echo $HOME $USER $LOGNAME";
    for (args, code) in [
        (&["exec-env", "--user", "nobody", "f.yaml", "id; echo $HOME $USER $LOGNAME $password"][..], 0),
        (&["exec-env", "--user", "nobody", "--pristine", "f.yaml", "env | sort"], 0),
        (&["exec-file", "--user", "nobody", "f.yaml", about], 0),
        (&["exec-file", "--user", "nobody", "--no-fifo", "f.yaml", about], 0),
        (&["exec-file", "--user", "nobody", "f.yaml", "cat {} > /dev/null; exit 7"], 7),
        (&["exec-env", "--user", "no-such-user", "f.yaml", "id"], 1),
        (&["exec-file", "--user", "no-such-user", "f.yaml", "id"], 1),
    ] {
        let ours = run(hecate().arg("sops")).args(args).output();
        if !is_root {
            assert_ne!(ours.code, Some(0), "{args:?}");
            assert!(!ours.err().contains("hunter2") && !ours.out().contains("hunter2"), "{args:?}");
            continue;
        }
        let theirs = run(Run::new(&sops)).args(args).output();
        assert_eq!((ours.code, theirs.code), (Some(code), Some(code)), "{args:?}: {} {}", ours.err(), theirs.err());
        assert_eq!(ours.out(), theirs.out(), "{args:?}");
    }
}
