//! Asking for a line on the terminal, without showing it.
//!
//! What is typed or pasted comes out byte for byte, or not at all: a tab is a tab, and what a line of text cannot hold (an arrow
//! key, bytes that are not UTF-8) is refused rather than changed. So are further lines of a paste, since they would be left in
//! the terminal, for the shell to run and to remember. Lines may be longer than the 4095 bytes that a terminal hands over by
//! itself, so erasing is done here: Backspace, Ctrl-W and Ctrl-U work.
//!
//! However it ends, by a signal too, the terminal is left as it was found. A process that is stopped (Ctrl-Z) gives it back,
//! and asks again when it goes on.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::termios::{
    InputModes, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr, tcsetattr,
};
use signal_hook::consts::SIGTSTP;
use signal_hook::{SigId, flag, low_level};
use zeroize::Zeroizing;

use super::read::MAX_VALUE;
use super::signals::{self, Held};
use crate::secret::{SecretBytes, SecretString};

/// The terminal of this process, whatever its streams are.
const TERMINAL: &str = "/dev/tty";

/// Shows the prompt and reads a line.
///
/// # Errors
/// Without a terminal, when nothing was typed before its end (Ctrl-D), and for what cannot be kept as it is.
pub(super) fn ask(prompt: &str) -> io::Result<SecretString> {
    let tty = OpenOptions::new().read(true).write(true).open(TERMINAL)?;
    // Signals that would end us wait until the terminal is as it was.
    let held = Held::begin();
    let signals = Signals::watch();
    loop {
        let quiet = Quiet::begin(&tty)?;
        (&tty).write_all(prompt.as_bytes())?;
        let read = read_line(&quiet, &signals);
        drop(quiet);
        _ = (&tty).write_all(b"\n");
        match read? {
            Came::Line(line) => return line.finish(),
            Came::Stop => _ = low_level::emulate_default_handler(SIGTSTP),
            Came::End => {
                drop(signals);
                // Ends the process.
                drop(held);
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
    }
}

/// How a stretch of reading ended.
enum Came {
    Line(Line),
    /// A signal wants us to stop until we are continued.
    Stop,
    /// A signal wants us to end.
    End,
}

/// Reads up to the end of the line, and what was pasted behind it.
fn read_line(quiet: &Quiet<'_>, signals: &Signals) -> io::Result<Came> {
    let mut line = Line::new(&quiet.before);
    let mut buffer = Zeroizing::new([0; 4096]);
    loop {
        // At most a tenth of a second.
        let count = match (&*quiet.tty).read(&mut *buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            other => other?,
        };
        if signals.end.load(Ordering::SeqCst) {
            return Ok(Came::End);
        }
        if signals.stop.swap(false, Ordering::SeqCst) {
            return Ok(Came::Stop);
        }
        for byte in buffer.get(..count).unwrap_or_default() {
            line.take(*byte);
        }
        if count == 0 {
            if line.ended {
                return Ok(Came::Line(line));
            }
            quiet.again()?;
        }
        if line.bytes.len() as u64 > MAX_VALUE || line.more > MAX_VALUE {
            _ = tcflush(quiet.tty, QueueSelector::IFlush);
            line.ended = true;
            return Ok(Came::Line(line));
        }
    }
}

/// What was typed so far.
struct Line {
    bytes: Zeroizing<Vec<u8>>,
    /// The keys that erase a character, a word, all; and the one that ends the input.
    keys: [u8; 4],
    ended: bool,
    /// The input ended before anything was typed.
    nothing: bool,
    /// How many bytes came behind the end of the line, but for line breaks.
    more: u64,
}

impl Line {
    fn new(terminal: &Termios) -> Self {
        let codes = &terminal.special_codes;
        let key = |index| codes[index];
        let keys = [
            key(SpecialCodeIndex::VERASE),
            key(SpecialCodeIndex::VWERASE),
            key(SpecialCodeIndex::VKILL),
            key(SpecialCodeIndex::VEOF),
        ];
        Self { bytes: Zeroizing::new(Vec::with_capacity(4096)), keys, ended: false, nothing: false, more: 0 }
    }

    fn take(&mut self, byte: u8) {
        /// What keyboards send for Backspace, whatever the terminal's settings say.
        const BACKSPACE: [u8; 2] = [0x08, 0x7f];
        let [erase, word, all, end] = self.keys;
        // A key that is switched off is 0 (Linux) or 255 there; neither is a key.
        let is = |key: u8| byte == key && key < 0x20 && key != 0;
        if self.ended {
            self.more += u64::from(!matches!(byte, b'\r' | b'\n'));
        } else if matches!(byte, b'\r' | b'\n') {
            self.ended = true;
        } else if is(end) {
            self.nothing = self.bytes.is_empty();
            self.ended = true;
        } else if BACKSPACE.contains(&byte) || is(erase) {
            self.erase();
        } else if is(word) {
            while self.bytes.last().is_some_and(|byte| *byte == b' ' || *byte == b'\t') {
                self.erase();
            }
            while self.bytes.last().is_some_and(|byte| *byte != b' ' && *byte != b'\t') {
                self.erase();
            }
        } else if is(all) {
            while !self.bytes.is_empty() {
                self.erase();
            }
        } else {
            self.push(byte);
        }
    }

    /// Adds a byte; growing leaves no copy behind.
    fn push(&mut self, byte: u8) {
        if self.bytes.len() == self.bytes.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(self.bytes.capacity() * 2));
            larger.extend_from_slice(&self.bytes);
            self.bytes = larger;
        }
        self.bytes.push(byte);
    }

    /// Takes the last character away: in UTF-8 all its bytes.
    fn erase(&mut self) {
        while let Some(byte) = self.bytes.pop() {
            if byte & 0b1100_0000 != 0b1000_0000 {
                break;
            }
        }
    }

    /// The line, if it is what was typed.
    fn finish(self) -> io::Result<SecretString> {
        let refused = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why));
        if self.more > 0 {
            return refused("more than one line was pasted; give it in a file or through a pipe");
        }
        if self.nothing {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "nothing was typed"));
        }
        if self.bytes.len() as u64 > MAX_VALUE {
            return refused("it is larger than 1 MiB");
        }
        let Ok(text) = SecretBytes::from_zeroizing(self.bytes).into_text() else {
            return refused("what was typed is not UTF-8 text; give it in a file or through a pipe");
        };
        if text.expose().bytes().any(|byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f) {
            return refused(
                "a control character was typed (an arrow key?); type it again, or give it in a file or through a pipe",
            );
        }
        Ok(text)
    }
}

/// While it lives, the terminal shows nothing and hands over every byte as it comes.
struct Quiet<'a> {
    tty: &'a File,
    /// The terminal's modes before.
    before: Termios,
    /// Its modes now.
    now: Termios,
}

impl<'a> Quiet<'a> {
    fn begin(tty: &'a File) -> io::Result<Self> {
        let before = tcgetattr(tty)?;
        let mut now = before.clone();
        // Ctrl-C, Ctrl-\ and Ctrl-Z go on working (ISIG).
        now.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::IEXTEN;
        now.input_modes -= InputModes::ISTRIP | InputModes::IGNCR | InputModes::INLCR | InputModes::IXON | InputModes::IXOFF;
        // A read ends after a tenth of a second, also without a byte.
        now.special_codes[SpecialCodeIndex::VMIN] = 0;
        now.special_codes[SpecialCodeIndex::VTIME] = 1;
        let quiet = Self { tty, before, now };
        quiet.set()?;
        Ok(quiet)
    }

    fn set(&self) -> io::Result<()> {
        Ok(tcsetattr(self.tty, OptionalActions::Now, &self.now)?)
    }

    /// Takes back what a shell did to the terminal while we were stopped. Fails when the terminal is gone.
    fn again(&self) -> io::Result<()> {
        let modes = tcgetattr(self.tty)?;
        if modes.local_modes != self.now.local_modes || modes.input_modes != self.now.input_modes { self.set() } else { Ok(()) }
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        _ = tcsetattr(self.tty, OptionalActions::Now, &self.before);
    }
}

/// Which signals came.
struct Signals {
    end: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    ids: Vec<SigId>,
}

/// Whether Ctrl-Z stops the process at once, as it does whenever nobody is asked.
fn stops_at_once() -> &'static Arc<AtomicBool> {
    static AT_ONCE: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    AT_ONCE.get_or_init(|| {
        let at_once = Arc::new(AtomicBool::new(true));
        _ = flag::register_conditional_default(SIGTSTP, Arc::clone(&at_once));
        at_once
    })
}

impl Signals {
    /// From now on they are only remembered. The caller holds those that end the process.
    fn watch() -> Self {
        let (end, stop) = (Arc::default(), Arc::default());
        let mut ids: Vec<SigId> =
            signals::ending().into_iter().filter_map(|signal| flag::register(signal, Arc::clone(&end)).ok()).collect();
        if !signals::is_ignored(SIGTSTP) {
            stops_at_once().store(false, Ordering::SeqCst);
            ids.extend(flag::register(SIGTSTP, Arc::clone(&stop)));
        }
        Self { end, stop, ids }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        stops_at_once().store(true, Ordering::SeqCst);
        for id in self.ids.drain(..) {
            low_level::unregister(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of these bytes under the usual keys.
    fn typed(bytes: &[u8]) -> Result<String, String> {
        let mut line =
            Line { bytes: Zeroizing::default(), keys: [0x7f, 0x17, 0x15, 0x04], ended: false, nothing: false, more: 0 };
        bytes.iter().for_each(|byte| line.take(*byte));
        assert!(line.ended, "the line has no end");
        line.finish().map(|text| text.expose().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_byte_of_a_line_is_kept() {
        for text in ["", "a", " a\tb \t", "päß 密碼 \u{1f511}", "\\x1b^C$'\"`", &"long ".repeat(5000)] {
            assert_eq!(typed(format!("{text}\n").as_bytes()).as_deref(), Ok(text));
            assert_eq!(typed(format!("{text}\r\n").as_bytes()).as_deref(), Ok(text));
        }
        assert_eq!(typed(b"value\x04").as_deref(), Ok("value"));
        assert_eq!(typed(b"value\n\n\n").as_deref(), Ok("value"), "empty lines behind it are nothing");
    }

    #[test]
    fn keys_erase_characters_words_and_all() {
        assert_eq!(typed("abä\x7f\x08c\n".as_bytes()).as_deref(), Ok("ac"));
        assert_eq!(typed(b"one two  \x17three\n").as_deref(), Ok("one three"));
        assert_eq!(typed(b"one two\x15three\n").as_deref(), Ok("three"));
        assert_eq!(typed(b"\x7f\x17\x15a\n").as_deref(), Ok("a"));
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let refused = |bytes: &[u8], why: &str| {
            let text = typed(bytes).unwrap_err();
            assert!(text.starts_with(why), "{text}");
        };
        refused(b"\xff\xfe\n", "what was typed is not UTF-8 text");
        refused(b"caf\xe9\n", "what was typed is not UTF-8 text");
        refused(b"a\x1b[Ab\n", "a control character was typed");
        refused(b"a\0b\n", "a control character was typed");
        refused(b"-----BEGIN\nMII\n", "more than one line was pasted");
        refused(b"a\x04b", "more than one line was pasted");
        refused(b"\x04", "nothing was typed");
        refused(&[vec![b'x'; MAX_VALUE as usize + 1], b"\n".to_vec()].concat(), "it is larger than 1 MiB");
    }
}
