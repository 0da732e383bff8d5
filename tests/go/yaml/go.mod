module hecate-seal.test/yaml

go 1.22.0

// What kubeseal 0.27.1 is built with.
require sigs.k8s.io/yaml v1.4.0
