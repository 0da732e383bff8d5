//! What comes in: kinds of documents, streams, names, namespaces, scopes.

use super::{Case, NO_NAMESPACE, SECRET, check, seal};

const ONE: &str = "metadata: {name: a, namespace: x}\nstringData: {k: v}\n";
const TWO: &str = "metadata: {name: b, namespace: x}\ndata: {k: dg==}\n";

fn yaml(text: &str) -> Case {
    seal("-o yaml").stdin(text)
}

fn json(text: &str) -> Case {
    seal("").stdin(text)
}

#[test]
fn documents_of_one_secret() {
    check(vec![
        yaml(SECRET),
        yaml(&SECRET.replace('\n', "\r\n")),
        yaml(&format!("\u{feff}{SECRET}")),
        yaml(&format!("# comment\n---\n{SECRET}...\n")),
        yaml(ONE),
        json(ONE),
        json(
            r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a","namespace":"x"},"data":{"k":"dg=="},"type":"Opaque"}"#,
        ),
        json(r#"{"KIND":"Secret","Metadata":{"Name":"x","NameSpace":"a"},"STRINGDATA":{"a":"b"},"stringData":{"c":"d"}}"#),
        json("{\"metadata\":{\"name\":\"x\",\"namespace\":\"a\"},\"stringData\":{\"a\":null},\"data\":{\"b\":null}}"),
        json(r#"{"metadata":{"name":"x","namespace":"a"},"data":{"a":"dg=\n="}}"#),
        yaml("metadata: {name: a, namespace: x, labels: , annotations: }\nstringData: {k: ''}\n"),
        yaml("metadata: {name: a, namespace: x}\ntype: kubernetes.io/tls\nimmutable: true\nstringData: {k: v}\n"),
        yaml("metadata: {name: a, namespace: x}\nimmutable: false\nstringData: {k: v}\n"),
        yaml("metadata: {name: a, namespace: x}\nimmutable: null\nstringData: {k: v}\n"),
        yaml("metadata: {name: a, namespace: x}\nstringData: {k: v}\ndata: {k: b3RoZXI=}\n"),
        yaml("metadata: {name: a, namespace: x}\nunknown: 1\nstringData: {k: v}\nspec: {a: b}\n"),
        yaml("metadata: {name: testSecret, namespace: 'not valid!'}\nstringData: {'key with blanks': v}\n").wording(
            "a key that no Secret can have may be a value",
            "warning: standard input: line 2: a key of stringData is not a valid Secret key (not shown: it may hold a value; is a blank missing behind a colon?)\n",
        ),
        yaml("metadata: &m {name: a, namespace: x}\nstringData: {<<: {k: v}, l: w}\n"),
        yaml("metadata: {name: a, namespace: x}\nstringData:\n  k: |\n    line\n    ---not a marker\n    end\n\n"),
        yaml("metadata: {name: a, namespace: x}\nstringData: {k: !!binary aGk=}\n"),
    ]);
}

#[test]
fn metadata_is_copied_into_the_template() {
    let long = "word ".repeat(40);
    let meta = |rest: &str| format!("metadata:\n  name: a\n  namespace: x\n{rest}stringData: {{k: v}}\n");
    let cases = [
        "  labels: {a: '1', b: x}\n".to_owned(),
        format!("  annotations: {{a: '{long}', b: \"two\\nlines\\n\", c: 'yes', d: '1.5', e: '', f: '~', g: ' x '}}\n"),
        "  annotations: {html: \"<a href='x'>&</a> \\u2028 \\u0001 \\t é \\U0001F600\"}\n".to_owned(),
        "  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{\"data\":{}}', b: c}\n".to_owned(),
        "  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{\"data\":{}}'}\n".to_owned(),
        "  annotations: {kubecfg.ksonnet.io/last-applied-configuration: x}\n".to_owned(),
        "  creationTimestamp: 2020-01-01T00:00:00Z\n  uid: u\n  resourceVersion: '5'\n  generation: 3\n  selfLink: /x\n  deletionTimestamp: 2020-01-01T00:00:00Z\n  deletionGracePeriodSeconds: 5\n".to_owned(),
        "  ownerReferences:\n  - {apiVersion: v1, kind: K, name: own, uid: u, controller: true}\n".to_owned(),
        "  finalizers: [a, b]\n  generateName: g-\n".to_owned(),
        "  managedFields:\n  - {manager: m, operation: Update, apiVersion: v1, time: '2021-01-01T02:00:00+02:00', fieldsType: FieldsV1, fieldsV1: {'f:data': {}, a: [1, 1.5, {}, []]}}\n".to_owned(),
        "  unknown: x\n  clusterName: y\n".to_owned(),
    ];
    check(cases.iter().flat_map(|rest| [yaml(&meta(rest)), json(&meta(rest))]).collect());
}

#[test]
fn yaml_scalars_become_text() {
    let said = "ours says which values YAML changed";
    check(vec![
        yaml("metadata: {name: a, namespace: x, labels: {a: 1, b: true, c: 12345678901234567890, d: 0.5}}\nstringData: {a: 1, b: -5, c: true, d: 2020-01-01, e: 1.5}\n"),
        yaml("metadata: {name: a, namespace: x}\ntype: 5\nstringData: {k: v}\n"),
        yaml("metadata: {name: 5, namespace: 1.5}\nstringData: {k: v}\n"),
        yaml("metadata: {name: n, namespace: x}\nstringData: {k: v}\n").wording(said, "warning: standard input: line 1, column 18: `metadata.name` is read as a boolean; quote it to keep its text (now it is \"false\")\n"),
        yaml("metadata: {name: a, namespace: x, labels: {v: 1.23456789}}\nstringData: {k: v}\n").wording(said, "warning: standard input: line 1, column 47: `metadata.labels.v` is read as a floating-point number and written in another form; quote it to keep its text (now it is \"1.2345679\")\n"),
        yaml("metadata: {name: a, namespace: x}\nstringData: {a: 0777, b: 1_000, c: 0x10, d: yes, e: 1e3, f: .inf, g: ~}\n").wording(said, "warning: standard input: line 2, column 17: `stringData.a` is read as an integer and written in another form; quote it to keep its text\nwarning: standard input: line 2, column 26: `stringData.b` is read as an integer and written in another form; quote it to keep its text\nwarning: standard input: line 2, column 36: `stringData.c` is read as an integer and written in another form; quote it to keep its text\nwarning: standard input: line 2, column 45: `stringData.d` is read as a boolean; quote it to keep its text\nwarning: standard input: line 2, column 53: `stringData.e` is read as a floating-point number and written in another form; quote it to keep its text\nwarning: standard input: line 2, column 61: `stringData.f` is read as a floating-point number and written in another form; quote it to keep its text\nwarning: standard input: line 2, column 70: `stringData.g` is read as null; quote it to keep its text\n"),
        yaml("metadata: {name: a, namespace: x, labels: {1: b, 1.5: b, true: x}}\nstringData: {k: v}\n"),
        yaml("metadata: {name: a, namespace: x}\nstringData: {k: v, k: w}\n").wording(said, "warning: standard input: line 2, column 20: `stringData.k` is set twice; the last one counts\n"),
    ]);
}

#[test]
fn streams_of_documents() {
    check(vec![
        yaml(&format!("{ONE}---\n{TWO}")),
        json(&format!("{ONE}---\n{TWO}")),
        yaml(&format!("---\n# nothing\n---\n{ONE}---\n---\n{TWO}---\n")),
        yaml(&format!("{ONE}--- # second\n{TWO}")),
        json(
            r#"{"metadata":{"name":"a","namespace":"x"},"stringData":{"k":"v"}}{"metadata":{"name":"b","namespace":"x"},"stringData":{"k":"v"}}"#,
        ),
        yaml(
            "{\"metadata\":{\"name\":\"a\",\"namespace\":\"x\"},\"stringData\":{\"k\":\"v\"}}\n\n{\"metadata\":{\"name\":\"b\",\"namespace\":\"x\"},\"stringData\":{\"k\":\"v\"}}\n",
        ),
        yaml(
            &(0..30)
                .map(|n| format!("---\nmetadata: {{name: s{n}, namespace: x}}\nstringData: {{k: '{n}'}}\n"))
                .collect::<String>(),
        ),
        seal("--name same -o yaml").stdin(format!("{ONE}---\n{TWO}")),
        seal("-w out.yaml").stdin(format!("{ONE}---\n{TWO}")),
        seal("-w out.json").stdin(format!("{ONE}---\n{TWO}")),
    ]);
}

#[test]
fn names_namespaces_and_scopes() {
    let annotated = |key: &str| {
        format!(
            "metadata:\n  name: a\n  namespace: x\n  annotations: {{sealedsecrets.bitnami.com/{key}: 'true'}}\nstringData: {{k: v}}\n"
        )
    };
    let mut cases = vec![
        seal("--name other").stdin(SECRET),
        seal("--name ''").stdin(SECRET),
        seal("--name given").stdin("metadata: {namespace: x}\nstringData: {k: v}\n"),
        seal("-n typed").stdin(NO_NAMESPACE),
        seal("--namespace=ns/typed").stdin(NO_NAMESPACE),
        seal("-n namespace/typed").stdin(NO_NAMESPACE),
        seal("-n namespaces/typed").stdin(NO_NAMESPACE),
        seal("-n web").stdin(SECRET),
        seal("--kubeconfig kubeconfig").stdin(NO_NAMESPACE),
        seal("").env("KUBECONFIG", "kubeconfig").stdin(NO_NAMESPACE),
        seal("").env("KUBECONFIG", "nope:kubeconfig").stdin(NO_NAMESPACE),
        seal("--context b").env("KUBECONFIG", "kubeconfig").stdin(NO_NAMESPACE),
        seal("--context b").env("KUBECONFIG", "kubeconfig").stdin(SECRET),
        seal("").env("SEALED_SECRETS_CONTEXT", "b").env("KUBECONFIG", "kubeconfig").stdin(NO_NAMESPACE),
        seal("-n typed").env("KUBECONFIG", "kubeconfig").stdin(NO_NAMESPACE),
        seal("--kubeconfig nope").stdin(SECRET),
        seal("--kubeconfig cert.pem").stdin(SECRET),
        seal("--server http://x").stdin(NO_NAMESPACE),
        seal("").env("KUBERNETES_MASTER", "http://x").stdin(NO_NAMESPACE).wording("newer kubeseal\'s words", "error: secret must declare a namespace\nhint: set metadata.namespace, or use --namespace, or a kubeconfig whose context names one\n"),
        seal("--scope cluster-wide").stdin(NO_NAMESPACE),
        seal("--scope cluster-wide -n typed").stdin(NO_NAMESPACE),
        seal("--scope cluster-wide -n typed").stdin(SECRET),
    ];
    for scope in ["strict", "namespace-wide", "cluster-wide", "''"] {
        cases.push(seal(&format!("--scope {scope}")).stdin(SECRET));
        for annotation in ["namespace-wide", "cluster-wide"] {
            cases.push(seal(&format!("-o yaml --scope {scope}")).stdin(annotated(annotation)));
        }
    }
    cases.push(seal("").stdin(annotated("namespace-wide").replace("'true'", "'false'")));
    cases.push(seal("").stdin(annotated("cluster-wide").replace("'true'", "'TRUE'")));
    cases.push(seal("").stdin(annotated("cluster-wide").replace("'true'", "true")));
    check(cases);
}

#[test]
fn what_is_missing_is_said() {
    check(vec![
        yaml("kind: Secret\nmetadata: {name: a, namespace: x}\n"),
        seal("--allow-empty-data").stdin("kind: Secret\nmetadata: {name: a, namespace: x}\n"),
        seal("--allow-empty-data -o yaml").stdin("kind: Secret\nmetadata: {name: a, namespace: x}\nstringData: {}\n"),
        yaml("metadata: {namespace: x}\nstringData: {k: v}\n"),
        yaml("metadata: {}\nstringData: {k: v}\n"),
        yaml("metadata: {name: 1, namespace: x, generateName: b}\n"),
        yaml(NO_NAMESPACE).wording("newer kubeseal's words", "error: secret must declare a namespace\nhint: set metadata.namespace, or use --namespace, or a kubeconfig whose context names one\n"),
        seal("--context nope").env("KUBECONFIG", "kubeconfig").stdin(NO_NAMESPACE).wording("newer kubeseal's words", "error: secret must declare a namespace\nhint: set metadata.namespace, or use --namespace, or a kubeconfig whose context names one\n"),
        seal("--kubeconfig nope").stdin(NO_NAMESPACE).wording("newer kubeseal's words", "error: secret must declare a namespace\nhint: set metadata.namespace, or use --namespace, or a kubeconfig whose context names one\n"),
        seal("-n typed --kubeconfig nope").stdin(NO_NAMESPACE).differs("an explicit namespace needs no kubeconfig", 0, ""),
        seal("-n other").stdin(SECRET).differs("newer kubeseal refuses, 0.27.1 ignores the flag", 1, "error: namespace mismatch: input secret is in namespace \"web\" but \"other\" was specified\n"),
    ]);
}

#[test]
fn broken_input_is_an_error_and_nothing_is_written() {
    let bad64 = "metadata: {name: a, namespace: x}\ndata: {k: 'a b'}\n";
    check(vec![
        yaml(bad64).wording("ours names file, document and key", "error: standard input: document 1 (line 1): data.k: illegal base64 data at input byte 1\n"),
        json(r#"{"metadata":{"name":1,"namespace":"a"},"stringData":{"a":"b"}}"#).wording("ours names file and document", "error: standard input: document 1 (line 1): metadata.name: cannot unmarshal number into a field of type string\n"),
        json(r#"{"metadata":{"name":"x","namespace":"a"},"stringData":{"a":1}}"#).wording("ours names file and document", "error: standard input: document 1 (line 1): stringData.a: cannot unmarshal number into a field of type string\n"),
        yaml("metadata: {name: a, namespace: x}\nstringData: {a: [b]}\n").wording("ours names file and document", "error: standard input: document 1 (line 1): stringData.a: cannot unmarshal array into a field of type string\n"),
        yaml("metadata: {name: a, namespace: x}\ndata: {a: 1234}\n").wording("ours names file and document", "error: standard input: document 1 (line 1): data.a: cannot unmarshal number into a field of type base64 text ([]uint8)\n"),
        yaml("metadata: {name: a, namespace: x}\ndata: text\n").wording("ours names file and document", "error: standard input: document 1 (line 1): data: cannot unmarshal string into a field of type map[string][]uint8\n"),
        yaml("metadata: {name: a, namespace: x}\nimmutable: 'true'\ndata: {}\n").wording("ours names file and document", "error: standard input: document 1 (line 1): immutable: cannot unmarshal string into a field of type bool\n"),
        yaml("metadata: {name: a, namespace: x, creationTimestamp: junk}\nstringData: {k: v}\n").differs("there skipped in silence", 1, "error: standard input: document 1 (line 1): metadata.creationTimestamp: not a time such as 2006-01-02T15:04:05Z\n"),
        seal("").differs("there an empty input is sealed to nothing", 1, "error: no secrets found. Ensure the input is valid and UTF-8 encoded\n"),
        yaml("# nothing\n---\n").differs("there an empty input is sealed to nothing", 1, "error: no secrets found. Ensure the input is valid and UTF-8 encoded\n"),
        yaml("just text\n").differs("there skipped in silence", 1, "error: standard input: document 1 (line 1): expected a Kubernetes object, found string\n"),
        yaml("- a list\n").differs("there skipped in silence", 1, "error: standard input: document 1 (line 1): expected a Kubernetes object, found array\n"),
        yaml("{}\n").differs("there skipped in silence", 1, "error: secret.data is empty in input Secret, assuming this is an error and aborting. To work with empty data, --allow-empty-data can be used\n"),
        yaml(&format!("{ONE}---\nkind: [\n---\n{TWO}")).differs("there the broken document is dropped in silence", 1, "error: standard input: document 2 (line 3): line 4, column 7: not valid YAML: unclosed bracket '['\n"),
        yaml(&format!("{ONE}---\njust text\n")).differs("there the document is dropped in silence", 1, "error: standard input: document 2 (line 4): expected a Kubernetes object, found string\n"),
        yaml(&format!("{ONE}---\n{bad64}")).wording("ours names file, document and key", "error: standard input: document 2 (line 4): data.k: illegal base64 data at input byte 1\n"),
        yaml(&format!("{ONE}---\nmetadata: {{name: c}}\n")).differs("there the first document is on stdout already", 1, "error: standard input: document 2 (line 4): secret.data is empty in input Secret, assuming this is an error and aborting. To work with empty data, --allow-empty-data can be used\n"),
        yaml(&format!("{ONE}---\nkind: ConfigMap\nmetadata: {{name: c, namespace: x}}\ndata: {{k: dg==}}\n")).differs("there a ConfigMap is sealed", 1, "error: standard input: document 2 (line 4): expected kind Secret, found kind ConfigMap\n"),
        yaml("apiVersion: v2\nkind: Secret\nmetadata: {name: c, namespace: x}\ndata: {k: dg==}\n").differs("there the version is not looked at", 1, "error: standard input: document 1 (line 1): expected apiVersion v1 for kind Secret, found v2\n"),
        seal("--allow-empty-data").stdin("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: c, namespace: x}\nspec: {encryptedData: {k: AgB}}\n").differs("there an empty SealedSecret comes out", 1, "error: standard input: document 1 (line 1): expected kind Secret, found kind SealedSecret\nhint: it is sealed already; to put more values into it, seal them with --merge-into FILE\n"),
        json(r#"{"metadata":{"name":"a","namespace":"x"},"stringData":{"k":"v","k":"w"}}"#).differs("there the first value is lost in silence", 1, "error: standard input: document 1 (line 1): not valid JSON: key `k` is there twice at line 1 column 66\n"),
        yaml("kind: List\nitems:\n- {kind: Secret, metadata: {name: a, namespace: x}, stringData: {k: v}}\n").differs("a List is sealed item by item", 0, ""),
        seal("-f nope").differs("there the exit code is 0", 1, "error: Could not read file specified with --secret-file: open nope: no such file or directory\n"),
        seal("-f nope --raw --name a -n x").stdin("v").differs("there the exit code is 0", 1, "error: Could not read file specified with --secret-file: open nope: no such file or directory\n"),
        seal("-f folder").peer_hangs("a folder", 1, "error: Could not read file specified with --secret-file: read folder: is a directory\n"),
        json("{\"metadata\":{\"name\":\"a\",\"namespace\":\"x\"},\"stringData\":{\"k\":\"v\"}}\n{}\ngarbage").peer_hangs("garbage after two objects", 1, "error: standard input: document 3 (line 3): not valid JSON: expected value at line 3 column 1\n"),
        yaml("{\"metadata\":{\"name\":\"a\",\"namespace\":\"x\"},\"stringData\":{\"k\":\"v\"}}\n---\nmetadata: {name: b, namespace: x}\nstringData: {k: v}\n").peer_hangs("JSON and then YAML", 0, ""),
        seal("").stdin(b"\xff\xfek\0i\0").differs("UTF-16", 1, "error: standard input: not UTF-8 text: it begins with a UTF-16 mark; save it as UTF-8\n"),
        seal("").stdin(b"metadata: {name: a, namespace: x}\nstringData: {k: \"\xff\"}\n").differs("bytes that are not UTF-8", 1, "error: standard input: not UTF-8 text: byte 51 (line 2) is not valid\n"),
    ]);
}
