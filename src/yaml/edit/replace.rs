//! A new value in the place of an old one.

use super::super::tree::{Kind, Node, Style};
use super::find::Place;
use super::lines::{Splice, line_end};
use super::spell::{Context, scalar, scalar_like};
use super::{Edit, Error, is_shared};

/// Replaces the value of an entry.
pub(super) fn splices(
    edit: &Edit<'_>,
    place: &Place<'_, '_>,
    key: Node<'_>,
    old: Node<'_>,
    value: &str,
) -> Result<Vec<Splice>, Error> {
    let text = edit.text;
    let position = old.position();
    let path = || edit.full_path();
    if is_shared(place.document, old) {
        return Err(Error::Shared { position, path: path() });
    }
    if let Some(tag) = old.tag().filter(|tag| !matches!(*tag, "!" | "tag:yaml.org,2002:str")) {
        return Err(Error::Tagged { position, path: path(), tag: tag.to_owned() });
    }
    let in_block = place.node.kind() == (Kind::Mapping { flow: false });
    let context = if in_block { Context::Block } else { Context::of(place.node, &place.passed) };
    let span = old.span();
    match old.kind() {
        Kind::Mapping { .. } | Kind::Sequence { .. } => Err(Error::NotScalar { position, path: path() }),
        Kind::Alias => Ok(vec![Splice::new(span, scalar(value, context))]),
        Kind::Scalar(Style::Literal | Style::Folded) => {
            let header = old.block_header().unwrap_or(span.clone());
            // What is behind the header on its line (a comment) stays; the lines of text go; blank lines behind them stay.
            let body = line_end(text, header.end)..span.end;
            let mut splices = vec![Splice::new(header, scalar(value, context))];
            if !body.is_empty() {
                splices.push(Splice::cut(body));
            }
            Ok(splices)
        }
        Kind::Scalar(_) if old.is_absent() => {
            let colon = text[key.span().end..span.start].contains(':');
            match (colon, in_block) {
                (true, _) => Ok(vec![Splice::insert(span.start, format!(" {}", scalar(value, context)))]),
                (false, false) => Ok(vec![Splice::insert(key.span().end, format!(": {}", scalar(value, context)))]),
                (false, true) => {
                    Err(Error::Layout { position: key.position(), reason: "the key is explicit (`? key`) and has no value" })
                }
            }
        }
        Kind::Scalar(style) => Ok(vec![Splice::new(span, scalar_like(value, style, context))]),
    }
}
