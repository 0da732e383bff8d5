//! `exec-file`: a command with a file's plain content in a named pipe, or in a file in memory, whose path stands for `{}`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use zeroize::Zeroizing;

use super::exec_env::two_arguments;
use crate::cli::report::Context;
use crate::cli::sops::child::{self, Signals};
use crate::cli::sops::private::PrivateFolder;
use crate::cli::sops::session::Session;
use crate::cli::sops::users::User;
use crate::cli::{Failure, Outcome};

/// The file's name if none is given.
const NAME: &str = "tmp-file";

/// `exec-file FILE COMMAND`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    let [file, line] = two_arguments(session)?;
    if session.local.is_on("background") {
        return Err(Failure::new("--background would take the file away before the command has read it")
            .with_hint("put `&` into the command, and let it wait for what it starts"));
    }
    let name = match session.local.text("filename") {
        "" => PathBuf::from(NAME),
        name => PathBuf::from(name),
    };
    if !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(Failure::new("The provided filename is not a local path."));
    }
    let path = session.absolute(&file);
    session.config()?;
    let (input, output) = (session.input_format(&path), session.output_format(&path));
    let text = session.read(&crate::cli::sops::file::Input::File(path))?;
    let loaded = session.load(text, input, &file)?;
    let opened = session.open_to_read(loaded, &file)?;
    let plain = session.plain(&opened, &opened.content.documents, output)?.into_zeroizing();
    drop(opened.content);
    let pipe = cfg!(unix) && !session.local.is_on("no-fifo");
    let signals = Signals::catch();
    let folder = PrivateFolder::make(session, pipe)?;
    let user = User::asked_for(session)?;
    let given = if pipe { make_pipe(&folder, &name)? } else { folder.write(&name, &plain)? };
    if let Some(user) = &user {
        for path in given.ancestors().take_while(|path| path.starts_with(folder.path())) {
            user.owns(path)?;
        }
    }
    if pipe {
        feed(given.clone(), plain);
    }
    let shown = given.to_str().ok_or_else(|| Failure::new("the temporary folder's name is not UTF-8 text"))?;
    let mut command = child::shell(&line.replace("{}", shown));
    session.io.env.give_to(&mut command);
    if let Some(user) = &user {
        user.runs(&mut command);
    }
    command.current_dir(&session.io.cwd);
    session.io.stdout.flush_all()?;
    let mut running = command.spawn().context(|| "cannot start the command")?;
    let ended = child::wait(&mut running, &signals, session.io.stdin_is_terminal).context(|| "cannot wait for the command")?;
    Ok(child::exit(ended.status))
}

#[cfg(unix)]
fn make_pipe(folder: &PrivateFolder, name: &Path) -> Result<PathBuf, Failure> {
    use rustix::fs::{CWD, Mode, mkfifoat};
    let path = folder.path().join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).context(|| "cannot make a temporary folder")?;
    }
    mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).context(|| "cannot make a named pipe")?;
    Ok(path)
}

#[cfg(not(unix))]
fn make_pipe(_folder: &PrivateFolder, _name: &Path) -> Result<PathBuf, Failure> {
    Err(Failure::new("there are no named pipes on this system"))
}

/// Writes into the pipe once somebody reads it. A command that never does keeps nobody waiting: the thread ends with the process.
fn feed(path: PathBuf, plain: Zeroizing<Vec<u8>>) {
    std::thread::spawn(move || {
        // A reader that goes away early has what it wanted.
        _ = OpenOptions::new().write(true).open(path).and_then(|mut pipe| pipe.write_all(&plain));
    });
}
