//! `edit`: the plain content of a file in an editor, and what comes back encrypted; values that stay the same keep their ciphertext.
//!
//! The plaintext lies in memory while it is edited, in a folder of our user's, and is gone when we end, however that is. Content that
//! cannot be encrypted is shown to the editor again; nothing is written until all is well. With `--show-master-keys` the metadata are
//! shown too, to be read: sops discards every change of a file that is edited so.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::cli::io::read::{self, MAX_DOCUMENT};
use crate::cli::io::replace::{self, Existing, Privacy, Target};
use crate::cli::report::Context;
use crate::cli::sops::child::{self, Signals};
use crate::cli::sops::private::{PrivateFolder, TMPDIR};
use crate::cli::sops::session::Session;
use crate::cli::sops::write::{self, Content, Destination, Plain};
use crate::cli::sops::{codes, shell_words};
use crate::cli::{Failure, Outcome};
use crate::secret::SecretBytes;
use crate::sops::crypt::Memory;
use crate::sops::document::{Decrypted, Encrypted, Format, VERSION, emit_plain, load_plain};
use crate::sops::keys;
use crate::sops::metadata::Metadata;
use crate::sops::rules::Creation;
use crate::sops::tree::{Comment, Entry, Map, Node};
use crate::sops::value::Scalar;

/// Editors that are looked for if no variable names one.
const EDITORS: [&str; 3] = ["vim", "nano", "vi"];

/// `edit FILE`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    let file = session.one_file()?;
    let rule = if file.exists() { None } else { session.creation_for(&file)? };
    edit(session, &file, rule)
}

/// How often signals are looked for.
const STEP: Duration = Duration::from_millis(20);

/// What is edited.
struct Edited {
    /// The text that the editor gets.
    plain: SecretBytes,
    metadata: Metadata,
    data_key: SecretBytes,
    memory: Memory,
    /// The formats of the file as it is, and as it will be.
    formats: (Format, Format),
    shows_keys: bool,
}

/// Edits a file; `rule` is for one that is made new.
pub(in crate::cli::sops) fn edit(session: &mut Session<'_>, file: &Path, rule: Option<Creation>) -> Outcome {
    let signals = Signals::catch();
    let name = session.chosen_name(file);
    let formats = (session.input_format(&name), session.output_format(&name));
    let shows_keys = session.local.is_on("show-master-keys");
    let (destination, edited) = if file.exists() {
        let (target, text) = session.target(file)?;
        let shown = session.io.shown(file);
        let loaded = session.load(text, formats.0, &shown)?;
        let opened = session.open(loaded, &shown)?;
        let plain = if shows_keys {
            with_keys(session, &opened.content, formats.1)?
        } else {
            session.plain(&opened, &opened.content.documents, formats.1)?
        };
        let Decrypted { metadata, memory, .. } = opened.content;
        let edited = Edited { plain, metadata, data_key: opened.data_key, memory, formats, shows_keys };
        (Destination::InPlace(target, file.to_owned()), edited)
    } else {
        let intention = session.intention(rule, formats.0)?;
        let data_key = keys::generate()?;
        let metadata = session.plan(intention, &data_key)?.metadata(formats.0, session.io.now);
        let layouts = session.layouts(formats.1)?;
        let plain = emit_plain(formats.1, &[example(formats.1)], &layouts)?;
        let edited = Edited { plain, metadata, data_key, memory: Memory::default(), formats, shows_keys: false };
        // A file that somebody else makes meanwhile is not replaced.
        let target = Target::open(file, MAX_DOCUMENT).map_err(|error| error.at(file).with_exit(codes::OUTPUT))?;
        (Destination::InPlace(target, file.to_owned()), edited)
    };
    let sealed = until_it_can_be_sealed(session, file, edited, &signals)?;
    let written = session.put(destination, &sealed, Content::Sealed);
    written.map_err(|failure| match saved(session, file, &sealed) {
        Some(path) => failure.with_hint(format_args!("what you have written is in {}, encrypted", path.display())),
        None => failure,
    })
}

/// Saves what a person has written, encrypted, where the file itself cannot take it: beside it, or among the temporary files.
/// Nothing that is there is replaced.
fn saved(session: &Session<'_>, file: &Path, sealed: &[u8]) -> Option<PathBuf> {
    /// So many are tried in each folder.
    const NAMES: usize = 20;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let temporary = session.io.env.text(TMPDIR).map_or_else(std::env::temp_dir, PathBuf::from);
    [file.parent().unwrap_or(Path::new("/")), &temporary].into_iter().find_map(|folder| {
        (1..=NAMES).find_map(|number| {
            let number = if number == 1 { String::new() } else { format!(".{number}") };
            let path = folder.join(format!("{name}.edited{number}"));
            replace::write(&path, sealed, Privacy::Private, Existing::Keep).is_ok().then_some(path)
        })
    })
}

/// Runs the editor again and again until its result can be encrypted.
fn until_it_can_be_sealed(
    session: &mut Session<'_>,
    file: &Path,
    mut edited: Edited,
    signals: &Signals,
) -> Result<Vec<u8>, Failure> {
    let folder = PrivateFolder::make(session, false)?;
    let base = Path::new(file.file_name().unwrap_or_default());
    let path = folder.write(base, edited.plain.expose())?;
    loop {
        run_editor(session, &path, signals)?;
        let text = read::file(&path, MAX_DOCUMENT)
            .map_err(|error| Failure::from(error).wrap("Could not read edited file").with_exit(codes::INPUT))?;
        if text.as_slice() == edited.plain.expose() {
            return Err(Failure::new("File has not changed, exiting.").with_exit(codes::NOT_MODIFIED));
        }
        match seal(session, &text, &mut edited) {
            Ok(sealed) => return Ok(sealed),
            Err(failure) => {
                session.complain(format!(
                    "{} Press enter to return to the editor, or Ctrl+C to exit.",
                    failure.one_line().trim_end_matches('.').to_owned() + "."
                ));
                wait_for_enter(session, signals)?;
            }
        }
    }
}

fn seal(session: &mut Session<'_>, text: &Zeroizing<Vec<u8>>, edited: &mut Edited) -> Result<Vec<u8>, Failure> {
    let (input, output) = edited.formats;
    // The editor has the output's format, which sops reads as the input's.
    let format = if edited.shows_keys || input != output { output } else { input };
    let documents = if edited.shows_keys {
        Encrypted::load(format, text)?.documents
    } else {
        let documents = load_plain(format, text)
            .map_err(|error| Failure::new(format_args!("Could not load tree, probably due to invalid syntax: {error}")))?;
        write::refuse_encrypted(&documents, output)?;
        documents
    };
    let mut metadata = edited.metadata.clone();
    if is_newer(VERSION, &metadata.version) {
        VERSION.clone_into(&mut metadata.version);
    }
    // With the metadata in it the text is no plain file, whose layout could be kept.
    let source: &[u8] = if edited.shows_keys { b"" } else { text };
    session.sealed_anew((source, format), output, Plain::Read(documents), metadata, &edited.data_key, &mut edited.memory.clone())
}

/// The plain documents with the metadata as they are.
fn with_keys(session: &mut Session<'_>, content: &Decrypted, format: Format) -> Result<SecretBytes, Failure> {
    session.warn("the metadata are shown to be read: changes of them are ignored");
    let layouts = session.layouts(format)?;
    let mut file = Encrypted { documents: content.documents.clone(), metadata: content.metadata.clone() };
    Ok(file.emit(format, &layouts)?.into())
}

fn run_editor(session: &Session<'_>, path: &Path, signals: &Signals) -> Result<(), Failure> {
    let failed = |reason: String| Failure::new(format_args!("Could not run editor: {reason}")).with_exit(codes::NO_EDITOR);
    let named = ["SOPS_EDITOR", "EDITOR"].iter().find_map(|name| Some((*name, session.io.env.text(name)?)));
    let words = match named {
        Some((name, text)) => match shell_words::split(&text) {
            Ok(words) if !words.is_empty() => words,
            Ok(_) => return Err(failed(format!("${name} is empty"))),
            Err(reason) => return Err(failed(format!("invalid ${name}: {reason}"))),
        },
        None => {
            let found = EDITORS.iter().find(|editor| is_on_path(session, editor));
            vec![(*found.ok_or_else(|| failed(format!("no editor available: sops attempts to use the editor defined in the SOPS_EDITOR or EDITOR environment variables, and if that's not set defaults to any of {}, but none of them could be found", EDITORS.join(", "))))?).to_owned()]
        }
    };
    let (program, arguments) = words.split_first().ok_or_else(|| failed("it has no name".to_owned()))?;
    let mut command = std::process::Command::new(program);
    session.io.env.give_to(&mut command);
    command.args(arguments).arg(path).current_dir(&session.io.cwd);
    let mut child = command.spawn().map_err(|error| failed(format!("{program}: {error}")))?;
    let ended = child::wait(&mut child, signals, session.io.stdin_is_terminal).context(|| "cannot wait for the editor")?;
    if ended.signal.is_some() {
        return Err(cancelled());
    }
    match ended.status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(failed(format!("exit status {code}"))),
        None => Err(failed("it was killed; nothing was changed".to_owned())),
    }
}

fn is_on_path(session: &Session<'_>, program: &str) -> bool {
    let path = session.io.env.raw("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The person wants to go back to the editor; the end of the input, or a signal, is the wish to stop. A signal does not end a read,
/// so that is done by a thread, which is left to itself then.
fn wait_for_enter(session: &mut Session<'_>, signals: &Signals) -> Result<(), Failure> {
    let mut stdin = std::mem::replace(&mut session.io.stdin, Box::new(std::io::empty()));
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let answer = read_line_end(&mut *stdin);
        _ = tell.send((answer, stdin));
    });
    loop {
        match told.recv_timeout(STEP) {
            Ok((answer, stdin)) => {
                session.io.stdin = stdin;
                let no_answer = || Failure::new("there was no answer; nothing was changed");
                return if answer? { Ok(()) } else { Err(no_answer()) };
            }
            Err(_) if signals.take().is_some() => return Err(cancelled()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(cancelled()),
        }
    }
}

/// Reads up to the end of a line; false at the end of the input.
fn read_line_end(stdin: &mut dyn Read) -> std::io::Result<bool> {
    let mut byte = [0];
    loop {
        match stdin.read(&mut byte) {
            Ok(0) => return Ok(false),
            Ok(_) if byte == *b"\n" => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn cancelled() -> Failure {
    Failure::new("User canceled operation").with_hint("nothing was changed")
}

/// Whether the first of two versions is newer. One that is no version counts as new: it stays.
fn is_newer(ours: &str, theirs: &str) -> bool {
    let numbers = |text: &str| -> Option<Vec<u64>> {
        text.trim_start_matches('v').split(['.', '-', '+']).take(3).map(|part| part.parse().ok()).collect()
    };
    match (numbers(ours), numbers(theirs)) {
        (Some(ours), Some(theirs)) => ours > theirs,
        _ => false,
    }
}

/// What a new file begins with.
fn example(format: Format) -> Map {
    let welcome = Node::text("Welcome to SOPS! Edit this file as you please!");
    match format {
        Format::Binary => Map::from_iter([("data", welcome)]),
        Format::Dotenv => Map::from_iter([("hello", welcome), ("example_key", Node::text("example_value"))]),
        Format::Ini => {
            let section = Map::from_iter([("hello", welcome), ("example_key", Node::text("example_value"))]);
            Map::from_iter([("Welcome!", Node::Map(section))])
        }
        Format::Yaml | Format::Json => {
            let mut map = Map::from_iter([("hello", welcome), ("example_key", Node::text("example_value"))]);
            if format == Format::Yaml {
                map.0.push(Entry::Comment(Comment::new(" Example comment")));
            }
            map.push("example_array", Node::List(["example_value1", "example_value2"].map(Node::text).into()));
            map.push("example_number", Node::Leaf(Scalar::Float(1_234.567_89)));
            map.push("example_booleans", Node::List(vec![Node::Leaf(Scalar::Bool(true)), Node::Leaf(Scalar::Bool(false))]));
            map
        }
    }
}
