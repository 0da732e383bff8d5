//! sprig's paths: `base`, `dir`, `clean`, `ext`, `isAbs`, and the same for the system, which is a Unix as in the controller's image.
//!
//! Follows Go's `path` package: text only, no file system.

use super::{Function, function};
use crate::template::value::Value;

pub(super) const TABLE: &[Function] = &[
    function("base", "s", |cx, args| cx.string(base(args.text(0)))),
    function("osBase", "s", |cx, args| cx.string(base(args.text(0)))),
    function("dir", "s", |cx, args| cx.string(dir(args.text(0)))),
    function("osDir", "s", |cx, args| cx.string(dir(args.text(0)))),
    function("clean", "s", |cx, args| cx.string(clean(args.text(0)))),
    function("osClean", "s", |cx, args| cx.string(clean(args.text(0)))),
    function("ext", "s", |cx, args| cx.string(ext(args.text(0)))),
    function("osExt", "s", |cx, args| cx.string(ext(args.text(0)))),
    function("isAbs", "s", |_, args| Ok(Value::Bool(args.text(0).starts_with(b"/")))),
    function("osIsAbs", "s", |_, args| Ok(Value::Bool(args.text(0).starts_with(b"/")))),
];

fn base(path: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return b".".to_vec();
    }
    let end = path.iter().rposition(|&b| b != b'/').map_or(0, |at| at + 1);
    match path.get(..end).unwrap_or(path).rsplit(|&b| b == b'/').next() {
        None | Some([]) => b"/".to_vec(),
        Some(name) => name.to_vec(),
    }
}

fn dir(path: &[u8]) -> Vec<u8> {
    let end = path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1);
    clean(path.get(..end).unwrap_or(&[]))
}

fn ext(path: &[u8]) -> Vec<u8> {
    let name = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
    name.iter().rposition(|&b| b == b'.').and_then(|at| name.get(at..)).unwrap_or(&[]).to_vec()
}

fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut kept: Vec<&[u8]> = Vec::new();
    for part in path.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if kept.last().is_some_and(|last| *last != b"..") => {
                kept.pop();
            }
            b".." if rooted => {}
            _ => kept.push(part),
        }
    }
    let joined = kept.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_go_cleans_them() {
        for (path, want) in
            [("", "."), ("/../a//b/./c/..", "/a/b"), ("../../a", "../../a"), ("a/..", "."), ("//", "/"), ("a/../../b", "../b")]
        {
            assert_eq!(String::from_utf8_lossy(&clean(path.as_bytes())), want, "{path}");
        }
        assert_eq!(base(b"/a/b//"), b"b");
        assert_eq!(dir(b"/a"), b"/");
        assert_eq!(ext(b"a.b/c"), b"");
    }
}
