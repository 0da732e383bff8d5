//! Layer 1: `spec.template.data`, Go templates with sprig functions, under limits.
