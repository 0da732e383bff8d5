//! Layer 0: YAML as text with spans, read and written the way Kubernetes does.
