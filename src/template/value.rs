//! Values as Go's reflection sees them, so far as templates and sprig can make them.
//!
//! Strings are bytes, as in Go: a binary secret passes through untouched. Lists and maps live in a [`Heap`] and values hold
//! their numbers: sharing and mutation (`set`, `sortAlpha`) work as with Go's references, a map may even contain itself, and
//! dropping never recurses. Every string wipes itself when its last holder goes.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::rc::Rc;

use super::dates::Moment;
use super::semver::Version;
use crate::secret::SecretBytes;

/// A Go string: bytes, shared, wiped with the last holder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Str(Rc<SecretBytes>);

impl Str {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(Rc::new(SecretBytes::new(bytes)))
    }

    pub(super) fn copy_of(bytes: &[u8]) -> Self {
        Self(Rc::new(SecretBytes::copy_of(bytes)))
    }
}

impl Deref for Str {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.expose()
    }
}

impl Borrow<[u8]> for Str {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl Ord for Str {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Go's integer types that can turn up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntKind {
    Int,
    Int64,
    /// `uint8`: a byte of a string by `index`.
    Uint8,
    /// `uint64`: the parts of a version.
    Uint64,
    /// `time.Duration`, `time.Month` and `time.Weekday` are integers with a name and methods.
    Duration,
    Month,
    Weekday,
}

/// A value. `Invalid` is no value at all (prints `<no value>`), `Nil` a nil interface.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Invalid,
    Nil,
    Bool(bool),
    Int(IntKind, i64),
    Float(f64),
    Complex(f64, f64),
    Str(Str),
    List(ListId),
    Map(MapId),
    Time(Moment),
    Version(Rc<Version>),
    Certificate(Rc<(Str, Str)>),
}

impl Value {
    pub(super) fn int(n: i64) -> Self {
        Self::Int(IntKind::Int, n)
    }

    pub(super) fn int64(n: i64) -> Self {
        Self::Int(IntKind::Int64, n)
    }

    /// The string of some bytes; the caller has paid for them.
    pub(super) fn str(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Str(Str::new(bytes.into()))
    }

    /// What was an interface becomes what is in it, and a nil interface nothing.
    pub(super) fn out_of_interface(self) -> Self {
        if matches!(self, Self::Nil) { Self::Invalid } else { self }
    }

    /// What goes into an interface: nothing becomes a nil interface.
    pub(super) fn into_interface(self) -> Self {
        if matches!(self, Self::Invalid) { Self::Nil } else { self }
    }

    pub(super) fn is_nil(&self) -> bool {
        matches!(self, Self::Invalid | Self::Nil)
    }
}

/// The place of a list in the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListId(usize);

/// The place of a map in the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MapId(usize);

/// The element type of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListKind {
    /// `[]interface {}`
    Any,
    /// `[]string`
    Strs,
    /// `[]int`
    Ints,
    /// `[][]interface {}`
    Lists,
}

/// A slice. A nil one differs from an empty one in JSON only.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) kind: ListKind,
    pub(super) nil: bool,
    pub(super) items: Rc<Vec<Value>>,
}

/// A map with string keys. A nil one cannot be written to.
#[derive(Clone, Debug, Default)]
pub(super) struct Map {
    /// `map[string]string` instead of `map[string]interface {}`.
    pub(super) of_strings: bool,
    pub(super) nil: bool,
    pub(super) entries: BTreeMap<Str, Value>,
}

/// All lists and maps of one rendering. Nothing is freed before its end; what may be made is limited.
#[derive(Debug, Default)]
pub(super) struct Heap {
    lists: Vec<List>,
    maps: Vec<Map>,
    no_map: Map,
}

impl Heap {
    pub(super) fn add_list(&mut self, list: List) -> ListId {
        self.lists.push(list);
        ListId(self.lists.len() - 1)
    }

    pub(super) fn add_map(&mut self, map: Map) -> MapId {
        self.maps.push(map);
        MapId(self.maps.len() - 1)
    }

    pub(super) fn list(&self, id: ListId) -> List {
        self.lists.get(id.0).cloned().unwrap_or_else(|| List { kind: ListKind::Any, nil: true, items: Rc::default() })
    }

    pub(super) fn items(&self, id: ListId) -> Rc<Vec<Value>> {
        self.list(id).items
    }

    /// Puts other items into a list that others may hold too.
    pub(super) fn replace_items(&mut self, id: ListId, items: Vec<Value>) {
        if let Some(list) = self.lists.get_mut(id.0) {
            list.items = Rc::new(items);
        }
    }

    pub(super) fn map(&self, id: MapId) -> &Map {
        self.maps.get(id.0).unwrap_or(&self.no_map)
    }

    pub(super) fn map_mut(&mut self, id: MapId) -> Option<&mut Map> {
        self.maps.get_mut(id.0)
    }

    /// The name `%T` prints.
    pub(super) fn type_name(&self, value: &Value) -> &'static str {
        match value {
            Value::Invalid | Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(kind, _) => match kind {
                IntKind::Int => "int",
                IntKind::Int64 => "int64",
                IntKind::Uint8 => "uint8",
                IntKind::Uint64 => "uint64",
                IntKind::Duration => "time.Duration",
                IntKind::Month => "time.Month",
                IntKind::Weekday => "time.Weekday",
            },
            Value::Float(_) => "float64",
            Value::Complex(..) => "complex128",
            Value::Str(_) => "string",
            Value::List(id) => match self.list(*id).kind {
                ListKind::Any => "[]interface {}",
                ListKind::Strs => "[]string",
                ListKind::Ints => "[]int",
                ListKind::Lists => "[][]interface {}",
            },
            Value::Map(id) => {
                if self.map(*id).of_strings {
                    "map[string]string"
                } else {
                    "map[string]interface {}"
                }
            }
            Value::Time(_) => "time.Time",
            Value::Version(_) => "*semver.Version",
            Value::Certificate(_) => "sprig.certificate",
        }
    }

    /// The name of Go's `reflect.Kind`.
    pub(super) fn kind_name(&self, value: &Value) -> &'static str {
        match value {
            Value::Invalid | Value::Nil => "invalid",
            Value::Int(IntKind::Duration, _) => "int64",
            Value::Int(IntKind::Month | IntKind::Weekday, _) => "int",
            Value::List(_) => "slice",
            Value::Map(_) => "map",
            Value::Time(_) | Value::Certificate(_) => "struct",
            Value::Version(_) => "ptr",
            other => self.type_name(other),
        }
    }

    /// Go's truth: not the zero value, not empty.
    pub(super) fn truth(&self, value: &Value) -> bool {
        match value {
            Value::Invalid | Value::Nil => false,
            Value::Bool(b) => *b,
            Value::Int(_, n) => *n != 0,
            Value::Float(f) => *f != 0.0,
            Value::Complex(re, im) => *re != 0.0 || *im != 0.0,
            Value::Str(s) => !s.is_empty(),
            Value::List(id) => !self.items(*id).is_empty(),
            Value::Map(id) => !self.map(*id).entries.is_empty(),
            Value::Time(_) | Value::Version(_) | Value::Certificate(_) => true,
        }
    }
}
