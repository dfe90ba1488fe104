//! `sandmill plugin`: the plugins of a tenant.

use reqwest::{Method, StatusCode};

use crate::arguments::{Plugin, Versioned};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, cell, pretty, table};

pub(crate) async fn run(client: &Client, command: Plugin, output: Output) -> Result<(), Failure> {
    match command {
        Plugin::Add { plugin, file } => add(client, &plugin, &file, output).await,
        Plugin::List => {
            let answer = client.get("/v1/plugins").await?;
            let columns = [("NAME", "name"), ("VERSION", "version"), ("BYTES", "bytes"), ("SUMMARY", "summary")];
            output.value(&answer["items"], |items| table(&columns, items));
            Ok(())
        }
        Plugin::Inspect { plugin } => {
            let answer = client.get(&path(&plugin)).await?;
            output.value(&answer, |plugin| {
                let line = |name| format!("{name:<9}{}", cell(plugin, name));
                let lines = ["name", "version", "digest", "bytes", "summary"].map(line).join("\n");
                let schemas =
                    ["config_schema", "output_schema"].map(|name| format!("\n{name}\n{}", pretty(&plugin[name])));
                lines + &schemas.concat()
            });
            Ok(())
        }
        Plugin::Remove { plugin } => client.delete(&path(&plugin)).await,
    }
}

async fn add(client: &Client, plugin: &Versioned, file: &std::path::Path, output: Output) -> Result<(), Failure> {
    let component = std::fs::read(file)
        .map_err(|error| Failure::new(Outcome::Refused, format!("{} cannot be read: {error}", file.display())))?;
    let request = client.request(Method::PUT, &path(plugin)).header("content-type", "application/wasm").body(component);
    let answer = client.send(request).await?;
    let done = if answer.status == StatusCode::CREATED { "registered" } else { "was registered already" };
    output.value(&answer.body, |row| {
        format!("{}:{} {done} ({})", cell(row, "name"), cell(row, "version"), cell(row, "digest"))
    });
    Ok(())
}

fn path(plugin: &Versioned) -> String {
    format!("/v1/plugins/{}/{}", plugin.name, plugin.version)
}
