//! The metrics as text: OpenMetrics 1.0, or Prometheus' older text format 0.0.4 for who does not ask for the newer.
//!
//! The samples are the same in both. In the older format a counter's name in `# TYPE` ends in `_total`, and there is no end
//! mark and no unit.

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// Prometheus text 0.0.4.
    Text,
}

impl Format {
    /// What a request with this `Accept` header gets: OpenMetrics if it is named at all, as every Prometheus does since 2.5.
    #[must_use]
    pub fn accepted_by(accept: Option<&str>) -> Self {
        if accept.is_some_and(|accept| accept.contains("application/openmetrics-text")) { Self::OpenMetrics } else { Self::Text }
    }
}

/// Content type and text.
pub(super) fn write(registry: &Registry, format: Format) -> (&'static str, String) {
    let mut written = String::new();
    // Writing into a string cannot fail.
    _ = text::encode(&mut written, registry);
    match format {
        Format::OpenMetrics => ("application/openmetrics-text; version=1.0.0; charset=utf-8", written),
        Format::Text => ("text/plain; version=0.0.4; charset=utf-8", older(&written)),
    }
}

fn older(newer: &str) -> String {
    let mut text = String::with_capacity(newer.len() + 256);
    let mut help: Option<(&str, &str)> = None;
    for line in newer.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        if let Some((name, words)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            // The type that follows decides about the name.
            help = Some((name, words));
            continue;
        }
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let suffix = if kind == "counter" { "_total" } else { "" };
            if let Some((_, words)) = help.take() {
                text += &format!("# HELP {name}{suffix} {words}\n");
            }
            text += &format!("# TYPE {name}{suffix} {kind}\n");
            continue;
        }
        text += line;
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_format_names_counters_in_full_and_has_no_end_mark() {
        let newer = "# HELP a_b About.\n# TYPE a_b counter\na_b_total{x=\"# EOF\"} 1\n# HELP g G.\n# TYPE g gauge\n# UNIT g seconds\ng 2\n# EOF\n";
        assert_eq!(
            older(newer),
            "# HELP a_b_total About.\n# TYPE a_b_total counter\na_b_total{x=\"# EOF\"} 1\n# HELP g G.\n# TYPE g gauge\ng 2\n"
        );
    }

    #[test]
    fn the_format_is_negotiated() {
        let prometheus =
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
        assert_eq!(Format::accepted_by(Some(prometheus)), Format::OpenMetrics);
        assert_eq!(Format::accepted_by(Some("*/*")), Format::Text);
        assert_eq!(Format::accepted_by(None), Format::Text);
    }
}
