//! sprig's `urlParse` and `urlJoin`.
//!
//! Follows Go 1.26 `net/url`: the same texts parse, and the parts are those that sprig shows.

use core::net::Ipv6Addr;
use std::collections::BTreeMap;

use super::strings::find;
use super::{Args, Function, function};
use crate::template::context::{Context, Outcome, fail};
use crate::template::value::{Str, Value};

pub(super) const TABLE: &[Function] = &[function("urlParse", "s", url_parse), function("urlJoin", "m", url_join)];

/// Which part of a URL is being escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Path,
    User,
    Host,
    Zone,
    Fragment,
}

#[derive(Default)]
struct Url {
    scheme: Vec<u8>,
    opaque: Vec<u8>,
    user: Option<(Vec<u8>, Option<Vec<u8>>)>,
    host: Vec<u8>,
    path: Vec<u8>,
    query: Vec<u8>,
    fragment: Vec<u8>,
}

type Parsed<T> = Result<T, &'static str>;

fn should_escape(c: u8, mode: Mode) -> bool {
    match c {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => false,
        b'!' | b'\'' | b'(' | b')' | b'*' => {
            !matches!(mode, Mode::Host | Mode::Zone | Mode::Fragment) || (c == b'\'' && mode == Mode::Fragment)
        }
        b'[' | b']' | b'<' | b'>' | b'"' => !matches!(mode, Mode::Host | Mode::Zone),
        b'$' | b'&' | b'+' | b',' | b';' | b'=' => false,
        b':' => mode == Mode::User,
        b'/' | b'@' => matches!(mode, Mode::User | Mode::Host | Mode::Zone),
        b'?' => mode != Mode::Fragment,
        _ => true,
    }
}

fn escape(text: &[u8], mode: Mode) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &c in text {
        if should_escape(c, mode) {
            out.extend_from_slice(format!("%{c:02X}").as_bytes());
        } else {
            out.push(c);
        }
    }
    out
}

fn unescape(text: &[u8], mode: Mode) -> Parsed<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&c, tail)) = rest.split_first() {
        rest = tail;
        if c != b'%' {
            if matches!(mode, Mode::Host | Mode::Zone) && c < 0x80 && should_escape(c, mode) {
                return Err("invalid character in host name");
            }
            out.push(c);
            continue;
        }
        let hex = tail.get(..2).filter(|h| h.iter().all(u8::is_ascii_hexdigit)).and_then(|h| std::str::from_utf8(h).ok());
        let byte = hex.and_then(|h| u8::from_str_radix(h, 16).ok()).ok_or("invalid URL escape")?;
        let percent = hex == Some("25");
        if mode == Mode::Host && byte < 0x80 && !percent {
            return Err("invalid URL escape");
        }
        if mode == Mode::Zone && !percent && byte != b' ' && should_escape(byte, Mode::Host) {
            return Err("invalid URL escape");
        }
        out.push(byte);
        rest = tail.get(2..).unwrap_or(&[]);
    }
    Ok(out)
}

fn cut<'t>(text: &'t [u8], separator: &[u8]) -> (&'t [u8], Option<&'t [u8]>) {
    match find(text, separator) {
        Some(at) => (text.get(..at).unwrap_or(text), text.get(at + separator.len()..)),
        None => (text, None),
    }
}

fn scheme(text: &[u8]) -> Parsed<(&[u8], &[u8])> {
    for (n, c) in text.iter().enumerate() {
        match c {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if n > 0 => {}
            b':' if n == 0 => return Err("missing protocol scheme"),
            b':' => return Ok((text.get(..n).unwrap_or(&[]), text.get(n + 1..).unwrap_or(&[]))),
            _ => break,
        }
    }
    Ok((&[], text))
}

impl Url {
    fn parse(raw: &[u8]) -> Parsed<Self> {
        let (text, fragment) = cut(raw, b"#");
        let mut url = Self::parse_body(text)?;
        if let Some(fragment) = fragment {
            url.fragment = unescape(fragment, Mode::Fragment)?;
        }
        Ok(url)
    }

    fn parse_body(text: &[u8]) -> Parsed<Self> {
        let mut url = Self::default();
        if text.iter().any(|b| *b < b' ' || *b == 0x7f) {
            return Err("invalid control character in URL");
        }
        if text == b"*" {
            url.path = text.to_vec();
            return Ok(url);
        }
        let (scheme, mut rest) = scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (before, query) = cut(rest, b"?");
        url.query = query.unwrap_or(&[]).to_vec();
        rest = before;
        if !rest.starts_with(b"/") {
            if !url.scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Ok(url);
            }
            if cut(rest, b"/").0.contains(&b':') {
                return Err("first path segment in URL cannot contain colon");
            }
        }
        if let Some(after) = rest.strip_prefix(b"//").filter(|_| !url.scheme.is_empty() || !rest.starts_with(b"///")) {
            let end = after.iter().position(|&b| b == b'/').unwrap_or(after.len());
            let (authority, path) = after.split_at(end);
            url.authority(authority)?;
            rest = path;
        }
        url.path = unescape(rest, Mode::Path)?;
        Ok(url)
    }

    fn authority(&mut self, authority: &[u8]) -> Parsed<()> {
        let at = authority.iter().rposition(|&b| b == b'@');
        let host = at.map_or(Some(authority), |at| authority.get(at + 1..)).unwrap_or(&[]);
        self.host = parse_host(host)?;
        let Some(info) = at.and_then(|at| authority.get(..at)) else { return Ok(()) };
        if !info.iter().all(|b| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(b)) {
            return Err("invalid userinfo");
        }
        let (name, password) = cut(info, b":");
        let password = password.map(|p| unescape(p, Mode::User)).transpose()?;
        self.user = Some((unescape(name, Mode::User)?, password));
        Ok(())
    }

    /// `Userinfo.String`.
    fn userinfo(&self) -> Vec<u8> {
        let Some((name, password)) = &self.user else { return Vec::new() };
        let mut text = escape(name, Mode::User);
        if let Some(password) = password {
            text.push(b':');
            text.extend(escape(password, Mode::User));
        }
        text
    }

    /// `URL.Hostname`: without the port and the brackets.
    fn hostname(&self) -> &[u8] {
        let colon = self.host.iter().rposition(|&b| b == b':');
        let without_port = match colon {
            Some(at) if self.host.iter().skip(at + 1).all(u8::is_ascii_digit) => self.host.get(..at).unwrap_or(&self.host),
            _ => &self.host,
        };
        without_port.strip_prefix(b"[").and_then(|h| h.strip_suffix(b"]")).unwrap_or(without_port)
    }

    /// `URL.String`.
    fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            let authority = !self.host.is_empty() || self.user.is_some();
            if authority || (!self.scheme.is_empty() && !self.path.is_empty()) {
                out.extend_from_slice(b"//");
            }
            if self.user.is_some() {
                out.extend(self.userinfo());
                out.push(b'@');
            }
            out.extend(escape(&self.host, Mode::Host));
            let path = if self.path == b"*" { self.path.clone() } else { escape(&self.path, Mode::Path) };
            if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
                out.push(b'/');
            }
            if out.is_empty() && cut(&path, b"/").0.contains(&b':') {
                out.extend_from_slice(b"./");
            }
            out.extend(path);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend(escape(&self.fragment, Mode::Fragment));
        }
        out
    }
}

fn valid_port(text: &[u8]) -> bool {
    text.is_empty() || text.strip_prefix(b":").is_some_and(|port| port.iter().all(u8::is_ascii_digit))
}

fn parse_host(host: &[u8]) -> Parsed<Vec<u8>> {
    match host.iter().rposition(|&b| b == b'[') {
        Some(0) => {
            let close = host.iter().rposition(|&b| b == b']').ok_or("missing ']' in host")?;
            let port = host.get(close + 1..).unwrap_or(&[]);
            if !valid_port(port) {
                return Err("invalid port after host");
            }
            let inner = host.get(1..close).unwrap_or(&[]);
            let name = match find(inner, b"%25") {
                Some(zone) => {
                    let (address, zone) = inner.split_at(zone);
                    [unescape(address, Mode::Host)?, unescape(zone, Mode::Zone)?].concat()
                }
                None => unescape(inner, Mode::Host)?,
            };
            let (address, zone) = cut(&name, b"%");
            let valid = std::str::from_utf8(address).is_ok_and(|a| a.parse::<Ipv6Addr>().is_ok()) && zone != Some(&[]);
            if !valid {
                return Err("invalid host");
            }
            return Ok([b"[", name.as_slice(), b"]", port].concat());
        }
        Some(_) => return Err("invalid IP-literal"),
        None => {}
    }
    // Go 1.26 refuses more colons in http URLs, but only in programs that say they are of Go 1.26.
    if let Some(colon) = host.iter().rposition(|&b| b == b':')
        && !valid_port(host.get(colon..).unwrap_or(&[]))
    {
        return Err("invalid port after host");
    }
    unescape(host, Mode::Host)
}

fn url_parse(cx: &mut Context, args: Args) -> Outcome {
    cx.take(args.text(0).len() * 4)?;
    let url = Url::parse(args.text(0)).or_else(|reason| fail(format!("unable to parse url: {reason}")))?;
    let parts: [(&[u8], Vec<u8>); 8] = [
        (b"scheme", url.scheme.clone()),
        (b"host", url.host.clone()),
        (b"hostname", url.hostname().to_vec()),
        (b"path", url.path.clone()),
        (b"query", url.query.clone()),
        (b"opaque", url.opaque.clone()),
        (b"fragment", url.fragment.clone()),
        (b"userinfo", url.userinfo()),
    ];
    let entries: BTreeMap<Str, Value> = parts.into_iter().map(|(key, text)| (Str::copy_of(key), Value::str(text))).collect();
    cx.map(entries)
}

fn url_join(cx: &mut Context, args: Args) -> Outcome {
    let part = |name: &str| -> Outcome<Vec<u8>> {
        match args.map(0).and_then(|id| cx.heap.map(id).entries.get(name.as_bytes())) {
            None => Ok(Vec::new()),
            Some(Value::Str(text)) => Ok(text.to_vec()),
            Some(other) => {
                fail(format!("unable to parse {name} key, must be of type string, but {} found", cx.heap.kind_name(other)))
            }
        }
    };
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        user: None,
    };
    let info = part("userinfo")?;
    if !info.is_empty() {
        let text = [b"proto://", info.as_slice(), b"@host"].concat();
        url.user = Url::parse(&text).or_else(|reason| fail(format!("unable to parse userinfo in dict: {reason}")))?.user;
    }
    let text = url.text();
    cx.string(text)
}
