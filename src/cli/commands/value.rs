//! `hecate-seal KEY [VALUE]`: one value, or several, sealed into the SealedSecret file of this directory.
//!
//! Everything that can be wrong is found before a value is asked for: settings, certificate, target. The existing object says
//! what its values are sealed for (name, namespace, scope); settings that say otherwise are a conflict, never a compromise. Then
//! one item a key is set in the file, and every other byte stays.

use std::path::{Path, PathBuf};

use crate::cli::args::{ManifestFormat, ValueArgs};
use crate::cli::io::{read, replace};
use crate::cli::report::{Context, Exit, Failure, Outcome};
use crate::cli::settings::{Origin, Set, Settings};
use crate::cli::value_input::{self, Request, Source};
use crate::cli::{Io, certificate, names};
use crate::manifest::{self, SealedSecret};
use crate::repo::sealed_file::{self, FindError, Found, Wanted};
use crate::seal::{Label, Scope, SealedValue, looks_sealed, seal_value};
use crate::secret::SecretBytes;
use crate::yaml;

/// What values are sealed for, and what the file holds already.
struct Object {
    name: String,
    namespace: String,
    scope: Scope,
    /// Keys that the file has.
    keys: Vec<String>,
}

impl Object {
    fn label(&self) -> Label {
        Label::new(self.scope, &self.namespace, &self.name)
    }

    /// `namespace/name, scope`, as far as they are known.
    fn describe(&self) -> String {
        let named = if self.namespace.is_empty() { self.name.clone() } else { format!("{}/{}", self.namespace, self.name) };
        if named.is_empty() { self.scope.to_string() } else { format!("{named}, {}", self.scope) }
    }
}

/// The file that values go into.
struct Place {
    path: PathBuf,
    /// As messages call it.
    shown: String,
}

impl Place {
    fn new(path: &Path, io: &Io) -> Self {
        let path = io.path(path);
        Self { shown: io.shown(&path), path }
    }

    /// The file as it is now, for an edit.
    fn open(&self) -> Result<replace::Target, Failure> {
        replace::Target::open(&self.path, read::MAX_DOCUMENT).map_err(|error| error.at(self.shown.as_ref()))
    }

    /// Its content as text; no file is no text.
    fn text<'t>(&self, target: &'t replace::Target) -> Result<&'t str, Failure> {
        std::str::from_utf8(target.content().unwrap_or_default()).map_err(|error| {
            Failure::new(format_args!("it is not UTF-8 text (byte {})", error.valid_up_to()))
                .wrap(format_args!("cannot read {}", self.shown))
        })
    }
}

/// A key with its sealed value.
type Item = (String, SealedValue);

/// Runs the command.
///
/// # Errors
/// Any failure leaves the file as it was.
pub fn run(args: ValueArgs, io: &mut Io) -> Outcome {
    let mut requests = value_input::requests(args.words, args.from_env.as_deref(), args.from_file.as_deref())?;
    let settings = Settings::resolve(&args.target, io)?;
    let certificate = certificate::required(&settings, io)?;
    if let Some(Set { value: file, origin: Origin::Flag(_) | Origin::Variable(_) }) = &settings.file {
        settings.check_certificate_for(file, io)?;
    }
    let target = settings.file.as_ref().filter(|_| !args.print).map(|set| Place::new(&set.value, io));

    let object = match &target {
        Some(place) => look(place, &settings)?,
        None => from_settings(&settings, false)?,
    };
    io.detail(format!("sealing for {}", object.describe()));
    if args.if_absent {
        let (there, absent): (Vec<Request>, _) = requests.into_iter().partition(|request| object.keys.contains(&request.key));
        for request in &there {
            io.note(format!("{} is there already and stays as it is", request.key));
        }
        requests = absent;
    }
    if requests.is_empty() {
        return Ok(Exit::DONE);
    }

    let typed = requests.iter().any(|request| matches!(request.source, Source::Argument(_)));
    let mut items = Vec::with_capacity(requests.len());
    for request in requests {
        let mut value = value_input::get(&request, io)?;
        if args.trim_newline {
            value = value_input::without_last_newline(&value);
        }
        check_value(&request, &value, args.allow_empty, args.force, io)?;
        let sealed = seal_value(certificate.public_key(), &object.label(), value.expose());
        items.push((request.key.clone(), sealed.context(|| format!("cannot seal {}", request.key))?));
    }
    match target {
        Some(place) => write(&place, items, &settings, &object, args.if_absent, io)?,
        None => print(&items, args.print, &object, io)?,
    }
    if typed && io.stderr_is_terminal {
        io.hint("the value is in your shell's history now; leave it out of the command to be asked for it");
    }
    Ok(Exit::DONE)
}

/// What the target file, or the settings if there is none yet, says that values are sealed for.
fn look(place: &Place, settings: &Settings) -> Result<Object, Failure> {
    let target = place.open()?;
    match find(place, place.text(&target)?, settings)? {
        Some(found) => from_found(place, found, settings),
        None => from_settings(settings, true),
    }
}

fn find(place: &Place, text: &str, settings: &Settings) -> Result<Option<Found>, Failure> {
    let wanted = Wanted {
        name: settings.name.as_ref().map(|set| set.value.clone()),
        namespace: settings.namespace.as_ref().map(|set| set.value.clone()),
    };
    sealed_file::find(text, &wanted).map_err(|error| {
        let hint = match &error {
            FindError::PlainSecret { .. } => Some(format!(
                "seal the whole file first: hecate-seal seal {0} -o {0}; and change its values, if it was ever in git",
                place.shown
            )),
            FindError::Other { .. } | FindError::None { .. } => {
                Some(format!("the value would never open there; it was asked for by {}", origins(settings)))
            }
            FindError::Several { .. } => Some("say which with --name and --namespace".to_owned()),
            FindError::OtherKind { .. } => Some("choose another file with --file; it is made if absent".to_owned()),
            _ => None,
        };
        let failure = Failure::from(error).wrap(format_args!("cannot put a value into {}", place.shown));
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    })
}

/// Where name and namespace were said.
fn origins(settings: &Settings) -> String {
    let said = [&settings.name, &settings.namespace].into_iter().flatten();
    let mut origins: Vec<String> = said.map(|set| set.origin.to_string()).collect();
    origins.dedup();
    origins.join(" and ")
}

/// The existing object decides; a scope that is asked for otherwise is a conflict. A namespace it does not have comes from the
/// settings.
fn from_found(place: &Place, found: Found, settings: &Settings) -> Result<Object, Failure> {
    let place = format!("{}: line {}", place.shown, found.line);
    if let Some(Set { value, origin }) = &settings.scope
        && *value != found.scope
    {
        return Err(Failure::new(format_args!("{place}: the SealedSecret is {}, but {origin} says {value}", found.scope))
            .with_hint("all values of a SealedSecret have one scope; to change it, seal all of them again"));
    }
    let asked = settings.namespace.as_ref().map(|set| set.value.clone());
    let namespace = found.namespace.or(asked).unwrap_or_default();
    if namespace.is_empty() && found.scope != Scope::ClusterWide {
        let scope = found.scope;
        return Err(Failure::new(format_args!(
            "{place}: the SealedSecret has no metadata.namespace, and a {scope} value needs one"
        ))
        .with_hint("say it with --namespace, HECATE_SEAL_NAMESPACE or `namespace:` in .hecate-seal.yaml"));
    }
    Ok(Object { name: found.name, namespace, scope: found.scope, keys: found.keys })
}

/// Without an existing object the settings must say what the scope needs; an object that is to be made also needs a name.
fn from_settings(settings: &Settings, made: bool) -> Result<Object, Failure> {
    let scope = settings.scope.as_ref().map_or(Scope::Strict, |set| set.value);
    let text = |set: &Option<Set<String>>| set.as_ref().map_or_else(String::new, |set| set.value.clone());
    let (name, namespace) = (text(&settings.name), text(&settings.namespace));
    let missing = |what: &str, why: &str| {
        Failure::usage(format_args!("the {what} of the Secret is missing: {why}")).with_hint(format_args!(
            "say it with --{what}, HECATE_SEAL_{} or `{what}:` in .hecate-seal.yaml",
            what.to_uppercase()
        ))
    };
    if namespace.is_empty() && scope != Scope::ClusterWide {
        return Err(missing("namespace", &format!("a {scope} value opens only there")));
    }
    if name.is_empty() && scope == Scope::Strict {
        return Err(missing("name", "a strict value opens only under it"));
    }
    if name.is_empty() && made {
        return Err(missing("name", "the new file needs one"));
    }
    if !name.is_empty() {
        names::check_object(&name)?;
    }
    if !namespace.is_empty() {
        names::check_namespace(&namespace)?;
    }
    Ok(Object { name, namespace, scope, keys: Vec::new() })
}

/// Refuses what is most likely a mistake.
fn check_value(request: &Request, value: &SecretBytes, allow_empty: bool, force: bool, io: &mut Io) -> Result<(), Failure> {
    let key = &request.key;
    if value.is_empty() && !allow_empty {
        return Err(Failure::new(format_args!("the value of {key} is empty")).with_hint("use --allow-empty if it is meant to be"));
    }
    if looks_sealed(value.expose()) && !force {
        return Err(Failure::new(format_args!("the value of {key} looks sealed already"))
            .with_hint("give the plain value; use --force to seal it once more"));
    }
    if let Source::Argument(_) = request.source
        && value.expose().len() < 4096
        && std::str::from_utf8(value.expose()).is_ok_and(|text| io.path(Path::new(text)).is_file())
    {
        io.warn(format!("the value of {key} is the name of a file; to seal what is in it, use --from-file"));
    }
    if value_input::looks_echoed(value) && !matches!(request.source, Source::Argument(_)) {
        io.warn(format!(
            "the value of {key} ends with a line break, which is sealed with it (`echo` adds one); use `printf %s` or --trim-newline"
        ));
    }
    Ok(())
}

/// Puts the items into the file.
fn write(
    place: &Place,
    mut items: Vec<Item>,
    settings: &Settings,
    object: &Object,
    if_absent: bool,
    io: &mut Io,
) -> Result<(), Failure> {
    // Read again, under the lock: what was looked at before the value was asked for may have changed.
    let target = place.open()?;
    let old = place.text(&target)?;
    let (new, keys) = match find(place, old, settings)? {
        Some(found) => {
            let document = found.document;
            let now = from_found(place, found, settings)?;
            if now.label() != object.label() {
                return Err(replace::ReplaceError::Changed.at(place.shown.as_ref()));
            }
            items.retain(|(key, _)| !(if_absent && now.keys.contains(key)));
            let mut text = old.to_owned();
            for (key, sealed) in &items {
                text = yaml::edit::set_scalar(&text, document, &["spec", "encryptedData"], key, &sealed.to_text())
                    .context(|| format!("cannot put {key} into {}", place.shown))?;
            }
            (text, now.keys)
        }
        None => (new_file(&place.path, old, &items, object), Vec::new()),
    };
    let made = target.content().is_none();
    target.replace(new.as_bytes(), replace::Privacy::Shared).map_err(|error| error.at(place.shown.as_ref()))?;
    let shown = &place.shown;
    for (key, _) in &items {
        let verb = if keys.contains(key) { "replaced" } else { "added" };
        io.note(format!("{verb} {key} in {shown} ({})", object.describe()));
    }
    if made {
        io.hint(format!("{shown} is new: list it in your kustomization, if you use one, and commit it"));
    }
    Ok(())
}

/// A SealedSecret with these items, after whatever comments the file holds.
fn new_file(path: &Path, old: &str, items: &[Item], object: &Object) -> String {
    let mut sealed = SealedSecret::default();
    sealed.metadata.name.clone_from(&object.name);
    sealed.metadata.namespace.clone_from(&object.namespace);
    object.scope.annotate(&mut sealed.metadata.annotations);
    sealed.spec.template.metadata = sealed.metadata.clone();
    sealed.spec.encrypted_data = items.iter().map(|(key, value)| (key.clone(), value.to_text())).collect();
    let value = manifest::sealed_secret_to_value(&sealed, manifest::Style::Current);
    let document = ManifestFormat::of_path(Some(path)).write(&value);
    let gap = if old.is_empty() || old.ends_with('\n') { "" } else { "\n" };
    format!("{old}{gap}{}", document.expose())
}

/// Prints the items as lines for `encryptedData`.
fn print(items: &[Item], asked: bool, object: &Object, io: &mut Io) -> Result<(), Failure> {
    for (key, sealed) in items {
        io.stdout.put(format!("{key}: {}\n", sealed.to_text()))?;
    }
    if !asked {
        io.note(format!("sealed for {}; it belongs under spec.encryptedData", object.describe()));
        io.hint("to have it put into a file, use --file FILE, or write a .hecate-seal.yaml with `hecate-seal init`");
    }
    Ok(())
}
