//! Help made from the tables, in the shape of sops' own, and the words that a shell offers for completion.

use std::fmt::Write as _;

use super::flags::{Flag, Kind};
use super::table::{APP, Command};
use crate::cli::{Exit, Io, Outcome};

/// What completion scripts put at the end of a command line.
pub(super) const COMPLETION_FLAG: &str = "--generate-bash-completion";

/// The help of a command; `names` are the words that lead to it.
pub(super) fn of(command: &Command, names: &[&str]) -> String {
    let name = names.join(" ");
    let mut text = format!("NAME:\n   {name} - {}\n\nUSAGE:\n", command.about);
    let is_app = std::ptr::eq(command, &raw const APP);
    if is_app {
        text.push_str(INTRODUCTION);
        _ = write!(text, "\nVERSION:\n   {}\n", crate::sops::document::VERSION);
    } else if command.commands.is_empty() {
        _ = writeln!(text, "   {name} [command options] {}", command.arguments);
    } else {
        _ = writeln!(text, "   {name} command [command options] [arguments...]");
    }
    if !command.commands.is_empty() {
        let title = |command: &Command| if command.name == "help" { "help, h".to_owned() } else { command.name.to_owned() };
        let rows: Vec<_> = command.commands.iter().map(|command| (title(command), command.about.to_owned())).collect();
        _ = write!(text, "\nCOMMANDS:\n{}", columns(&rows));
    }
    let rows: Vec<_> = command.all_flags().map(row).collect();
    if !rows.is_empty() {
        let title = if is_app { "GLOBAL OPTIONS" } else { "OPTIONS" };
        _ = write!(text, "\n{title}:\n{}", columns(&rows));
    }
    text
}

const INTRODUCTION: &str = "   sops [flags] FILE             edit an encrypted file, or encrypt and decrypt by -e, -d, -r
   sops COMMAND [flags] FILE     the same by commands

   Encrypt for age recipients with --age, SOPS_AGE_RECIPIENTS, or the rules of
   the nearest .sops.yaml. Decrypt with the identities of SOPS_AGE_KEY,
   SOPS_AGE_KEY_FILE, SOPS_AGE_KEY_CMD, sops/age/keys.txt in the folder of
   settings, and SSH keys. Without a command, flags belong before the file.
";

fn row(flag: &'static Flag) -> (String, String) {
    let takes = matches!(flag.kind, Kind::Text | Kind::Int | Kind::List);
    let value = if takes { " value" } else { "" };
    let mut head = format!("--{}{value}", flag.name);
    if !flag.alias.is_empty() {
        let dashes = if flag.alias.len() == 1 { "-" } else { "--" };
        _ = write!(head, ", {dashes}{}{value}", flag.alias);
    }
    let mut help = flag.help.to_owned();
    if !flag.default.is_empty() {
        _ = write!(help, " (default: {:?})", flag.default);
    } else if flag.kind == Kind::Int {
        help.push_str(" (default: 0)");
    }
    if !flag.variable.is_empty() {
        _ = write!(help, " [${}]", flag.variable);
    }
    (head, help)
}

fn columns(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(head, _)| head.len()).max().unwrap_or(0);
    rows.iter().fold(String::new(), |mut text, (head, help)| {
        _ = writeln!(text, "   {head:width$}  {help}");
        text
    })
}

/// Prints the words that may follow: the commands, or the flags that begin like the last word.
pub(super) fn suggest(words: &[String], io: &mut Io) -> Outcome {
    let mut command = &APP;
    for word in words {
        if let Some(inner) = command.command(word) {
            command = inner;
        }
    }
    let mut text = String::new();
    match words.last().filter(|word| word.starts_with('-')) {
        Some(begun) => {
            let begun = begun.trim_start_matches('-');
            for flag in command.all_flags().filter(|flag| flag.name.starts_with(begun) && flag.name != begun) {
                _ = writeln!(text, "--{}", flag.name);
            }
        }
        None => command.commands.iter().for_each(|command| _ = writeln!(text, "{}", command.name)),
    }
    io.stdout.put(text)?;
    Ok(Exit::DONE)
}
