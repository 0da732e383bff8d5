//! The commands, each with its flags: the one place that says which command takes which.

use super::commands;
use super::flags::{self, Flag};
use super::session::Session;
use crate::cli::Outcome;

/// A command, or the program itself.
pub(super) struct Command {
    /// Its name.
    pub(super) name: &'static str,
    /// One line for the help.
    pub(super) about: &'static str,
    /// Its arguments in the usage line.
    pub(super) arguments: &'static str,
    /// Its flags, in lists that several commands share.
    pub(super) flags: &'static [&'static [Flag]],
    /// Commands below it.
    pub(super) commands: &'static [Self],
    /// What it does; none if only the commands below do something.
    pub(super) run: Option<fn(&mut Session<'_>) -> Outcome>,
}

impl Command {
    /// The command of that name below this one.
    pub(super) fn command(&self, name: &str) -> Option<&'static Self> {
        self.commands.iter().find(|command| command.name == name || (command.name == "help" && name == "h"))
    }

    /// All its flags; `--help` too.
    pub(super) fn all_flags(&self) -> impl Iterator<Item = &'static Flag> {
        let lists: &'static [&'static [Flag]] = self.flags;
        lists.iter().chain(std::iter::once(&flags::HELP)).flat_map(|list| list.iter())
    }
}

/// The program itself.
pub(super) static APP: Command = Command {
    name: "sops",
    about: "keeps files in version control with their values encrypted",
    arguments: "",
    flags: &[
        flags::MODES,
        flags::KEYS,
        flags::IN_PLACE,
        flags::EXTRACT,
        flags::INPUT_TYPE,
        flags::OUTPUT_TYPE,
        flags::SHOW_KEYS,
        flags::ADD_REMOVE,
        flags::IGNORE_MAC,
        flags::GLOBAL,
        flags::SELECTORS,
        flags::COMMENT_SELECTORS,
        flags::ENCRYPTION_CONTEXT,
        flags::THRESHOLD,
        flags::VERBOSE,
        flags::OUTPUT,
        flags::FILENAME_OVERRIDE,
        flags::DECRYPTION_ORDER,
        flags::KEY_SERVICE,
        flags::VERSION,
    ],
    commands: COMMANDS,
    run: None,
};

const COMMANDS: &[Command] = &[
    Command {
        name: "completion",
        about: "print a completion script for a shell",
        arguments: "bash|zsh",
        flags: &[],
        commands: &[
            Command {
                name: "bash",
                about: "for bash: source <(sops completion bash)",
                arguments: "",
                flags: &[],
                commands: &[],
                run: Some(commands::completion::bash),
            },
            Command {
                name: "zsh",
                about: "for zsh: source <(sops completion zsh)",
                arguments: "",
                flags: &[],
                commands: &[],
                run: Some(commands::completion::zsh),
            },
        ],
        run: None,
    },
    Command {
        name: "exec-env",
        about: "run a command with the decrypted values in its environment",
        arguments: "FILE COMMAND",
        flags: &[flags::EXEC, flags::EXEC_ENV, flags::DECRYPTION_ORDER, flags::KEY_SERVICE],
        commands: &[],
        run: Some(commands::exec_env::run),
    },
    Command {
        name: "exec-file",
        about: "run a command with the decrypted content in a temporary file",
        arguments: "FILE COMMAND",
        flags: &[
            flags::EXEC,
            flags::EXEC_FILE,
            flags::INPUT_TYPE,
            flags::OUTPUT_TYPE,
            flags::DECRYPTION_ORDER,
            flags::KEY_SERVICE,
        ],
        commands: &[],
        run: Some(commands::exec_file::run),
    },
    Command {
        name: "publish",
        about: "not supported: would copy files to S3, GCS or Vault",
        arguments: "FILE",
        flags: &[flags::YES, flags::PUBLISH, flags::VERBOSE, flags::DECRYPTION_ORDER, flags::KEY_SERVICE],
        commands: &[],
        run: Some(commands::publish::run),
    },
    Command {
        name: "keyservice",
        about: "serve this machine's keys to other runs of sops",
        arguments: "",
        flags: &[flags::KEY_SERVER, flags::VERBOSE],
        commands: &[],
        run: Some(commands::keyservice::run),
    },
    Command {
        name: "filestatus",
        about: "say whether a file is encrypted, as JSON",
        arguments: "FILE",
        flags: &[flags::INPUT_TYPE],
        commands: &[],
        run: Some(commands::filestatus::run),
    },
    Command {
        name: "groups",
        about: "add or delete the key groups of a file",
        arguments: "",
        flags: &[],
        commands: &[
            Command {
                name: "add",
                about: "add a key group",
                arguments: "-f FILE --age RECIPIENT…",
                flags: &[
                    flags::FILE,
                    flags::GROUP_KEYS,
                    flags::IN_PLACE,
                    flags::THRESHOLD,
                    flags::ENCRYPTION_CONTEXT,
                    flags::KEY_SERVICE,
                ],
                commands: &[],
                run: Some(commands::groups::add),
            },
            Command {
                name: "delete",
                about: "delete a key group",
                arguments: "-f FILE INDEX",
                flags: &[flags::FILE, flags::IN_PLACE, flags::THRESHOLD, flags::KEY_SERVICE],
                commands: &[],
                run: Some(commands::groups::delete),
            },
        ],
        run: None,
    },
    Command {
        name: "updatekeys",
        about: "wrap the data key of files for the recipients that the rules name",
        arguments: "FILE…",
        flags: &[flags::YES, flags::INPUT_TYPE, flags::TREE, flags::KEY_SERVICE],
        commands: &[],
        run: Some(commands::updatekeys::run),
    },
    Command {
        name: "decrypt",
        about: "decrypt a file, or standard input, to standard output",
        arguments: "[FILE]",
        flags: &[
            flags::IN_PLACE,
            flags::EXTRACT,
            flags::OUTPUT,
            flags::INPUT_TYPE,
            flags::OUTPUT_TYPE,
            flags::IGNORE_MAC,
            flags::FILENAME_OVERRIDE,
            flags::DECRYPTION_ORDER,
            flags::KEY_SERVICE,
        ],
        commands: &[],
        run: Some(commands::decrypt::run),
    },
    Command {
        name: "encrypt",
        about: "encrypt a file, or standard input, to standard output",
        arguments: "[FILE]",
        flags: &[
            flags::IN_PLACE,
            flags::OUTPUT,
            flags::KEYS,
            flags::INPUT_TYPE,
            flags::OUTPUT_TYPE,
            flags::SELECTORS,
            flags::COMMENT_SELECTORS,
            flags::ENCRYPTION_CONTEXT,
            flags::THRESHOLD,
            flags::FILENAME_OVERRIDE,
            flags::EXPLAIN,
            flags::TREE,
            flags::KEY_SERVICE,
        ],
        commands: &[],
        run: Some(commands::encrypt::run),
    },
    Command {
        name: "rotate",
        about: "give a file a new data key and encrypt every value anew",
        arguments: "FILE",
        flags: &[
            flags::IN_PLACE,
            flags::OUTPUT,
            flags::INPUT_TYPE,
            flags::OUTPUT_TYPE,
            flags::ENCRYPTION_CONTEXT,
            flags::ADD_REMOVE,
            flags::FILENAME_OVERRIDE,
            flags::DECRYPTION_ORDER,
            flags::KEY_SERVICE,
        ],
        commands: &[],
        run: Some(commands::rotate::run),
    },
    Command {
        name: "edit",
        about: "edit the decrypted content of a file",
        arguments: "FILE",
        flags: &[
            flags::KEYS,
            flags::INPUT_TYPE,
            flags::OUTPUT_TYPE,
            flags::SELECTORS,
            flags::ENCRYPTION_CONTEXT,
            flags::THRESHOLD,
            flags::SHOW_KEYS,
            flags::IGNORE_MAC,
            flags::DECRYPTION_ORDER,
            flags::KEY_SERVICE,
        ],
        commands: &[],
        run: Some(commands::edit::run),
    },
    Command {
        name: "set",
        about: "put a JSON value at a path of a file",
        arguments: "FILE PATH [VALUE]",
        flags: &[
            flags::INPUT_TYPE,
            flags::OUTPUT_TYPE,
            flags::SET,
            flags::THRESHOLD,
            flags::IGNORE_MAC,
            flags::DECRYPTION_ORDER,
            flags::KEY_SERVICE,
        ],
        commands: &[],
        run: Some(commands::set::run),
    },
    Command {
        name: "unset",
        about: "remove what lies at a path of a file",
        arguments: "FILE PATH",
        flags: &[
            flags::INPUT_TYPE,
            flags::OUTPUT_TYPE,
            flags::UNSET,
            flags::THRESHOLD,
            flags::IGNORE_MAC,
            flags::DECRYPTION_ORDER,
            flags::KEY_SERVICE,
        ],
        commands: &[],
        run: Some(commands::unset::run),
    },
    Command {
        name: "explain",
        about: "say which values of a file are encrypted, and by which rule (not in sops)",
        arguments: "FILE…",
        flags: &[flags::INPUT_TYPE],
        commands: &[],
        run: Some(commands::explain::run),
    },
    Command {
        name: "doctor",
        about: "check rules, identities and files of a directory (not in sops)",
        arguments: "[DIRECTORY…]",
        flags: &[flags::KEY_SERVICE],
        commands: &[],
        run: Some(commands::doctor::run),
    },
    Command {
        name: "git-textconv",
        about: "the plain content of a file, for git's diffs (not in sops)",
        arguments: "FILE",
        flags: &[flags::INPUT_TYPE, flags::KEY_SERVICE],
        commands: &[],
        run: Some(commands::git::textconv),
    },
    Command {
        name: "git-merge",
        about: "merge three versions of an encrypted file, for git (not in sops)",
        arguments: "ANCESTOR OURS THEIRS [PATH]",
        flags: &[flags::INPUT_TYPE, flags::KEY_SERVICE],
        commands: &[],
        run: Some(commands::git::merge),
    },
    Command {
        name: "help",
        about: "list the commands, or show the help of one",
        arguments: "[COMMAND]",
        flags: &[],
        commands: &[],
        run: Some(commands::help::run),
    },
];
