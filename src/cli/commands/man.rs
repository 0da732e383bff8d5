//! `hecate-seal man`: manual pages, made from the arguments themselves.
//!
//! One page for each command: `hecate-seal-bootstrap-apply(1)` is `hecate-seal bootstrap apply`. Without a folder one page is
//! printed; with one all of them are written there, as a package ships them. The front ends kubeseal and sops have no pages of ours:
//! they are those programs, and theirs fit.

use std::io;
use std::path::PathBuf;

use clap::{Args, CommandFactory, ValueHint};
use clap_mangen::Man;

use crate::cli::Io;
use crate::cli::args::Cli;
use crate::cli::io::replace::{self, Existing, Privacy};
use crate::cli::report::{Context, Exit, Failure, Outcome};

/// The name of the program and of its first page.
const PROGRAM: &str = "hecate-seal";
/// Most words that can be a heading of a help text, as in `Examples:`.
const WORDS_OF_A_HEADING: usize = 3;

/// Arguments of `man`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hecate-seal man seal | man -l -
  hecate-seal man --dir ~/.local/share/man/man1     from then on: man hecate-seal-bootstrap-apply")]
pub struct ManArgs {
    /// The command whose page is printed; without one: that of the program
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Write the pages of all commands into this directory instead; it must be there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "command")]
    pub dir: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// There is no such command; the directory or standard output cannot be written.
pub fn run(args: &ManArgs, io: &mut Io) -> Outcome {
    let program = program();
    let Some(dir) = &args.dir else {
        let mut command = &program;
        for word in &args.command {
            command = command.find_subcommand(word).ok_or_else(|| {
                Failure::usage(format_args!("there is no command `{word}` of {}", command.get_bin_name().unwrap_or(PROGRAM)))
            })?;
        }
        io.stdout.put(page(command)?)?;
        return Ok(Exit::DONE);
    };
    let dir = io.path(dir);
    for (name, text) in pages(&program)? {
        let path = dir.join(format!("{name}.1"));
        replace::write(&path, &text, Privacy::Shared, Existing::Replace).map_err(|error| error.at(&path))?;
    }
    Ok(Exit::DONE)
}

/// The program's commands, with names and options filled in as for `--help`.
fn program() -> clap::Command {
    let mut program = without_help(Cli::command());
    program.build();
    program
}

/// Without the command `help`, here and below: it has no page.
fn without_help(command: clap::Command) -> clap::Command {
    command.disable_help_subcommand(true).mut_subcommands(without_help)
}

/// Each command that is not hidden: the name of its page, and the page.
fn pages(command: &clap::Command) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut all = vec![(page_name(command).to_owned(), page(command)?)];
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        all.extend(pages(inner)?);
    }
    Ok(all)
}

fn page_name(command: &clap::Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

/// The page of one command.
fn page(command: &clap::Command) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    write_page(command, &mut out).context(|| "cannot write the page")?;
    Ok(out)
}

fn write_page(command: &clap::Command, out: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(command.clone());
    // Not by `clap_mangen`: it writes an empty date as nothing, and what follows would move up. There is no date, so that the same
    // program writes the same pages.
    let (title, version) = (escaped(&page_name(command).to_uppercase()), env!("CARGO_PKG_VERSION"));
    out.extend_from_slice(format!(".TH \"{title}\" 1 \"\" \"hecate-seal {version}\" \"Hecate Seal\"\n").as_bytes());
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    man.render_options_section(out)?;
    if command.get_subcommands().any(|inner| !inner.is_hide_set()) {
        man.render_subcommands_section(out)?;
    }
    if let Some(text) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        out.extend_from_slice(notes(&text.to_string()).as_bytes());
    }
    let name = page_name(command);
    if let Some((above, _)) = name.rsplit_once('-')
        && name != PROGRAM
    {
        out.extend_from_slice(format!(".SH \"SEE ALSO\"\n\\fB{}\\fR(1)\n", escaped(above)).as_bytes());
    }
    Ok(())
}

/// What stands below the options in a help text: its headings are sections, what is indented stays as it is, the rest is
/// paragraphs. (`clap_mangen` would flow the examples together.)
fn notes(text: &str) -> String {
    let mut out = String::new();
    let mut verbatim = false;
    let mut section = false;
    for line in text.lines() {
        let indented = line.starts_with(' ');
        if verbatim && !indented {
            out.push_str(".fi\n");
        }
        let heading = line.strip_suffix(':').filter(|heading| !indented && heading.split(' ').count() <= WORDS_OF_A_HEADING);
        if let Some(heading) = heading {
            out.push_str(&format!(".SH \"{}\"\n", escaped(&heading.to_uppercase())));
            section = true;
        } else {
            if !section {
                out.push_str(".SH NOTES\n");
                section = true;
            }
            if indented && !verbatim {
                out.push_str(".nf\n");
            }
            match line {
                "" => out.push_str(".PP\n"),
                line if indented => out.push_str(&format!("{}\n", escaped(line))),
                line => out.push_str(&format!("{}\n.PP\n", escaped(line))),
            }
        }
        verbatim = indented;
    }
    if verbatim {
        out.push_str(".fi\n");
    }
    out
}

/// Text that roff prints as it is.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    if text.starts_with(['.', '\'']) {
        out.push_str("\\&");
    }
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '`' => out.push_str("\\(ga"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            '"' => out.push_str("\\(dq"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_keep_their_lines_and_text_flows() {
        let text = "All or nothing.\n\nExamples:\n  a -p 'b' \\\n    c\n  .d\nExit codes: 0 done; 1 not.";
        let roff = ".SH NOTES\nAll or nothing.\n.PP\n.PP\n.SH \"EXAMPLES\"\n.nf\n  a \\-p \\(aqb\\(aq \\e\n    c\n  .d\n.fi\n\
                    Exit codes: 0 done; 1 not.\n.PP\n";
        assert_eq!(notes(text), roff);
        assert_eq!(escaped(".TH it's"), "\\&.TH it\\(aqs");
    }

    #[test]
    fn every_command_has_a_page_of_its_own() {
        fn names(command: &clap::Command, path: &str, out: &mut Vec<String>) {
            out.push(path.to_owned());
            for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
                names(inner, &format!("{path}-{}", inner.get_name()), out);
            }
        }
        let mut expected = Vec::new();
        names(&Cli::command(), PROGRAM, &mut expected);
        let pages = pages(&program()).unwrap();
        assert_eq!(pages.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), expected);
        for (name, text) in &pages {
            let text = std::str::from_utf8(text).unwrap();
            assert!(text.contains(&format!(".TH \"{}\" 1 \"\" ", escaped(&name.to_uppercase()))), "{name}: {text}");
            assert!(!text.contains("\\-help(1)"), "{name} lists a page that there is not");
        }
    }
}
