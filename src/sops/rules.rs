//! `.sops.yaml`: for whom and by which rule a new file is encrypted, and how files are laid out.
//!
//! Works on the parsed file and on paths as text; finding the file and reading it is the caller's (sops-age.md §2). The first
//! creation rule whose `path_regex` matches decides. Keys are read with their kinds, also those that only sops can use; whether
//! a key can be used is decided where the data key is wrapped. Destination rules belong to `publish` and are not read.
//!
//! An invalid regular expression in a selector is an error as soon as its rule applies, where sops would write plaintext.

mod file;

use super::go;
use super::mac::Scope;
use super::metadata::Provider;
use super::pattern::{self, Pattern};
use super::select::{self, NAMES, Selector};
use super::tree::{Map, Node};
use super::value::Scalar;

/// Deepest nesting of `merge` in key groups.
const MAX_MERGE_DEPTH: usize = 50;

/// Why `.sops.yaml` gives no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not YAML.
    #[error("{0}")]
    Yaml(String),
    /// A field has the wrong shape.
    #[error("`{field}` is not {expected}")]
    Field {
        /// Path of the field.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// There are rules, and none is for this file.
    #[error("no matching creation rules found for `{0}`")]
    NoMatch(String),
    /// A `path_regex` that does not compile.
    #[error("`creation_rules[{rule}].path_regex`: {source}")]
    PathRegex {
        /// Which rule, from 0.
        rule: usize,
        /// What is wrong.
        source: pattern::Error,
    },
    /// More than one selector in a rule, or an invalid one.
    #[error("`creation_rules[{rule}]`: {source}")]
    Selector {
        /// Which rule, from 0.
        rule: usize,
        /// What is wrong.
        source: select::Error,
    },
    /// An indentation that no writer has.
    #[error("`stores.{store}.indent` cannot be {indent}")]
    Indent {
        /// `yaml`, `json` or `json_binary`.
        store: &'static str,
        /// As given.
        indent: i64,
    },
    /// Groups merged into groups without end.
    #[error("key groups are merged more than {MAX_MERGE_DEPTH} levels deep")]
    TooDeep,
}

/// A key that a file is to be encrypted for, as named in the rules or on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySpec {
    /// Which service.
    pub provider: Provider,
    /// Its name there: a recipient, an ARN, a fingerprint, a URL. Equal to
    /// [`MasterKey::name`](super::metadata::MasterKey::name) of a key made from it.
    pub name: String,
}

/// What a matching rule says.
#[derive(Debug, Clone, PartialEq)]
pub struct Creation {
    /// Which of the rules it was, from 0.
    pub rule: usize,
    /// The groups; one without Shamir.
    pub groups: Vec<Vec<KeySpec>>,
    /// How many groups must agree; 0 if not said.
    pub shamir_threshold: usize,
    /// What to encrypt, if said.
    pub selector: Option<Selector>,
    /// What the MAC covers.
    pub mac_scope: Scope,
}

/// How files are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layouts {
    /// Spaces for each level of YAML.
    pub yaml_indent: usize,
    /// Spaces for each level of JSON; `None` for one tab.
    pub json_indent: Option<usize>,
    /// The same for the envelope of binary files.
    pub binary_indent: Option<usize>,
}

impl Default for Layouts {
    fn default() -> Self {
        Self { yaml_indent: 4, json_indent: None, binary_indent: None }
    }
}

/// A parsed `.sops.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// `None` if the file has no creation rules at all, which counts as no file.
    rules: Option<Vec<Map>>,
    layouts: Layouts,
}

impl Rules {
    /// Reads the text of `.sops.yaml`. An empty file has no rules.
    ///
    /// # Errors
    /// [`Error::Yaml`], and those of [`Rules::read`].
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        if text.trim_ascii().is_empty() {
            return Self::read(&Map::default());
        }
        Self::read(&file::load(text)?)
    }

    /// Reads the file's one document. Unknown fields are ignored, as in sops.
    ///
    /// # Errors
    /// [`Error::Field`] and [`Error::Indent`].
    pub fn read(document: &Map) -> Result<Self, Error> {
        let rules = match get(document, "creation_rules") {
            Node::Null => None,
            Node::List(items) => Some(maps(items, "creation_rules")?),
            _ => return Err(field("creation_rules", "a list of rules")),
        };
        let layouts = match get(document, "stores") {
            Node::Null => Layouts::default(),
            Node::Map(stores) => Layouts {
                yaml_indent: match indent(stores, "yaml")? {
                    None | Some(0) => 4,
                    // What go-yaml does with widths that it does not have.
                    Some(1 | 10..) => 2,
                    Some(spaces) => usize::try_from(spaces).map_err(|_| Error::Indent { store: "yaml", indent: spaces })?,
                },
                json_indent: json_indent(stores, "json")?,
                binary_indent: json_indent(stores, "json_binary")?,
            },
            _ => return Err(field("stores", "a map")),
        };
        Ok(Self { rules, layouts })
    }

    /// How files are laid out.
    #[must_use]
    pub fn layouts(&self) -> Layouts {
        self.layouts
    }

    /// The compiled `path_regex` of each rule; `None` for a rule that takes every file. For asking about many files.
    ///
    /// # Errors
    /// [`Error::Field`] and [`Error::PathRegex`].
    pub fn path_patterns(&self) -> Result<Vec<Option<Pattern>>, Error> {
        let rules = self.rules.iter().flatten().enumerate();
        rules
            .map(|(at, rule)| match string(rule, "path_regex", at)?.as_str() {
                "" => Ok(None),
                regex => Pattern::new(regex).map(Some).map_err(|source| Error::PathRegex { rule: at, source }),
            })
            .collect()
    }

    /// How many rules there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.rules.as_ref().map_or(0, Vec::len)
    }

    /// What the rules say about a file, or `None` if there are no rules. `path` is the file's path in the form of
    /// [`subject`].
    ///
    /// # Errors
    /// [`Error::NoMatch`], and everything that is wrong with the rules up to the one that matches.
    pub fn creation_for(&self, path: &str) -> Result<Option<Creation>, Error> {
        let Some(rules) = &self.rules else { return Ok(None) };
        for (at, rule) in rules.iter().enumerate() {
            let regex = string(rule, "path_regex", at)?;
            let applies =
                regex.is_empty() || Pattern::new(&regex).map_err(|source| Error::PathRegex { rule: at, source })?.is_match(path);
            if applies {
                return creation(rule, at).map(Some);
            }
        }
        Err(Error::NoMatch(path.to_owned()))
    }
}

/// The text that `path_regex` is matched against: the absolute path, without the folder of `.sops.yaml` if it lies in there.
/// Separators are slashes on every system.
#[must_use]
pub fn subject(config_folder: &str, absolute_path: &str) -> String {
    let slashes = |path: &str| if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
    let (folder, path) = (slashes(config_folder), slashes(absolute_path));
    let inside = path.strip_prefix(&folder).and_then(|rest| rest.strip_prefix('/'));
    inside.map_or_else(|| path.clone(), str::to_owned)
}

fn creation(rule: &Map, at: usize) -> Result<Creation, Error> {
    let selectors = NAMES.map(|name| string(rule, name, at)).into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut fields = [None; 6];
    for (field, text) in fields.iter_mut().zip(&selectors) {
        *field = Some(text.as_str());
    }
    let selector = Selector::from_fields(fields).map_err(|source| Error::Selector { rule: at, source })?;
    let shamir_threshold = match get(rule, "shamir_threshold") {
        Node::Null => 0,
        Node::Leaf(Scalar::Int(value)) => usize::try_from(*value).map_err(|_| rule_field(at, "shamir_threshold", "a number"))?,
        _ => return Err(rule_field(at, "shamir_threshold", "a number")),
    };
    let mac_scope = match get(rule, "mac_only_encrypted") {
        Node::Null | Node::Leaf(Scalar::Bool(false)) => Scope::All,
        Node::Leaf(Scalar::Bool(true)) => Scope::Encrypted,
        _ => return Err(rule_field(at, "mac_only_encrypted", "true or false")),
    };
    let groups = match get(rule, "key_groups") {
        Node::List(items) if !items.is_empty() => {
            let path = format!("creation_rules[{at}].key_groups");
            maps(items, &path)?.iter().map(|map| group(map, &path, 0)).collect::<Result<_, _>>()?
        }
        Node::Null | Node::List(_) => vec![flat_keys(rule, at)?],
        _ => return Err(rule_field(at, "key_groups", "a list of groups")),
    };
    Ok(Creation { rule: at, groups, shamir_threshold, selector, mac_scope })
}

/// The keys named directly in a rule: text with commas, or a list. Not deduplicated, as in sops.
fn flat_keys(rule: &Map, at: usize) -> Result<Vec<KeySpec>, Error> {
    const FIELDS: [(&str, Provider); 7] = [
        ("age", Provider::Age),
        ("pgp", Provider::Pgp),
        ("kms", Provider::Kms),
        ("gcp_kms", Provider::GcpKms),
        ("hckms", Provider::HcKms),
        ("azure_keyvault", Provider::AzureKv),
        ("hc_vault_transit_uri", Provider::HcVault),
    ];
    let mut keys = Vec::new();
    for (name, provider) in FIELDS {
        let wrong = || rule_field(at, name, "text or a list of texts");
        match get(rule, name) {
            Node::Null => {}
            Node::List(items) => {
                for item in items.iter().filter(|item| !matches!(item, Node::Comment(_))) {
                    keys.extend(key_specs(provider, item.as_str().ok_or_else(wrong)?));
                }
            }
            other => keys.extend(key_specs(provider, other.as_str().ok_or_else(wrong)?)),
        }
    }
    Ok(keys)
}

/// The keys in a comma-separated list, as in rules and on the command line; spaces around them and empty items do not count.
pub fn key_specs(provider: Provider, list: &str) -> impl Iterator<Item = KeySpec> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(move |name| KeySpec { provider, name: name.to_owned() })
}

/// One of `key_groups`: merged groups first, then its own keys, each once.
fn group(map: &Map, path: &str, depth: usize) -> Result<Vec<KeySpec>, Error> {
    if depth > MAX_MERGE_DEPTH {
        return Err(Error::TooDeep);
    }
    let mut keys = Vec::new();
    for merged in list_of_maps(map, "merge", path)? {
        keys.extend(group(&merged, &format!("{path}.merge"), depth + 1)?);
    }
    for name in texts(map, "age", path)? {
        keys.extend(key_specs(Provider::Age, &name));
    }
    keys.extend(texts(map, "pgp", path)?.into_iter().map(|name| KeySpec { provider: Provider::Pgp, name }));
    for (list, provider, name) in
        [("kms", Provider::Kms, "arn"), ("gcp_kms", Provider::GcpKms, "resource_id"), ("hckms", Provider::HcKms, "key_id")]
    {
        for key in list_of_maps(map, list, path)? {
            keys.push(KeySpec { provider, name: text(&key, name, &format!("{path}.{list}"))? });
        }
    }
    for key in list_of_maps(map, "azure_keyvault", path)? {
        let part = |name| text(&key, name, &format!("{path}.azure_keyvault"));
        let name = format!("{}/keys/{}/{}", part("vaultUrl")?, part("key")?, part("version")?);
        keys.push(KeySpec { provider: Provider::AzureKv, name });
    }
    keys.extend(texts(map, "hc_vault", path)?.into_iter().map(|name| KeySpec { provider: Provider::HcVault, name }));
    let mut unique: Vec<KeySpec> = Vec::new();
    for key in keys {
        if !unique.contains(&key) {
            unique.push(key);
        }
    }
    Ok(unique)
}

fn json_indent(stores: &Map, store: &'static str) -> Result<Option<usize>, Error> {
    match indent(stores, store)? {
        None | Some(-1) => Ok(None),
        Some(indent) => usize::try_from(indent).map(Some).map_err(|_| Error::Indent { store, indent }),
    }
}

fn indent(stores: &Map, store: &'static str) -> Result<Option<i64>, Error> {
    let wrong = || field(&format!("stores.{store}"), "a map with a number as `indent`");
    match get(stores, store) {
        Node::Null => Ok(None),
        Node::Map(map) => match get(map, "indent") {
            Node::Null => Ok(None),
            Node::Leaf(Scalar::Int(value)) => Ok(Some(*value)),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

fn get<'a>(map: &'a Map, name: &str) -> &'a Node {
    map.get(name).unwrap_or(&Node::Null)
}

fn field(path: &str, expected: &'static str) -> Error {
    Error::Field { field: path.to_owned(), expected }
}

fn rule_field(rule: usize, name: &str, expected: &'static str) -> Error {
    field(&format!("creation_rules[{rule}].{name}"), expected)
}

fn string(rule: &Map, name: &str, at: usize) -> Result<String, Error> {
    text(rule, name, &format!("creation_rules[{at}]"))
}

/// A scalar as text; go-yaml takes numbers and booleans for text where text is wanted.
fn text(map: &Map, name: &str, path: &str) -> Result<String, Error> {
    match get(map, name) {
        Node::Null => Ok(String::new()),
        Node::Leaf(Scalar::Int(value)) => Ok(value.to_string()),
        Node::Leaf(Scalar::Float(value)) => Ok(go::float_f(*value)),
        Node::Leaf(Scalar::Bool(value)) => Ok(value.to_string()),
        other => other.as_str().map(str::to_owned).ok_or_else(|| field(&format!("{path}.{name}"), "text")),
    }
}

fn texts(map: &Map, name: &str, path: &str) -> Result<Vec<String>, Error> {
    let wrong = || field(&format!("{path}.{name}"), "a list of texts");
    match get(map, name) {
        Node::Null => Ok(Vec::new()),
        Node::List(items) => {
            // A null is an empty text there, which names no key.
            let items = items.iter().filter(|item| !matches!(item, Node::Comment(_) | Node::Null));
            items.map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        _ => Err(wrong()),
    }
}

fn list_of_maps(map: &Map, name: &str, path: &str) -> Result<Vec<Map>, Error> {
    let path = format!("{path}.{name}");
    match get(map, name) {
        Node::Null => Ok(Vec::new()),
        Node::List(items) => maps(items, &path),
        _ => Err(field(&path, "a list of maps")),
    }
}

fn maps(items: &[Node], path: &str) -> Result<Vec<Map>, Error> {
    let items = items.iter().filter(|item| !matches!(item, Node::Comment(_)));
    items
        .map(|item| match item {
            Node::Map(map) => Ok(map.clone()),
            Node::Null => Ok(Map::default()),
            _ => Err(field(path, "a list of maps")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sops::store::json;

    fn rules(text: &str) -> Result<Rules, Error> {
        Rules::read(&json::load(text.as_bytes()).unwrap())
    }

    fn names(creation: &Creation) -> Vec<Vec<&str>> {
        creation.groups.iter().map(|group| group.iter().map(|key| key.name.as_str()).collect()).collect()
    }

    #[test]
    fn the_first_matching_rule_decides() {
        let rules = rules(
            r#"{"creation_rules":[
                {"path_regex":"^secrets/.*\\.yaml$","age":"age1a, age1b,","encrypted_regex":"^(data|stringData)$"},
                {"path_regex":"\\.json$","age":["age1c"],"unencrypted_suffix":"_plain","mac_only_encrypted":true},
                {"pgp":"F1","age":"age1d"}]}"#,
        )
        .unwrap();
        let creation = rules.creation_for("secrets/a.yaml").unwrap().unwrap();
        assert_eq!((creation.rule, names(&creation)), (0, vec![vec!["age1a", "age1b"]]));
        assert_eq!(creation.selector.unwrap().field(), ("encrypted_regex", "^(data|stringData)$"));
        let creation = rules.creation_for("/elsewhere/secrets/a.json").unwrap().unwrap();
        assert_eq!((creation.rule, creation.mac_scope, names(&creation)), (1, Scope::Encrypted, vec![vec!["age1c"]]));
        let creation = rules.creation_for("other").unwrap().unwrap();
        assert_eq!((creation.rule, names(&creation)), (2, vec![vec!["age1d", "F1"]]));
    }

    #[test]
    fn the_file_is_yaml() {
        let text = "creation_rules:\n  - path_regex: secret\\.yaml$ # comment\n    encrypted_regex: ^(data|stringData)$\n    age: >-\n      age1a,\n      age1b\n";
        let creation = Rules::parse(text.as_bytes()).unwrap().creation_for("secret.yaml").unwrap().unwrap();
        assert_eq!(names(&creation), [["age1a", "age1b"]]);
        assert_eq!(Rules::parse(b"").unwrap().creation_for("a"), Ok(None));
        assert!(Rules::parse(b"a: [").is_err());
    }

    #[test]
    fn no_rules_are_no_answer_and_no_match_is_an_error() {
        assert_eq!(rules("{}").unwrap().creation_for("a"), Ok(None));
        assert_eq!(rules(r#"{"creation_rules":null}"#).unwrap().creation_for("a"), Ok(None));
        for text in [r#"{"creation_rules":[]}"#, r#"{"creation_rules":[{"path_regex":"^b"}]}"#] {
            let error = rules(text).unwrap().creation_for("a").unwrap_err();
            assert_eq!(error.to_string(), "no matching creation rules found for `a`");
        }
    }

    #[test]
    fn groups_merge_and_drop_duplicates_while_flat_keys_do_not() {
        let rules = rules(
            r#"{"creation_rules":[{"path_regex":"^g","shamir_threshold":2,"age":"ignored","key_groups":[
                {"merge":[{"age":["x","y,x"]},{"pgp":["P"]}],"age":["y","z"],"kms":[{"arn":"A","role":"R"}]},
                {"hc_vault":["https://v/v1/e/keys/k"],"azure_keyvault":[{"vaultUrl":"https://z","key":"k","version":"1"}]}]},
                {"age":"a,a","key_groups":[]}]}"#,
        )
        .unwrap();
        let creation = rules.creation_for("g").unwrap().unwrap();
        assert_eq!(creation.shamir_threshold, 2);
        assert_eq!(names(&creation), [vec!["x", "y", "P", "z", "A"], vec!["https://z/keys/k/1", "https://v/v1/e/keys/k"]]);
        assert_eq!(names(&rules.creation_for("h").unwrap().unwrap()), [["a", "a"]]);
    }

    #[test]
    fn a_broken_rule_is_an_error_only_when_it_is_reached() {
        let rules = rules(r#"{"creation_rules":[{"path_regex":"^a"},{"path_regex":"("}]}"#).unwrap();
        assert!(rules.creation_for("a").unwrap().is_some());
        assert_eq!(
            rules.creation_for("b").unwrap_err().to_string(),
            "`creation_rules[1].path_regex`: invalid regular expression `(`: unclosed group"
        );
    }

    #[test]
    fn an_invalid_selector_is_an_error_and_never_plaintext() {
        let error =
            |rule: &str| rules(&format!(r#"{{"creation_rules":[{rule}]}}"#)).unwrap().creation_for("a").unwrap_err().to_string();
        assert_eq!(
            error(r#"{"encrypted_regex":"^(?!x)"}"#),
            "`creation_rules[0]`: `encrypted_regex`: invalid regular expression `^(?!x)`: invalid group flag `!`"
        );
        assert!(error(r#"{"encrypted_regex":"a","unencrypted_suffix":"b"}"#).starts_with("`creation_rules[0]`: only one of "));
        assert_eq!(error(r#"{"age":[1]}"#), "`creation_rules[0].age` is not text or a list of texts");
        assert_eq!(error(r#"{"shamir_threshold":"2"}"#), "`creation_rules[0].shamir_threshold` is not a number");
    }

    #[test]
    fn indentation_is_read_as_sops_reads_it() {
        let layouts = |text: &str| rules(&format!(r#"{{"stores":{text}}}"#)).map(|rules| rules.layouts());
        assert_eq!(layouts("null").unwrap(), Layouts::default());
        assert_eq!(
            layouts(r#"{"yaml":{"indent":2},"json":{"indent":0},"json_binary":{"indent":-1}}"#).unwrap(),
            Layouts { yaml_indent: 2, json_indent: Some(0), binary_indent: None }
        );
        assert_eq!(layouts(r#"{"yaml":{"indent":12}}"#).unwrap().yaml_indent, 2);
        assert_eq!(layouts(r#"{"yaml":{"indent":-1}}"#).unwrap_err().to_string(), "`stores.yaml.indent` cannot be -1");
        assert_eq!(layouts(r#"{"json":{"indent":-2}}"#).unwrap_err().to_string(), "`stores.json.indent` cannot be -2");
    }

    #[test]
    fn paths_inside_the_folder_are_relative_to_it() {
        assert_eq!(subject("/repo", "/repo/a/b.yaml"), "a/b.yaml");
        assert_eq!(subject("/repo", "/repository/b.yaml"), "/repository/b.yaml");
        assert_eq!(subject("/repo", "/other/b.yaml"), "/other/b.yaml");
    }
}
