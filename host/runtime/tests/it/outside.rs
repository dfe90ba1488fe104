//! What a guest sees of the world: nothing.

use crate::kit::{Bench, completed, json, options};

#[tokio::test]
async fn there_is_no_environment_no_file_and_no_network() {
    let bench = Bench::new(&options());
    let output = completed(bench.behave(r#"{"do":"environment"}"#).await);
    assert_eq!(output, json("[0,0,false,true]"));
}
