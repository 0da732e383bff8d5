//! Flags in place of commands: `sops -d FILE`, `sops -e -i FILE`, `sops --set '["a"] 1' FILE`, and `sops FILE`, which edits.
//!
//! Of several modes only the last one's result would be seen, so only that one is run: encrypt, decrypt, rotate, set, in this
//! order (sops-age.md §3.4). Encrypting, rotating, setting and editing need a rule for the file wherever there are rules.

use super::codes;
use super::commands::{decrypt, edit, encrypt, rotate, set};
use super::session::{Session, non_existent};
use crate::cli::{Failure, Outcome};

/// Runs a command line that has no command.
pub(super) fn run(session: &mut Session<'_>) -> Outcome {
    let file = session.one_file()?;
    let modes = ["encrypt", "decrypt", "rotate"].map(|mode| session.local.is_on(mode));
    let [encrypts, decrypts, rotates] = modes;
    let sets = !session.local.text("set").is_empty();
    let edits = !encrypts && !decrypts && !rotates && !sets;
    if !file.exists() {
        if rotate::changes_keys(session) {
            let message = format!(
                "Error: cannot add or remove keys on non-existent file {:?}, use --age instead",
                file.display().to_string()
            );
            return Err(Failure::new(message).with_exit(codes::KEYS_WITHOUT_FILE));
        }
        if encrypts || decrypts || rotates {
            return Err(non_existent(&file));
        }
    }
    if modes.iter().filter(|on| **on).count() + usize::from(sets) > 1 {
        session.warn("More than one of --encrypt, --decrypt, --rotate and --set was given. Only the last one of them is done.");
    }
    let name = session.chosen_name(&file);
    let rule = if encrypts || rotates || sets || edits { session.creation_for(&name)? } else { None };
    if sets {
        set::run_legacy(session, &file)
    } else if rotates {
        rotate::rotate(session, &file)
    } else if decrypts {
        decrypt::decrypt(session, Some(&file))
    } else if encrypts {
        encrypt::encrypt(session, Some(&file), rule)
    } else {
        edit::edit(session, &file, rule)
    }
}
