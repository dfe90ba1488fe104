//! `sandmill workflow`: the definitions of a server.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::arguments::{Definition, Workflow};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, cell, table};

pub(crate) async fn run(client: &Client, command: Workflow, output: Output) -> Result<(), Failure> {
    match command {
        Workflow::Apply { file } => apply(client, &file, output).await,
        Workflow::List => {
            let answer = client.get("/v1/workflows").await?;
            let columns =
                [("WORKFLOW", "name"), ("VERSION", "version"), ("DEPLOYED", "created_at"), ("DIGEST", "digest")];
            output.value(&answer["items"], |items| table(&columns, items));
            Ok(())
        }
        Workflow::Show { workflow } => {
            let document = client.bytes(&format!("{}/document", path(&workflow)?)).await?;
            let text = String::from_utf8_lossy(&document).into_owned();
            output.value(&json!({ "document": text }), |_| text.trim_end().to_owned());
            Ok(())
        }
        Workflow::Remove { workflow } => client.delete(&path(&workflow)?).await,
        Workflow::Validate(_) | Workflow::Graph { .. } | Workflow::DryRun(_) | Workflow::Test(_) | Workflow::Schema => {
            unreachable!("the tools of authors need no server")
        }
    }
}

async fn apply(client: &Client, file: &std::path::Path, output: Output) -> Result<(), Failure> {
    let document = std::fs::read(file)
        .map_err(|error| Failure::new(Outcome::Refused, format!("{} cannot be read: {error}", file.display())))?;
    let request =
        client.request(Method::PUT, "/v1/workflows").header("content-type", "application/yaml").body(document);
    let answer = client.send(request).await?;
    let done = if answer.status == StatusCode::CREATED { "deployed" } else { "was deployed already" };
    output.value(&answer.body, |row| {
        let pins = row["plugins"].as_array().into_iter().flatten();
        let pins: Vec<String> = pins.map(|pin| format!("{}:{}", cell(pin, "name"), cell(pin, "version"))).collect();
        let pins = if pins.is_empty() { String::new() } else { format!(", pinned to {}", pins.join(", ")) };
        format!("{}:{} {done}{pins}", cell(row, "name"), cell(row, "version"))
    });
    Ok(())
}

fn path(workflow: &Definition) -> Result<String, Failure> {
    let Definition { namespace, name, version } = workflow;
    let version = version.as_deref().ok_or_else(|| {
        Failure::new(Outcome::Refused, format!("which version of {namespace}/{name}? Write {namespace}/{name}:VERSION"))
    })?;
    Ok(format!("/v1/workflows/{namespace}/{name}/{version}"))
}
