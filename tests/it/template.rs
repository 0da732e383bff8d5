//! Templates against what Go's text/template with sprig made of them (`vectors/template-cases.json`), and hostile ones.

use crate::support::templates::{difference, frozen, values};

#[test]
fn every_case_of_the_table_comes_out_as_go_made_it() {
    let table = frozen();
    assert!(table.cases.len() >= 400, "{}", table.cases.len());
    let common = values(&table.values);
    let wrong: Vec<String> = table.cases.iter().filter_map(|case| difference(case, &common)).collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), table.cases.len(), wrong.join("\n"));
}
