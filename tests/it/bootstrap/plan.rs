//! What a plan does about what is there, on worlds made up for it.

use std::collections::BTreeSet;

use hecate_seal::bootstrap::plan::State;
use hecate_seal::bootstrap::state::{NamespaceState, Rotation};
use hecate_seal::crypto::password::verify_bcrypt;

use super::{Case, app, codes, file, secret, signs, state};

const PASSWORD_AND_HASH: &[&str] = &["PW: { password: {} }", "PW_HASH: { bcrypt: { from: PW, cost: 4 } }"];

fn rotated(key: &str) -> Rotation {
    let (id, key) = key.rsplit_once('/').unwrap();
    Rotation { keys: BTreeSet::from([secret(id).key(key)]), ..Rotation::default() }
}

#[test]
fn case_01_an_absent_secret_gets_every_key() {
    let mut case = Case::new(&app(&[PASSWORD_AND_HASH[0], PASSWORD_AND_HASH[1], "URL: { template: 'nats://u:{{ PW }}@h' }"]));
    let plan = case.apply();
    assert_eq!(signs(&plan), ["+ app/PW", "~ app/PW_HASH", "~ app/URL"]);
    let password = case.value("web/app", "PW");
    assert_eq!(password.len(), 32);
    assert_eq!(verify_bcrypt(password.as_bytes(), &case.value("web/app", "PW_HASH")), Some(true));
    assert_eq!(case.value("web/app", "URL"), format!("nats://u:{password}@h"));
}

#[test]
fn case_02_a_complete_secret_is_kept_and_no_input_is_needed() {
    let mut case =
        Case::new(&app(&[PASSWORD_AND_HASH[0], PASSWORD_AND_HASH[1], "T: { env: { names: [T] } }"])).variable("T", "v");
    case.apply();
    case.given.variables.clear();
    let plan = case.plan();
    assert!(!plan.has_changes());
    assert_eq!(plan.problems, []);
    assert_eq!(signs(&plan), ["= app/PW", "= app/PW_HASH", "= app/T"]);
}

#[test]
fn case_03_missing_keys_are_added_and_foreign_ones_left_alone() {
    let mut case = Case::new(&app(PASSWORD_AND_HASH)).there("web/app", &[("PW", "old-password"), ("OTHER", "x")]);
    let plan = case.apply();
    assert_eq!(signs(&plan), ["= app/PW", "~ app/PW_HASH"]);
    assert_eq!(case.value("web/app", "PW"), "old-password");
    assert_eq!(verify_bcrypt(b"old-password", &case.value("web/app", "PW_HASH")), Some(true));
    assert_eq!(case.value("web/app", "OTHER"), "x");
}

#[test]
fn case_04_a_required_variable_that_is_unset_or_blank_stops_everything() {
    let text = app(&["PW: { password: {} }", "T: { env: { names: [FIRST, SECOND] } }"]);
    for blank in ["", " ", "\n"] {
        let mut case = Case::new(&text).variable("SECOND", blank);
        let plan = case.plan();
        assert_eq!(codes(&plan), ["missing-input web/app/T"]);
        assert!(plan.problems[0].message.contains("FIRST, SECOND"), "{:?}", plan.problems);
    }
    let mut case = Case::new(&text).variable("SECOND", "value\n");
    case.apply();
    assert_eq!(case.value("web/app", "T"), "value");
}

#[test]
fn case_05_optional_variables_leave_their_keys_out_and_no_empty_secret_is_made() {
    let text = app(&["A: { env: { names: [A], required: never } }", "B: { env: { names: [B], required: never } }"]);
    let plan = Case::new(&text).plan();
    assert!(!plan.has_changes() && plan.problems.is_empty());
    assert_eq!(signs(&plan), ["- app/A", "- app/B"]);
    let mut case = Case::new(&text).variable("B", "v");
    assert_eq!(signs(&case.apply()), ["- app/A", "+ app/B"]);
}

#[test]
fn case_06_another_value_in_the_environment_is_drift_until_it_is_asked_for() {
    let text = app(&["A: { env: { names: [A] } }"]);
    let mut case = Case::new(&text).there("web/app", &[("A", "old")]).variable("A", "new");
    let plan = case.plan();
    assert_eq!(state(&plan, "A"), State::Drift);
    assert!(!plan.has_changes());
    let mut case = case.options(|options| options.from_inputs = BTreeSet::from([secret("web/app")]));
    assert_eq!(state(&case.apply(), "A"), State::Replaced);
    assert_eq!(case.value("web/app", "A"), "new");
    assert!(!case.plan().has_changes());
}

#[test]
fn case_08_a_namespace_that_is_missing_or_going_stops_everything() {
    let text = app(&["A: { password: {} }"]);
    let with = |text: &str, state| {
        let mut case = Case::new(text);
        case.world.namespaces.insert("web".to_owned(), state);
        case.plan()
    };
    assert_eq!(codes(&with(&text, NamespaceState::Absent)), ["namespace web/app"]);
    assert_eq!(codes(&with(&text, NamespaceState::Terminating)), ["namespace web/app"]);
    let made = text.replace("spec:\n", "spec:\n  namespaces: [{ name: web, create: true }]\n");
    let plan = with(&made, NamespaceState::Absent);
    assert_eq!((plan.namespaces.as_slice(), plan.problems.len()), (&["web".to_owned()][..], 0));
    assert_eq!(codes(&with(&made, NamespaceState::Terminating)), ["namespace web/app"]);
}

#[test]
fn case_10_11_12_a_secret_that_cannot_or_must_not_be_written_is_refused() {
    let text = app(PASSWORD_AND_HASH);
    let lacking = || Case::new(&text).there("web/app", &[("PW", "p")]);
    let with = |change: fn(&mut hecate_seal::bootstrap::state::Observed)| {
        let mut case = lacking();
        change(case.world.secrets.get_mut(&secret("web/app")).unwrap());
        codes(&case.plan())
    };
    assert_eq!(with(|observed| observed.immutable = true), ["immutable web/app"]);
    assert_eq!(with(|observed| observed.type_ = Some("kubernetes.io/tls".into())), ["type web/app"]);
    assert_eq!(with(|observed| observed.owner = Some("SealedSecret/app".into())), ["owned web/app"]);
    // Complete, all of that is nobody's business but the type.
    let mut case = lacking();
    case.apply();
    let observed = case.world.secrets.get_mut(&secret("web/app")).unwrap();
    (observed.immutable, observed.owner) = (true, Some("SealedSecret/app".into()));
    assert_eq!(codes(&case.plan()), [""; 0]);
}

#[test]
fn case_14_data_without_their_password_stop_everything_unless_forced() {
    let text = app(&["A: { password: {} }"]).replace("      keys:", "      guard: { pvc: data-0 }\n      keys:");
    let mut case = Case::new(&text);
    assert_eq!(codes(&case.plan()), [""; 0]);
    case.world.claims.insert("web/data-0".into());
    assert_eq!(codes(&case.plan()), ["guarded web/app"]);
    assert_eq!(codes(&case.options(|options| options.force_new = true).plan()), [""; 0]);
    let mut there = Case::new(&text).there("web/app", &[("A", "v")]);
    there.world.claims.insert("web/data-0".into());
    assert_eq!(codes(&there.plan()), [""; 0]);
}

#[test]
fn case_15_a_value_that_is_stored_elsewhere_too_rotates_only_when_that_is_changed() {
    let text = app(&["A: { password: {} }"]).replace("      keys:", "      rotation: external\n      keys:");
    let mut case = Case::new(&text).there("web/app", &[("A", "old")]);
    case.options.rotate = Some(rotated("web/app/A"));
    assert_eq!(codes(&case.plan()), ["external web/app"]);
    case.options.rotate.as_mut().unwrap().upstream_changed = true;
    assert_eq!(state(&case.apply(), "A"), State::Replaced);
    assert_ne!(case.value("web/app", "A"), "old");
}

#[test]
fn case_16_what_bcrypt_cannot_hash_is_an_error() {
    for bad in ["", "two\nlines", &"x".repeat(73)] {
        let plan = Case::new(&app(PASSWORD_AND_HASH)).there("web/app", &[("PW", bad)]).plan();
        assert_eq!(plan.problems.len(), 1, "{bad:?}: {:?}", plan.problems);
        assert!(!plan.has_changes() || !plan.problems.is_empty());
    }
    let mut case = Case::new(&app(PASSWORD_AND_HASH)).there("web/app", &[("PW", &"x".repeat(72))]);
    assert_eq!(codes(&case.plan()), [""; 0]);
}

#[test]
fn case_17_an_empty_value_is_an_error_and_rotation_mends_it() {
    let mut case = Case::new(&app(&["A: { password: {} }"])).there("web/app", &[("A", "")]);
    assert_eq!(codes(&case.plan()), ["empty-value web/app/A"]);
    case.options.rotate = Some(rotated("web/app/A"));
    case.apply();
    assert_eq!(case.value("web/app", "A").len(), 32);
}

#[test]
fn case_18_a_hash_that_nothing_matches_is_named_without_showing_it() {
    let good = hecate_seal::crypto::password::bcrypt(b"p", 4, hecate_seal::crypto::password::BcryptIdent::Y).unwrap();
    let body = &good[7..];
    for (hash, says) in [
        (good[..59].to_owned(), "59 characters"),
        (format!(":{good}"), "htpasswd"),
        (format!("$2z$04${body}"), "prefix"),
        (format!("$2y$03${body}"), "cost"),
        (format!("$2y$17${body}"), "17"),
        (format!("{good}\u{20}x"), "behind"),
        ("plain".to_owned(), "no bcrypt hash"),
    ] {
        let plan = Case::new(&app(PASSWORD_AND_HASH)).there("web/app", &[("PW", "p"), ("PW_HASH", &hash)]).plan();
        assert_eq!(codes(&plan), ["bad-hash web/app/PW_HASH"], "{hash}");
        let message = &plan.problems[0].message;
        assert!(message.contains(says) && !message.contains(&body[..10]) && !message.contains("plain"), "{message}");
    }
    let old = format!("$2x$04${body}");
    let plan = Case::new(&app(PASSWORD_AND_HASH)).there("web/app", &[("PW", "p"), ("PW_HASH", &old)]).plan();
    assert!(plan.problems.is_empty() && plan.warnings.len() == 1, "{plan:?}");
    let mut fixed = Case::new(&app(PASSWORD_AND_HASH))
        .there("web/app", &[("PW", "p"), ("PW_HASH", &good[..59])])
        .options(|options| options.fix_derived = true);
    fixed.apply();
    assert_eq!(verify_bcrypt(b"p", &fixed.value("web/app", "PW_HASH")), Some(true));
}

#[test]
fn case_21_a_value_that_breaks_its_url_is_warned_about_and_encoding_mends_it() {
    let text = app(&["PW: { base64: { bytes: 24 } }", "URL: { template: 'nats://u:{{ PW }}@h' }"]);
    let plan = Case::new(&text).there("web/app", &[("PW", "abc/def+"), ("URL", "nats://u:abc/def+@h")]).plan();
    assert!(plan.warnings.iter().any(|w| w.contains("a slash") && w.contains("rotate")), "{:?}", plan.warnings);
    assert!(!plan.warnings.iter().any(|w| w.contains("abc")), "{:?}", plan.warnings);
    let encoded = text.replace("{{ PW }}", "{{ PW | urlencode }}");
    let plan = Case::new(&encoded).there("web/app", &[("PW", "abc/def+"), ("URL", "nats://u:abc%2Fdef%2B@h")]).plan();
    assert!(plan.warnings.is_empty() && !plan.has_changes(), "{plan:?}");
}

const NATS: &str = "    - name: nats-credentials
      namespace: default
      keepPrevious: true
      restart: [Deployment/client]
      keys:
        PW: { password: {} }
        PW_HASH: { bcrypt: { from: PW, cost: 4 } }
        NATS_URL: { template: 'nats://default:{{ PW }}@nats:4222' }
    - name: nats-auth
      namespace: default
      restart: [Deployment/nats, Deployment/client]
      keys:
        auth.conf:
          natsAuth:
            users: [{ user: default, hash: nats-credentials/PW_HASH }]
";

#[test]
fn case_27_rotating_a_password_renews_everything_that_follows_in_one_plan() {
    let mut case = Case::new(&file(NATS));
    case.apply();
    let before = ["PW", "PW_HASH", "NATS_URL"].map(|key| case.value("default/nats-credentials", key));
    let conf = case.value("default/nats-auth", "auth.conf");
    assert!(conf.contains(&format!("\"{}\"", before[1])), "{conf}");
    case.options.rotate = Some(rotated("default/nats-credentials/PW"));
    let plan = case.apply();
    assert_eq!(
        signs(&plan),
        [
            "~ nats-credentials/NATS_URL",
            "+ nats-credentials/PW",
            "~ nats-credentials/PW_HASH",
            "+ nats-credentials/PW_PREVIOUS",
            "~ nats-auth/auth.conf"
        ]
        .map(str::to_owned)
        .as_slice()
    );
    let password = case.value("default/nats-credentials", "PW");
    assert_ne!(password, before[0]);
    assert_eq!(case.value("default/nats-credentials", "PW_PREVIOUS"), before[0]);
    let hash = case.value("default/nats-credentials", "PW_HASH");
    assert_eq!(verify_bcrypt(password.as_bytes(), &hash), Some(true));
    assert_eq!(case.value("default/nats-credentials", "NATS_URL"), format!("nats://default:{password}@nats:4222"));
    assert!(case.value("default/nats-auth", "auth.conf").contains(&hash));
    case.options.rotate = None;
    assert!(!case.plan().has_changes(), "and then there is nothing left to do");
}

#[test]
fn a_rotation_that_broke_off_is_finished_by_apply() {
    let mut case = Case::new(&file(NATS));
    case.apply();
    let auth = case.world.secrets[&secret("default/nats-auth")].clone();
    case.options.rotate = Some(rotated("default/nats-credentials/PW"));
    case.apply();
    case.options.rotate = None;
    // Only the first Secret was written.
    case.world.secrets.insert(secret("default/nats-auth"), auth);
    assert_eq!(signs(&case.apply()).last().unwrap(), "~ nats-auth/auth.conf");
    assert!(case.value("default/nats-auth", "auth.conf").contains(&case.value("default/nats-credentials", "PW_HASH")));
    assert!(!case.plan().has_changes());
}

#[test]
fn hashes_and_texts_that_fit_are_never_made_again() {
    let with_password = NATS.replace("hash: nats-credentials/PW_HASH", "password: nats-credentials/PW");
    for text in [NATS, &with_password] {
        let mut case = Case::new(&file(text));
        case.apply();
        let conf = case.value("default/nats-auth", "auth.conf");
        assert!(!conf.contains(&case.value("default/nats-credentials", "PW")), "no password of a client in it:\n{conf}");
        for _ in 0..2 {
            assert!(!case.apply().has_changes());
        }
        assert_eq!(case.value("default/nats-auth", "auth.conf"), conf);
    }
}

#[test]
fn the_derived_key_matrix_holds() {
    let case = || Case::new(&app(PASSWORD_AND_HASH));
    let other = hecate_seal::crypto::password::bcrypt(b"other", 4, hecate_seal::crypto::password::BcryptIdent::B).unwrap();
    // The source is gone and its hash is there.
    let plan = case().there("web/app", &[("PW_HASH", &other)]).plan();
    assert_eq!(codes(&plan), ["source-lost web/app/PW"]);
    let mut rotating = case().there("web/app", &[("PW_HASH", &other)]);
    rotating.options.rotate = Some(rotated("web/app/PW"));
    rotating.apply();
    let fresh = rotating.value("web/app", "PW");
    assert_eq!(verify_bcrypt(fresh.as_bytes(), &rotating.value("web/app", "PW_HASH")), Some(true));
    // It does not fit: reported, and mended when asked for.
    let mut drifted = case().there("web/app", &[("PW", "p"), ("PW_HASH", &other)]);
    let plan = drifted.plan();
    assert_eq!((state(&plan, "PW_HASH"), plan.has_changes()), (State::Drift, false));
    drifted.options.fix_derived = true;
    drifted.apply();
    assert_eq!(verify_bcrypt(b"p", &drifted.value("web/app", "PW_HASH")), Some(true));
    // A template is rewritten without being asked for.
    let mut text =
        Case::new(&app(&["A: { password: {} }", "T: { template: 'x {{ A }}' }"])).there("web/app", &[("A", "a"), ("T", "old")]);
    assert_eq!(state(&text.apply(), "T"), State::Derived);
    assert_eq!(text.value("web/app", "T"), "x a");
    // Sealed: kept as a pair, an error where it would have to be read.
    let plan = case().there("web/app", &[("PW", "*"), ("PW_HASH", "*")]).plan();
    assert!(!plan.has_changes() && plan.problems.is_empty());
    assert_eq!(codes(&case().there("web/app", &[("PW", "*")]).plan()), ["source-opaque web/app/PW_HASH"]);
}

#[test]
fn copies_literals_and_optional_sources() {
    let text = file(
        "    - name: a\n      namespace: one\n      keys: { K: { password: {} } }\n\
         \x20   - name: b\n      namespace: two\n      keys:\n        K: { copy: { from: one/a/K } }\n        USER: { literal: app }\n\
         \x20       O: { env: { names: [O], required: never } }\n        T: { template: '{{ O }}' }\n",
    );
    let mut case = Case::new(&text);
    let plan = case.apply();
    assert_eq!(signs(&plan), ["+ a/K", "~ b/K", "- b/O", "- b/T", "+ b/USER"]);
    assert_eq!(case.value("one/a", "K"), case.value("two/b", "K"));
    assert_eq!(case.value("two/b", "USER"), "app");
    assert!(!case.plan().has_changes());
    // Selecting one Secret alone: its source is not there.
    let mut alone = Case::new(&text).options(|options| options.only = BTreeSet::from([secret("two/b")]));
    assert_eq!(codes(&alone.plan()), ["source-missing two/b/K"]);
}

#[test]
fn pairs_are_completed_from_their_private_half_only() {
    let text = app(&["age: { age: { outputs: { identity: identity.agekey, recipient: recipient.txt } } }"]);
    let mut case = Case::new(&text);
    case.apply();
    let recipient = case.value("web/app", "recipient.txt");
    case.world.secrets.get_mut(&secret("web/app")).unwrap().values.remove("recipient.txt");
    assert_eq!(signs(&case.apply()), ["= app/identity.agekey", "~ app/recipient.txt"]);
    assert_eq!(case.value("web/app", "recipient.txt"), recipient);
    case.world.secrets.get_mut(&secret("web/app")).unwrap().values.remove("identity.agekey");
    assert_eq!(codes(&case.plan()), ["source-lost web/app/identity.agekey"]);
    let mut wrong = Case::new(&text);
    wrong.apply();
    let mut wrong = wrong.there("web/app", &[("recipient.txt", &recipient)]);
    assert_eq!(state(&wrong.plan(), "recipient.txt"), State::Drift);
}

#[test]
fn certificates_follow_their_authority() {
    let text = file(
        "    - name: ca\n      namespace: web\n      type: kubernetes.io/tls\n      keys: { ca: { x509: { cn: Root, isCA: true } } }\n\
         \x20   - name: app-tls\n      namespace: web\n      type: kubernetes.io/tls\n\
         \x20     keys: { tls: { x509: { ca: ca, sans: [app.example], outputs: { ca: ca.crt } } } }\n",
    );
    let mut case = Case::new(&text);
    assert_eq!(signs(&case.apply()).len(), 5);
    for observed in case.world.secrets.values_mut() {
        observed.type_ = Some("kubernetes.io/tls".to_owned());
    }
    assert!(!case.plan().has_changes());
    let (leaf_key, leaf) = (case.value("web/app-tls", "tls.key"), case.value("web/app-tls", "tls.crt"));
    case.options.rotate = Some(rotated("web/ca/tls.key"));
    case.apply();
    assert_eq!(case.value("web/app-tls", "tls.key"), leaf_key, "the key stays");
    assert_ne!(case.value("web/app-tls", "tls.crt"), leaf, "signed anew");
    assert_eq!(case.value("web/app-tls", "ca.crt"), case.value("web/ca", "tls.crt"));
}

#[test]
fn a_conflict_in_the_middle_of_a_rotation_rotates_nothing_twice() {
    let mut case = Case::new(&file(NATS));
    case.apply();
    case.options.rotate = Some(rotated("default/nats-credentials/PW"));
    let auth = case.world.secrets[&secret("default/nats-auth")].clone();
    case.apply();
    let password = case.value("default/nats-credentials", "PW");
    // The second write met a conflict: planned again with the first one done.
    case.world.secrets.insert(secret("default/nats-auth"), auth);
    let rotation = case.options.rotate.as_mut().unwrap();
    rotation.done.clone_from(&rotation.keys);
    let plan = case.apply();
    assert_eq!(case.value("default/nats-credentials", "PW"), password);
    let changed: Vec<String> = signs(&plan).into_iter().filter(|sign| !sign.starts_with('=')).collect();
    assert_eq!(changed, ["~ nats-auth/auth.conf"]);
}
