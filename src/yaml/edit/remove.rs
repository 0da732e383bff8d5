//! Takes an entry out of its mapping.

use super::super::tree::{Kind, Node};
use super::block::is_explicit;
use super::find::Place;
use super::flow::trailing_comma;
use super::lines::{Splice, blanks_before, break_at, line_end, line_start, rest_is_free};
use super::{Edit, Error};

/// Removes an entry.
pub(super) fn splices(edit: &Edit<'_>, place: &Place<'_, '_>, key: Node<'_>, value: Node<'_>) -> Result<Vec<Splice>, Error> {
    let span = key.full_span().start..value.span().end.max(key.span().end);
    let shared = place.document.nodes().any(|alias| {
        let target = alias.resolved().span().start;
        alias.kind() == Kind::Alias && span.contains(&target) && !span.contains(&alias.span().start)
    });
    if shared {
        return Err(Error::Shared { position: value.position(), path: edit.full_path() });
    }
    let mapping = place.node;
    let is_block = mapping.kind() == (Kind::Mapping { flow: false });
    let index = mapping.entries().position(|(other, _)| other.is(key)).unwrap_or_default();
    let next = mapping.entries().nth(index + 1).map(|(key, _)| key.full_span().start);
    let splices = match (is_block, mapping.entries().len()) {
        (true, 1) => only_of_block(edit, place, key, &span)?,
        (true, _) => vec![block(edit, key, &span, next)?],
        (false, _) => vec![flow(edit, mapping, index, &span, next)?],
    };
    let own_line = line_end(edit.text, span.end);
    let cuts_comment = place.document.comments().iter().any(|comment| {
        let own = span.start <= comment.span.start && comment.span.end <= own_line;
        splices.iter().any(|splice| splice.range.contains(&comment.span.start)) && !(is_block && own)
    });
    if cuts_comment {
        return Err(Error::Layout { position: key.position(), reason: "a comment stands between the entries" });
    }
    Ok(splices)
}

fn block(edit: &Edit<'_>, key: Node<'_>, span: &std::ops::Range<usize>, next: Option<usize>) -> Result<Splice, Error> {
    let text = edit.text;
    let position = key.position();
    if is_explicit(text, key) || !rest_is_free(text, span.end) {
        return Err(Error::Layout { position, reason: "the entry does not have its lines for itself" });
    }
    let start = line_start(text, span.start);
    if !text[start..span.start].trim_matches([' ', '\t']).is_empty() {
        // The first key behind a dash: the next one moves up.
        return next
            .map(|next| Splice::cut(span.start..next))
            .ok_or(Error::Layout { position, reason: "the entry does not have its lines for itself" });
    }
    let end = line_end(text, span.end);
    let line_break = break_at(text, end);
    if line_break.is_empty() {
        // The last line of a text without a final line break: the break before it goes instead.
        let before = text[..start].strip_suffix("\r\n").or_else(|| text[..start].strip_suffix(['\n', '\r']));
        return Ok(Splice::cut(before.map_or(start, str::len)..end));
    }
    Ok(Splice::cut(start..end + line_break.len()))
}

/// The last entry of a block mapping: `{}` behind the key that holds the mapping.
fn only_of_block(
    edit: &Edit<'_>,
    place: &Place<'_, '_>,
    key: Node<'_>,
    span: &std::ops::Range<usize>,
) -> Result<Vec<Splice>, Error> {
    let text = edit.text;
    let layout = Error::Layout { position: key.position(), reason: "it is the only entry of its mapping" };
    let Some(&(_, holder)) = place.passed.last().filter(|_| place.in_mapping) else { return Err(layout) };
    let above = line_end(text, holder.span().end);
    if is_explicit(text, holder) || above >= span.start {
        return Err(layout);
    }
    // Behind the colon, or the tag or anchor of the mapping, before a comment.
    let properties = &text[holder.span().end..above];
    let content = properties.find(" #").map_or(properties, |at| &properties[..at]);
    let at = blanks_before(text, holder.span().end + content.len());
    Ok(vec![Splice::insert(at, " {}"), block(edit, key, span, None)?])
}

fn flow(
    edit: &Edit<'_>,
    mapping: Node<'_>,
    index: usize,
    span: &std::ops::Range<usize>,
    next: Option<usize>,
) -> Result<Splice, Error> {
    if let Some(next) = next {
        return Ok(Splice::cut(span.start..next));
    }
    let before = index.checked_sub(1).and_then(|index| mapping.entries().nth(index));
    Ok(match before {
        Some((key, value)) => Splice::cut(value.span().end.max(key.span().end)..span.end),
        None => Splice::cut(span.start..trailing_comma(edit.text, span.end).map_or(span.end, |comma| comma + 1)),
    })
}
