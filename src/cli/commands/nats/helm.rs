//! `nats helm-values`: values for the official chart that include `auth.conf` from a Secret.
//!
//! The chart has no value for that; `podTemplate.patch` and `container.patch` mount the Secret below the folder of its
//! configuration, and a key of `config.merge` that ends in `$include` becomes an include line (`bootstrap-nats.md` §2.5).

use clap::Args;

use crate::cli::report::{Exit, Failure, Outcome};
use crate::cli::{Io, names};

/// Arguments of `nats helm-values`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  hecate-seal nats helm-values --secret nats-auth > auth-values.yaml\n  helm upgrade --install nats nats/nats -f values.yaml -f auth-values.yaml"
)]
pub(super) struct HelmArgs {
    /// Name of the Secret that holds the file
    #[arg(long, value_name = "NAME", default_value = "nats-auth")]
    secret: String,
    /// Key of the Secret, which becomes the name of the file
    #[arg(long, value_name = "KEY", default_value = "auth.conf")]
    key: String,
}

/// Runs the command.
///
/// # Errors
/// For names that Kubernetes would refuse.
pub(super) fn run(args: &HelmArgs, io: &mut Io) -> Outcome {
    names::check_object(&args.secret)?;
    names::check_key(&args.key)?;
    if args.key.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Failure::usage("the server takes no include path that begins with a digit without quotes")
            .with_hint("choose another key"));
    }
    let (secret, key) = (&args.secret, &args.key);
    io.stdout.put(format!(
        "\
# For NATS's chart (nats-io/k8s): {key} of the Secret {secret} is included into nats.conf, and the chart's reloader sees
# when it changes. Nothing else may set `authorization` or `accounts`: of two, the server drops one.
config:
  merge:
    # The path is joined to the folder of nats.conf, /etc/nats-config.
    00$include: auth/{key}
podTemplate:
  patch:
    - op: add
      path: /spec/volumes/-
      value:
        name: auth
        secret:
          secretName: {secret}
          items:
            - key: {key}
              path: {key}
container:
  patch:
    # A folder, not a file (subPath): only so do changes of the Secret arrive.
    - op: add
      path: /volumeMounts/-
      value:
        name: auth
        mountPath: /etc/nats-config/auth
        readOnly: true
"
    ))?;
    Ok(Exit::DONE)
}
