//! What replacing a file keeps, refuses and never leaves behind.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn folder_with(name: &str, content: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    (folder, path)
}

#[test]
fn new_files_are_private_or_shared_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (key, cert) = (folder.path().join("k"), folder.path().join("c"));
    write(&key, b"1", Privacy::Plaintext, Existing::Keep).unwrap();
    write(&cert, b"2", Privacy::Shared, Existing::Replace).unwrap();
    assert_eq!(mode(&key), 0o600);
    assert_eq!(mode(&cert) & 0o600, 0o600);
    assert_eq!(mode(&cert) & !0o644, 0);
    assert_eq!(names(folder.path()), ["c", "k"]);
}

#[test]
fn a_replaced_file_keeps_its_mode_and_a_link_stays_a_link() {
    let (folder, path) = folder_with("real", "old");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("link");
    symlink("real", &link).unwrap();
    Target::open(&link, 100).unwrap().replace(b"new", Privacy::Private).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(mode(&path), 0o640);
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("real"));
    assert_eq!(names(folder.path()), ["link", "real"]);
}

#[test]
fn plaintext_closes_a_file_that_others_could_read() {
    let (_folder, path) = folder_with("out", "old");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    write(&path, b"new", Privacy::Plaintext, Existing::Replace).unwrap();
    assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (b"new".as_slice(), 0o600));
}

#[test]
fn a_link_to_nothing_makes_the_file_it_points_to_and_a_loop_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    symlink("later", folder.path().join("link")).unwrap();
    symlink("loop", folder.path().join("loop")).unwrap();
    write(&folder.path().join("link"), b"x", Privacy::Shared, Existing::Replace).unwrap();
    assert_eq!(fs::read(folder.path().join("later")).unwrap(), b"x");
    let error = write(&folder.path().join("loop"), b"x", Privacy::Shared, Existing::Replace).unwrap_err();
    // The system or we notice the loop, whoever comes first; nothing is written either way.
    assert!(matches!(error, ReplaceError::LinkLoop | ReplaceError::Io(_)), "{error}");
    assert_eq!(names(folder.path()), ["later", "link", "loop"]);
}

#[test]
fn a_file_changed_since_it_was_read_is_left_alone() {
    let (folder, path) = folder_with("f", "old");
    let target = Target::open(&path, 100).unwrap();
    fs::write(&path, "theirs").unwrap();
    assert_eq!(
        target.replace(b"ours", Privacy::Shared).unwrap_err().to_string(),
        "the file was changed by another program meanwhile"
    );
    assert_eq!(fs::read(&path).unwrap(), b"theirs");
    assert_eq!(names(folder.path()), ["f"]);
}

#[test]
fn a_file_that_appeared_since_it_was_absent_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let target = Target::open(&path, 100).unwrap();
    assert_eq!(target.content(), None);
    fs::write(&path, "theirs").unwrap();
    assert!(matches!(target.replace(b"ours", Privacy::Shared).unwrap_err(), ReplaceError::Changed));
    assert_eq!(fs::read(&path).unwrap(), b"theirs");
}

#[test]
fn read_only_files_folders_and_missing_folders_are_refused() {
    let (folder, path) = folder_with("f", "old");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let text = |result: Result<(), ReplaceError>| result.unwrap_err().to_string();
    assert_eq!(text(Target::open(&path, 9).map(drop)), "the file is read-only");
    assert_eq!(text(write(&path, b"x", Privacy::Shared, Existing::Replace)), "the file is read-only");
    assert_eq!(text(write(&path, b"x", Privacy::Shared, Existing::Keep)), "the file exists already");
    assert_eq!(text(Target::open(folder.path(), 9).map(drop)), "it is a directory");
    assert_eq!(text(write(folder.path(), b"x", Privacy::Shared, Existing::Replace)), "it is a directory");
    let missing = folder.path().join("no/f");
    assert_eq!(
        text(write(&missing, b"x", Privacy::Shared, Existing::Replace)),
        format!("there is no directory {}", folder.path().join("no").display())
    );
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["f"]);
}

#[test]
fn a_device_is_written_to_and_never_edited() {
    write(Path::new("/dev/null"), b"x", Privacy::Shared, Existing::Replace).unwrap();
    assert_eq!(Target::open(Path::new("/dev/null"), 9).map(drop).unwrap_err().to_string(), "it is not a regular file");
}

#[test]
fn two_edits_of_one_file_at_once_lose_neither() {
    let (_folder, path) = folder_with("f", "");
    std::thread::scope(|scope| {
        for letter in ["a", "b", "c", "d"] {
            let path = &path;
            scope.spawn(move || {
                let target = Target::open(path, 100).unwrap();
                let new = [target.content().unwrap(), letter.as_bytes()].concat();
                target.replace(&new, Privacy::Shared).unwrap();
            });
        }
    });
    let mut letters = fs::read(&path).unwrap();
    letters.sort_unstable();
    assert_eq!(letters, b"abcd");
}

/// Where Linux keeps files in memory; a temporary folder elsewhere.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

#[test]
fn a_file_below_dev_is_a_file_like_any_other() {
    let folder = in_memory();
    let path = folder.path().join("out");
    fs::write(&path, "a much longer old content").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    write(&path, b"new", Privacy::Plaintext, Existing::Replace).unwrap();
    assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (b"new".as_slice(), 0o600));
    assert!(matches!(write(&path, b"x", Privacy::Plaintext, Existing::Keep), Err(ReplaceError::Exists)));
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(names(folder.path()), ["out"]);
}

#[test]
fn only_names_of_descriptors_are_streams() {
    let stream = |path: &str| stream_of(Path::new(path));
    assert_eq!(stream("/dev/stdout"), Some(Stream::Stdout));
    assert_eq!(stream("/proc/self/fd/2"), Some(Stream::Stderr));
    assert_eq!(stream("/dev/fd/63"), Some(Stream::Other));
    assert_eq!(stream("/proc/17/fd/1"), Some(Stream::Other));
    for path in ["/dev/shm/x", "/dev/shm/fd/1", "/dev/null", "/proc/sys/fd/x", "/home/me/dev/fd/1", "dev/stdout"] {
        assert_eq!(stream(path), None, "{path}");
    }
}

#[test]
fn a_file_behind_a_descriptor_keeps_what_it_has() {
    let (_folder, path) = folder_with("log", "old\n");
    let file = File::open(&path).unwrap();
    let name = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
    write(Path::new(&name), b"new\n", Privacy::Plaintext, Existing::Keep).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old\nnew\n");
}

/// A folder as `/tmp`, and the user number of somebody else; `None` where we may not give files away.
fn shared_folder() -> Option<(tempfile::TempDir, u32)> {
    const SOMEBODY: u32 = 61234;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    rustix::process::geteuid().is_root().then_some((folder, SOMEBODY))
}

#[test]
fn opened_secrets_never_become_the_file_of_somebody_else() {
    let Some((folder, somebody)) = shared_folder() else { return };
    let us = rustix::process::geteuid().as_raw();
    for (privacy, owner) in [(Privacy::Plaintext, us), (Privacy::Private, us), (Privacy::Shared, somebody)] {
        let path = folder.path().join("out");
        fs::write(&path, "bait").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        std::os::unix::fs::chown(&path, Some(somebody), Some(somebody)).unwrap();
        write(&path, b"new", privacy, Existing::Replace).unwrap();
        assert_eq!((fs::metadata(&path).unwrap().uid(), fs::read(&path).unwrap()), (owner, b"new".to_vec()), "{privacy:?}");
        assert_eq!(mode(&path), if privacy == Privacy::Shared { 0o666 } else { 0o600 }, "{privacy:?}");
    }
    // In a folder of their own they asked for it: `sudo sops decrypt --output`; and a file that is edited stays whose it is.
    let path = folder.path().join("home/out");
    fs::create_dir(folder.path().join("home")).unwrap();
    fs::write(&path, "old").unwrap();
    std::os::unix::fs::chown(&path, Some(somebody), Some(somebody)).unwrap();
    write(&path, b"new", Privacy::Private, Existing::Replace).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().uid(), somebody);
    Target::open(&path, 100).unwrap().replace(b"newer", Privacy::Plaintext).unwrap();
    assert_eq!((fs::metadata(&path).unwrap().uid(), mode(&path)), (somebody, 0o600));
}

#[test]
fn links_and_pipes_of_somebody_else_in_a_shared_folder_are_refused() {
    let Some((folder, somebody)) = shared_folder() else { return };
    let (_home, aim) = folder_with("aim", "old");
    let link = folder.path().join("link");
    symlink(&aim, &link).unwrap();
    std::os::unix::fs::lchown(&link, Some(somebody), Some(somebody)).unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    std::os::unix::fs::chown(&pipe, Some(somebody), Some(somebody)).unwrap();
    for path in [&link, &pipe] {
        let error = write(path, b"new", Privacy::Plaintext, Existing::Replace).unwrap_err();
        assert!(matches!(error, ReplaceError::Foreign(_) | ReplaceError::Io(_)), "{error}");
    }
    assert!(matches!(Target::open(&link, 9).map(drop), Err(ReplaceError::Foreign(_))));
    assert_eq!(fs::read(&aim).unwrap(), b"old");
    // Our own link there is followed.
    std::os::unix::fs::lchown(&link, Some(rustix::process::geteuid().as_raw()), None).unwrap();
    write(&link, b"new", Privacy::Plaintext, Existing::Replace).unwrap();
    assert_eq!(fs::read(&aim).unwrap(), b"new");
}
